#include "striate/train/run_folder.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "striate/base/files.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  const Bytes bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::int64_t> epochs_of(const RunFolder& folder) {
  std::vector<std::int64_t> epochs;
  const std::string text = text_of(folder.metrics());
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    epochs.push_back(nlohmann::json::parse(text.substr(begin, end - begin)).at("epoch"));
  }
  return epochs;
}

class TrainRunFolder : public testing::Test {
 protected:
  TemporaryFolder temporary_;
  fs::path path_ = temporary_ / "runs";
};

TEST_F(TrainRunFolder, WritesALineAnEpoch) {
  const auto json = nlohmann::json::parse(metrics_line({.epoch = 2,
                                                        .global_step = 20,
                                                        .loss = 0.1,
                                                        .lr = NAN,
                                                        .scores = {{"top1", 0.75}},
                                                        .best_epoch = 1,
                                                        .best_score = 0.8}));
  EXPECT_EQ(json["epoch"], 2);
  EXPECT_EQ(json["loss"], 0.1);
  EXPECT_TRUE(json["lr"].is_null());
  EXPECT_EQ(json["validation_top1"], 0.75);
  EXPECT_EQ(json["best_score"], 0.8);
  EXPECT_FALSE(nlohmann::json::parse(metrics_line({.epoch = 1})).contains("best_score"));

  RunFolder folder(path_ / "deep" / "run");
  folder.keep_metrics(0);
  EXPECT_EQ(text_of(folder.metrics()), "");
  folder.append_metrics({.epoch = 1});
  folder.append_metrics({.epoch = 2});
  EXPECT_EQ(epochs_of(folder), (std::vector<std::int64_t>{1, 2}));
}

TEST_F(TrainRunFolder, KeepsTheEpochsOfARunThatGoesOn) {
  {
    RunFolder first(path_);
    first.keep_metrics(0);
    for (std::int64_t epoch = 1; epoch <= 3; ++epoch) first.append_metrics({.epoch = epoch});
    // A torn line, and lines that are not metrics.
    write_file(first.metrics(), "nonsense\n[1]\n{\"epoch\":\"1\"}\n" + text_of(first.metrics()) +
                                    "{\"epoch\":4,\"lo");
  }
  RunFolder second(path_);
  second.keep_metrics(2);
  EXPECT_EQ(epochs_of(second), (std::vector<std::int64_t>{1, 2}));
  second.append_metrics({.epoch = 3});
  EXPECT_EQ(epochs_of(second), (std::vector<std::int64_t>{1, 2, 3}));
  second.keep_metrics(0);
  EXPECT_EQ(text_of(second.metrics()), "");
}

TEST_F(TrainRunFolder, ReadsItsMetricsAgain) {
  RunFolder folder(path_);
  folder.keep_metrics(0);
  const double nan = std::nan("");
  folder.append_metrics({.epoch = 1, .global_step = 7, .loss = 0.1, .lr = 0.5, .seconds = 2});
  folder.append_metrics({.epoch = 2,
                         .loss = nan,
                         .top1 = 0.75,
                         .scores = {{"loss", 0.3}, {"top1", 0.5}},
                         .best_epoch = 2,
                         .best_score = 0.5});
  write_file(folder.metrics(),
             "{}\n[2]\n{\"epoch\":-3}\n" + text_of(folder.metrics()) + "{\"epoch\":9");
  const std::vector<EpochReport> reports = read_metrics(folder.metrics());
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].global_step, 7);
  EXPECT_EQ(reports[0].loss, 0.1);
  EXPECT_TRUE(std::isnan(reports[0].top1));
  EXPECT_TRUE(reports[0].scores.empty());
  EXPECT_TRUE(std::isnan(reports[1].loss));
  EXPECT_EQ(reports[1].top1, 0.75);
  EXPECT_EQ(reports[1].scores, (Scores{{"loss", 0.3}, {"top1", 0.5}}));
  EXPECT_TRUE(reports[1].improved);
  EXPECT_THROW(read_metrics(path_ / "none"), InputError);
}

TEST_F(TrainRunFolder, BelongsToOneRunAtATime) {
  {
    const RunFolder folder(path_);
    EXPECT_THROW(RunFolder second(path_), SystemError);
  }
  const std::string left = path_.string() + "/checkpoint.safetensors.part123";
  write_file(left, "half a file of a killed run");
  write_file(path_.string() + "/notes.part", "someone's own");
  const RunFolder again(path_);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(path_ / "notes.part"));
}

TEST_F(TrainRunFolder, SaysWhereAFolderCannotBe) {
  write_file(path_, "a file");
  EXPECT_THROW(RunFolder(path_ / "run"), SystemError);
}

}  // namespace
}  // namespace striate
