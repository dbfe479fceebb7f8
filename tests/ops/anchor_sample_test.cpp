#include <algorithm>
#include <cmath>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

// Two anchors, 10 by 10 and 20 by 10, at each pixel of a map of 1 by 3 that are 10 apart.
OperatorCase sampling(const std::vector<double>& objects, std::int64_t count) {
  return {.op = "AnchorSample",
          .attributes = {{"anchors", std::vector<double>{0, 0, 10, 10, -5, 0, 15, 10}},
                         {"strides", Ints{10, 10}},
                         {"count", count}},
          .inputs = {given({1, static_cast<std::int64_t>(objects.size() / 5), 5}, objects),
                     random({1, 8, 1, 3})},
          .outputs = 3,
          .differentiable = {}};
}

// An object of 8 by 10 that the second small anchor overlaps most, by 8 / 11.
TEST(AnchorSample, ClassesOffsetsAndWeights) {
  const auto out = outputs_of(sampling({11, 0, 19, 10, 0}, 256));
  // By IoU: 0, 0.8, 0 of the small ones; 4 / 24, 8 / 20, 4 / 24 of the wide ones.
  EXPECT_EQ(out[0], (Numbers{0, 1, 0, 0, -1, 0}));
  Numbers offsets(24, 0.0);
  offsets[2 * 3 + 1] = std::log(0.8);
  expect_close(out[1], offsets, 1e-12, "offsets");
  Numbers weights(24, 0.0);
  for (const std::size_t k : {0U, 1U, 2U, 3U}) weights[k * 3 + 1] = 0.2;
  expect_close(out[2], weights, 1e-12, "weights");
}

// An object that no anchor overlaps by 0.7 has the one that overlaps it most, far as it is.
TEST(AnchorSample, EveryObjectHasAnAnchor) {
  const auto out = outputs_of(sampling({0, 0, 3, 3, 1}, 256));
  EXPECT_EQ(out[0], (Numbers{1, 0, 0, 0, 0, 0}));
  expect_close({out[1][0], out[1][6]}, {-0.35, std::log(0.3)}, 1e-12, "offsets");
}

TEST(AnchorSample, DrawsSoMany) {
  const auto out = outputs_of(sampling({0, 0, 3, 3, 1}, 3));
  EXPECT_EQ(std::count(out[0].begin(), out[0].end(), 0.0), 2);
  EXPECT_EQ(std::count(out[0].begin(), out[0].end(), 1.0), 1);
}

TEST(AnchorSample, NoObjects) {
  const auto out = outputs_of(sampling({0, 0, 9, 9, -1, 3, 3, 3, 9, 0}, 256));
  EXPECT_EQ(out[0], Numbers(6, 0.0));
  EXPECT_EQ(largest(out[2]), 0);
}

TEST(AnchorSample, OnBothDevices) {
  check_operator(sampling({11, 0, 19, 10, 0, 2, 1, 25, 8, 1, 0, 0, 3, 3, 0}, 4));
}

TEST(AnchorSample, SaysWhatDoesNotFit) {
  OperatorCase test = sampling({0, 0, 3, 3, 1}, 0);
  EXPECT_EQ(error_of(test), "count: expected 1 or more, got 0");
  test.attributes["count"] = std::int64_t{4};
  test.inputs[1] = random({1, 4, 1, 3});
  EXPECT_EQ(error_of(test), "expected offsets N,8,H,W, got 1x4x1x3");
  test.attributes["strides"] = Ints{10};
  EXPECT_EQ(error_of(test), "expected two strides and some anchors for each of 1 maps");
}

}  // namespace
}  // namespace striate
