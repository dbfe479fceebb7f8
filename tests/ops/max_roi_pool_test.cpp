#include <numeric>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

OperatorCase pooling(const Shape& map, const Shape& rois, const std::vector<double>& regions) {
  return {.op = "MaxRoiPool",
          .attributes = {{"pooled_shape", Ints{2, 3}}, {"spatial_scale", 0.5}},
          .inputs = {distinct(map), given(rois, regions)}};
}

TEST(MaxRoiPool, Gradients) {
  check_operator(pooling({2, 3, 6, 5}, {4, 5}, {0, 0, 0, 9,   11,     // all of the first map
                                                1, 1, 2, 5.2, 9.7,    // bins that share pixels
                                                1, 1, 2, 5.2, 9.7,    // twice
                                                0, 6, 6, 30,  40}));  // across the edge
}

// Worked by hand: rows 1 2 3 4, 5 6 7 8, 9 10 11 12.
TEST(MaxRoiPool, KnownValues) {
  std::vector<double> numbers(12);
  std::iota(numbers.begin(), numbers.end(), 1.0);
  EXPECT_EQ(
      outputs_of({.op = "MaxRoiPool",
                  .attributes = {{"pooled_shape", Ints{1, 2}}},
                  .inputs = {given({1, 1, 3, 4}, numbers),
                             given({3, 5}, {0, 0, 0, 3, 2, 0, 1, 1, 1, 1, 0, 9, 9, 9, 9})}})[0],
      (Numbers{10, 12, 6, 6, 0, 0}));
}

TEST(MaxRoiPool, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "MaxRoiPool",
                      .attributes = {{"pooled_shape", Ints{2}}},
                      .inputs = {random({1, 1, 3, 3}), random({1, 5})}}),
            "pooled_shape: expected two sizes from 1 to 1024");
  EXPECT_EQ(error_of(pooling({1, 1, 3, 3}, {2, 4}, {0, 0, 0, 0, 0, 0, 0, 0})),
            "expected rois float64 2x5, got float64 2x4");
  EXPECT_EQ(error_of(pooling({1, 3, 3}, {1, 5}, {0, 0, 0, 0, 0})),
            "expected maps N,C,H,W, got 1x3x3");
}

}  // namespace
}  // namespace striate
