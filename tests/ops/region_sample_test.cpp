#include <algorithm>
#include <cmath>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

OperatorCase sampling(const Shape& rois, const std::vector<double>& regions, const Shape& objects,
                      const std::vector<double>& truth, std::int64_t count) {
  return {.op = "RegionSample",
          .attributes = {{"classes", std::int64_t{2}}, {"regions", count}, {"share", 0.5}},
          .inputs = {given(rois, regions), given(objects, truth)},
          .outputs = 4};
}

// One region on the object of class 1, moved by a tenth of it; one beside it; the object itself.
TEST(RegionSample, ClassesOffsetsAndWeights) {
  const auto out = outputs_of(sampling({2, 5}, {0, 0, 0, 10, 10, 0, 40, 40, 50, 50}, {1, 2, 5},
                                       {1, 0, 11, 10, 1, 0, 0, 0, 0, -1}, 4));
  EXPECT_EQ(out[0], (Numbers{0, 0, 0, 10, 10, 0, 1, 0, 11, 10, 0, 40, 40, 50, 50, 0, 0, 0, 0, 0}));
  EXPECT_EQ(out[1], (Numbers{2, 2, 0, -1}));
  Numbers offsets(48, 0.0);
  offsets[8] = 1.0;  // 0.1 of its width, times 10
  expect_close(out[2], offsets, 1e-12, "offsets");
  Numbers weights(48, 0.0);
  for (const std::size_t row : {0U, 1U}) std::fill_n(weights.begin() + 12 * row + 8, 4, 0.25);
  EXPECT_EQ(out[3], weights);
}

// Twenty near it and twenty far: half of the eight are near, and none twice.
TEST(RegionSample, DrawsItsShareWithoutRepeating) {
  std::vector<double> regions;
  for (int i = 0; i < 20; ++i) regions.insert(regions.end(), {0, 0, 0, 100, 80.0 + i});
  for (int i = 0; i < 20; ++i) regions.insert(regions.end(), {0, 200, 200, 300, 281.0 + i});
  const auto out = outputs_of(sampling({40, 5}, regions, {1, 1, 5}, {0, 0, 100, 100, 0}, 8));
  EXPECT_EQ(std::count(out[1].begin(), out[1].end(), 1.0), 4);
  EXPECT_EQ(std::count(out[1].begin(), out[1].end(), 0.0), 4);
  std::vector<double> ends;
  for (std::size_t row = 0; row < 8; ++row) ends.push_back(out[0][5 * row + 4]);
  std::sort(ends.begin(), ends.end());
  EXPECT_EQ(std::adjacent_find(ends.begin(), ends.end()), ends.end());
}

// Nothing is near an object where there is none; and a picture without any region is one of none,
// which the mean over the regions that count needs.
TEST(RegionSample, PicturesWithoutObjectsOrRegions) {
  const auto out =
      outputs_of(sampling({4, 5}, {0, 0, 0, 10, 10, 0, 5, 5, 9, 9, 1, 0, 0, 0, 0, 1, 3, 3, 3, 9},
                          {2, 1, 5}, {0, 0, 0, 0, -1, 0, 0, 9, 9, -1}, 3));
  EXPECT_EQ(out[1], (Numbers{0, 0, -1, 0, -1, -1}));
  EXPECT_EQ(largest(out[3]), 0);
  for (const double value : out[2]) EXPECT_EQ(value, 0);
}

// Objects without an area, and more of them than anybody draws, give numbers all the same.
TEST(RegionSample, ManyAndBadObjects) {
  std::vector<double> truth;
  for (int i = 0; i < 50000; ++i) {
    const double at = i % 100;
    truth.insert(truth.end(), {at, at, i % 7 == 0 ? at : at + 20, at + 20, i % 2 == 0 ? 0.0 : 1.0});
  }
  const auto out = outputs_of(
      sampling({2, 5}, {0, 0, 0, 20, 20, 0, 300, 300, 400, 400}, {1, 50000, 5}, truth, 16));
  for (const double value : out[2]) EXPECT_TRUE(std::isfinite(value));
  EXPECT_EQ(std::count_if(out[1].begin(), out[1].end(), [](double label) { return label > 0; }), 8);
  EXPECT_EQ(std::count(out[1].begin(), out[1].end(), 0.0), 1);
}

TEST(RegionSample, OnBothDevices) {
  check_operator({.op = "RegionSample",
                  .attributes = {{"classes", std::int64_t{3}}, {"regions", std::int64_t{6}}},
                  .inputs = {random({20, 5}, 0, 1), given({1, 1, 5}, {0.1, 0.1, 0.9, 0.8, 2})},
                  .outputs = 4,
                  .differentiable = {}});
}

TEST(RegionSample, SaysWhatDoesNotFit) {
  EXPECT_EQ(
      error_of(sampling({3, 5}, std::vector<double>(15), {2, 1, 5}, std::vector<double>(10), 4)),
      "expected rois R,5, as many for each of 2 pictures, got 3x5");
}

}  // namespace
}  // namespace striate
