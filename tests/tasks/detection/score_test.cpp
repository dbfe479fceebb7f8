#include "striate/tasks/detection/score.h"

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "data/support.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing_data::shared_data;
using Found = std::vector<std::vector<Detection>>;
using Truth = std::vector<std::vector<Object>>;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Object object(const Box& box, std::int64_t label = 0) { return {.box = box, .label = label}; }

TEST(Score, KnownValues) {
  // Two objects; right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
  const Truth truth{{object({0, 0, 10, 10}), object({20, 0, 30, 10})}};
  const Found found{
      {{{0, 0, 10, 10}, 0, 0.9}, {{50, 0, 60, 10}, 0, 0.8}, {{20, 0, 30, 9}, 0, 0.7}}};
  const Score score = score_detections(found, truth, 1);
  const ClassScore& one = score.classes[0];
  EXPECT_EQ(one.objects, 2);
  EXPECT_THAT(one.recall, ElementsAre(0.5, 0.5, 1.0));
  EXPECT_THAT(one.precision, ElementsAre(1.0, 0.5, 2.0 / 3));
  EXPECT_DOUBLE_EQ(one.average_precision, 0.5 + 0.5 * 2 / 3);
  EXPECT_DOUBLE_EQ(mean_average_precision(found, truth, 1, Protocol::voc07),
                   (6 * 1.0 + 5 * 2.0 / 3) / 11);
  EXPECT_NEAR(mean_average_precision(found, truth, 1, Protocol::coco),
              (51 * 1.0 + 50 * 2.0 / 3) / 101, 1e-15);
  // The last overlaps by 0.9.
  EXPECT_DOUBLE_EQ(mean_average_precision(found, truth, 1, Protocol::voc, 0.91), 0.5);
  EXPECT_EQ(one.judged[2].object, 1);
  EXPECT_DOUBLE_EQ(one.judged[2].overlap, 0.9);
}

TEST(Score, ASecondDetectionOfAnObjectIsWrong) {
  const Truth truth{{object({0, 0, 10, 10})}};
  const Found found{{{{0, 0, 10, 9}, 0, 0.5}, {{0, 0, 10, 10}, 0, 0.9}}};
  for (const Protocol protocol : {Protocol::voc07, Protocol::voc, Protocol::coco}) {
    const Score score = score_detections(found, truth, 1, {.protocol = protocol});
    EXPECT_NEAR(score.mean_average_precision, 1, 1e-12);
    EXPECT_EQ(score.classes[0].judged[0].detection, 1);
    EXPECT_EQ(score.classes[0].judged[1].verdict, Judgement::wrong);
  }
}

TEST(Score, WhatIsDifficultOrACrowdIsNotCounted) {
  Truth truth{{object({0, 0, 10, 10}), object({20, 0, 30, 10})}};
  const Found found{
      {{{20, 0, 30, 10}, 0, 0.9}, {{20, 0, 30, 10}, 0, 0.8}, {{0, 0, 10, 10}, 0, 0.7}}};
  truth[0][1].difficult = true;
  for (const Protocol protocol : {Protocol::voc07, Protocol::voc}) {
    const Score score = score_detections(found, truth, 1, {.protocol = protocol});
    EXPECT_EQ(score.classes[0].objects, 1);
    EXPECT_NEAR(score.mean_average_precision, 1, 1e-12);
    EXPECT_EQ(score.classes[0].judged[1].verdict, Judgement::uncounted);
  }
  // A crowd takes any number of detections that lie in it, however small.
  truth[0][1] = {.box = {15, 0, 300, 100}, .crowd = true};
  EXPECT_NEAR(mean_average_precision(found, truth, 1, Protocol::coco), 1, 1e-12);
}

TEST(Score, ProtocolsChooseObjectsDifferently) {
  // The second detection overlaps the taken object most, the free one enough: wrong for VOC, right
  // for COCO.
  const Truth truth{{object({0, 0, 10, 10}), object({3, 0, 13, 10})}};
  const Found found{{{{0, 0, 10, 10}, 0, 0.9}, {{1, 0, 11, 10}, 0, 0.8}}};
  const Comparison comparison =
      compare_scores(found, truth, 1, {.protocol = Protocol::voc}, {.protocol = Protocol::coco});
  EXPECT_DOUBLE_EQ(comparison.first.mean_average_precision, 0.5);
  EXPECT_NEAR(comparison.second.mean_average_precision, 1, 1e-12);
  ASSERT_EQ(comparison.disagreements.size(), 1U);
  const Disagreement& one = comparison.disagreements[0];
  EXPECT_EQ(one.first.verdict, Judgement::wrong);
  EXPECT_EQ(one.first.object, 0);
  EXPECT_EQ(one.second.verdict, Judgement::right);
  EXPECT_EQ(one.second.object, 1);
  EXPECT_DOUBLE_EQ(one.difference, 0.5);
  EXPECT_DOUBLE_EQ(comparison.by_verdicts, 0.5);
  EXPECT_NEAR(comparison.by_averaging, 0, 1e-12);
}

TEST(Score, OnlySoManyOfAPictureAreSeen) {
  const Truth truth{{object({0, 0, 10, 10})}};
  Found found{{}};
  for (int i = 0; i < 100; ++i) found[0].push_back({{50, 0, 60, 10}, 0, 0.9});
  found[0].push_back({{0, 0, 10, 10}, 0, 0.1});
  EXPECT_EQ(mean_average_precision(found, truth, 1, Protocol::coco), 0);
  EXPECT_NEAR(mean_average_precision(found, truth, 1, Protocol::voc), 1.0 / 101, 1e-12);
}

TEST(Score, ClassesWithoutObjectsHaveNoNumber) {
  const Truth truth{{object({0, 0, 10, 10}, 1)}, {}};
  const Found found{{{{0, 0, 10, 10}, 1, 0.9}}, {{{0, 0, 10, 10}, 0, kNone}}};
  const Score score = score_detections(found, truth, 3);
  EXPECT_TRUE(std::isnan(score.classes[0].average_precision));
  EXPECT_EQ(score.classes[0].judged.size(), 1U);
  EXPECT_EQ(score.classes[1].average_precision, 1);
  EXPECT_EQ(score.mean_average_precision, 1);
  EXPECT_TRUE(std::isnan(score_detections(Found{{}}, Truth{{}}, 2).mean_average_precision));
  EXPECT_EQ(mean_average_precision(Found{{}}, Truth{{}}, 2), 0);
}

// "class [confidence] x y w h", boxes with their last pixel inside.
template <class Row>
void read_rows(const std::filesystem::path& folder, const Row& row) {
  for (int picture = 1; picture <= 7; ++picture) {
    std::ifstream file(folder / fmt::format("{:05}.txt", picture));
    ASSERT_TRUE(file.good()) << folder;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name;
      std::vector<double> numbers;
      words >> name;
      for (double number = 0; words >> number;) numbers.push_back(number);
      if (numbers.empty()) continue;
      row(static_cast<std::size_t>(picture - 1), numbers);
    }
  }
}

Box inclusive(const std::vector<double>& numbers, std::size_t at) {
  return {numbers[at], numbers[at + 1], numbers[at] + numbers[at + 2] + 1,
          numbers[at + 1] + numbers[at + 3] + 1};
}

TEST(Score, EqualsTheReferenceOfVoc) {
  const auto root = shared_data("ap") / "pascal_case1";
  STRIATE_SKIP_WITHOUT(root);
  Truth truth(7);
  Found found(7);
  read_rows(root / "gts", [&](std::size_t picture, const std::vector<double>& numbers) {
    truth[picture].push_back(object(inclusive(numbers, 0)));
  });
  read_rows(root / "dets", [&](std::size_t picture, const std::vector<double>& numbers) {
    found[picture].push_back({inclusive(numbers, 1), 0, numbers[0]});
  });
  struct Case {
    double overlap, eleven, area;
  };
  for (const Case& one :
       {Case{0.1, 0.3333333333, 0.3371980676}, Case{0.3, 0.2683982683, 0.2456866804},
        Case{0.5, 0.0303030303, 0.0222222222}, Case{0.75, 0, 0}}) {
    EXPECT_NEAR(mean_average_precision(found, truth, 1, Protocol::voc07, one.overlap), one.eleven,
                1e-9)
        << one.overlap;
    EXPECT_NEAR(mean_average_precision(found, truth, 1, Protocol::voc, one.overlap), one.area, 1e-9)
        << one.overlap;
  }
}

nlohmann::json json_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

Box box_of(const nlohmann::json& record) {
  const auto box = record.at("bbox").get<std::vector<double>>();
  return {box[0], box[1], box[0] + box[2], box[1] + box[3]};
}

TEST(Score, EqualsTheReferenceOfCoco) {
  const auto root = shared_data("ap") / "tests" / "test_coco_eval";
  STRIATE_SKIP_WITHOUT(root);
  const auto truth_file = json_of(root / "gts" / "sampled_gts_bbox_area.json");
  std::map<std::int64_t, std::size_t> pictures;
  for (const auto& image : truth_file.at("images")) pictures[image.at("id")];
  std::size_t count = 0;
  for (auto& [id, index] : pictures) index = count++;
  Truth truth(count);
  Found found(count);
  for (const auto& one : truth_file.at("annotations")) {
    truth[pictures.at(one.at("image_id"))].push_back({.box = box_of(one),
                                                      .label = one.at("category_id"),
                                                      .crowd = one.at("iscrowd") != 0,
                                                      .area = one.at("area")});
  }
  const auto found_file = json_of(root / "dets" / "sampled_bbox_results.json");
  for (const auto& one : found_file.at("annotations")) {
    found[pictures.at(one.at("image_id"))].push_back(
        {box_of(one), one.at("category_id"), one.at("score")});
  }
  const CocoSummary summary = coco_summary(found, truth, 91);
  EXPECT_NEAR(summary.ap, 0.503647, 1e-6);
  EXPECT_NEAR(summary.ap50, 0.696973, 1e-6);
  EXPECT_NEAR(summary.ap75, 0.571667, 1e-6);
  EXPECT_NEAR(summary.ap_small, 0.593252, 1e-6);
  EXPECT_NEAR(summary.ap_medium, 0.557991, 1e-6);
  EXPECT_NEAR(summary.ap_large, 0.489363, 1e-6);
  EXPECT_NEAR(summary.ar1, 0.386813, 1e-6);
  EXPECT_NEAR(summary.ar10, 0.593680, 1e-6);
  EXPECT_NEAR(summary.ar100, 0.595353, 1e-6);
  EXPECT_NEAR(summary.ar_small, 0.654764, 1e-6);
  EXPECT_NEAR(summary.ar_medium, 0.603130, 1e-6);
  EXPECT_NEAR(summary.ar_large, 0.553744, 1e-6);
}

}  // namespace
}  // namespace striate
