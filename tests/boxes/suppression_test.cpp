#include "striate/boxes/suppression.h"

#include <chrono>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "striate/base/random.h"

namespace striate {
namespace {

using testing::ElementsAre;

// By its definition, each box against every kept one.
std::vector<std::int64_t> plain(const std::vector<Box>& boxes, std::vector<double> scores,
                                double overlap) {
  std::vector<std::int64_t> kept;
  std::vector<bool> done(boxes.size());
  for (std::size_t round = 0; round < boxes.size(); ++round) {
    std::size_t best = boxes.size();
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (!done[i] && (best == boxes.size() || scores[i] > scores[best])) best = i;
    }
    done[best] = true;
    bool covered = false;
    for (const std::int64_t other : kept) {
      covered = covered || iou(boxes[best], boxes[static_cast<std::size_t>(other)]) > overlap;
    }
    if (!covered) kept.push_back(static_cast<std::int64_t>(best));
  }
  return kept;
}

struct Boxes {
  std::vector<Box> boxes;
  std::vector<double> scores;
};

Boxes random_boxes(int count, double side, double smallest, double largest, std::uint64_t seed) {
  Random random({.seed = seed, .purpose = purpose_of("boxes")}, 0);
  Boxes all;
  for (int i = 0; i < count; ++i) {
    const double x = random.uniform(0, side);
    const double y = random.uniform(0, side);
    const double ratio = largest / smallest;
    all.boxes.push_back({x, y, x + smallest * std::pow(ratio, random.uniform()),
                         y + smallest * std::pow(ratio, random.uniform())});
    all.scores.push_back(std::floor(random.uniform() * 500) / 500);  // some are equal
  }
  return all;
}

TEST(Suppression, KnownValues) {
  const std::vector<Box> boxes{{0, 0, 10, 10}, {1, 0, 11, 10}, {20, 20, 30, 30}, {0, 0, 10, 9}};
  EXPECT_THAT(suppress(boxes, std::vector<double>{0.5, 0.9, 0.1, 0.5}, 0.5), ElementsAre(1, 2));
  EXPECT_THAT(suppress(boxes, std::vector<double>{0.5, 0.5, 0.5, 0.5}, 0.5), ElementsAre(0, 2));
  // 90 of 110: only what is above the limit goes.
  EXPECT_THAT(suppress(boxes, std::vector<double>{0.9, 0.8, 0.1, 0.2}, 90.0 / 110),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(suppress({}, std::vector<double>{}, 0.5), ElementsAre());
}

TEST(Suppression, IsWhatItsDefinitionGives) {
  for (const double overlap : {0.0, 0.05, 0.3, 0.5, 0.7, 0.95}) {
    for (const double largest : {8.0, 60.0, 900.0}) {
      const Boxes all = random_boxes(400, 300, 5, largest, static_cast<std::uint64_t>(largest));
      EXPECT_EQ(suppress(all.boxes, all.scores, overlap), plain(all.boxes, all.scores, overlap))
          << overlap << " " << largest;
    }
  }
}

TEST(Suppression, StandsWhatNoBoxIs) {
  const double infinite = std::numeric_limits<double>::infinity();
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Box> boxes{{0, 0, infinite, 5}, {none, 0, 1, 1}, {5, 5, 2, 2},
                               {0, 0, 5, 5},        {0, 0, 5, 5},    {-1e308, 0, 1e308, 1}};
  EXPECT_THAT(suppress(boxes, std::vector<double>{none, 1, 2, 3, 4, 5}, 0.5),
              ElementsAre(5, 4, 2, 1, 0));
}

TEST(Suppression, EachClassForItself) {
  const std::vector<Detection> all{{{0, 0, 10, 10}, 0, 0.6},
                                   {{0, 0, 10, 10}, 1, 0.9},
                                   {{0, 0, 10, 10}, 0, 0.8},
                                   {{50, 0, 60, 10}, 0, 0.1}};
  const auto kept = suppress(all, 0.5);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].label, 1);
  EXPECT_EQ(kept[1].score, 0.8);
  EXPECT_EQ(kept[2].score, 0.1);
  EXPECT_EQ(suppress(all, 0.5, 2).size(), 2U);
}

TEST(Suppression, SoftScoresFall) {
  // IoU of 90 / 110 and 0.
  const std::vector<Detection> all{
      {{0, 0, 10, 10}, 0, 0.9}, {{1, 0, 11, 10}, 0, 0.8}, {{50, 0, 60, 10}, 0, 0.5}};
  const double shared = 90.0 / 110;
  const auto gaussian = soft_suppress(all);
  ASSERT_EQ(gaussian.size(), 3U);
  EXPECT_EQ(gaussian[1].score, 0.5);
  EXPECT_DOUBLE_EQ(gaussian[2].score, 0.8 * std::exp(-shared * shared / 0.5));
  const auto linear = soft_suppress(all, {.sigma = 0, .overlap = 0.3});
  EXPECT_DOUBLE_EQ(linear[2].score, 0.8 * (1 - shared));
  EXPECT_EQ(soft_suppress(all, {.least = 0.3}).size(), 2U);
  EXPECT_EQ(soft_suppress(all, {}, 1).size(), 1U);
}

TEST(Suppression, ManyBoxesTakeNoSquareOfTheirNumber) {
  const Boxes all = random_boxes(50000, 3000, 10, 200, 1);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_GT(suppress(all.boxes, all.scores, 0.5).size(), 1000U);
  // The square would be 1.25e9 overlaps; generous for a busy or instrumented machine.
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 3.0);
}

}  // namespace
}  // namespace striate
