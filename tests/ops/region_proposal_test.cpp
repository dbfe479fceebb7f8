#include <cmath>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// One anchor of 10 by 10 at each pixel of a map of 1 by 3 that are 10 apart, in a picture of 30 by 20.
OperatorCase proposing(const std::vector<double>& scores, const std::vector<double>& offsets,
                       std::int64_t after, const char* order = "score") {
  const auto anchors = static_cast<std::int64_t>(scores.size() / 3);
  return {.op = "RegionProposal",
          .attributes = {{"anchors", std::vector<double>{0, 0, 10, 10}},
                         {"strides", Ints{10, 10}},
                         {"height", std::int64_t{20}},
                         {"width", std::int64_t{30}},
                         {"after", after},
                         {"order", std::string(order)}},
          .inputs = {given({1, anchors, 1, 3}, scores), given({1, 4, 1, 3}, offsets)}};
}

const std::vector<double> kStill(12, 0.0);

TEST(RegionProposal, BestAnchorsFirstAndWhatIsMissingHasNoArea) {
  EXPECT_EQ(outputs_of(proposing({1, 3, 2}, kStill, 4))[0],
            (Numbers{0, 10, 0, 20, 10, 0, 20, 0, 30, 10, 0, 0, 0, 10, 10, 0, 0, 0, 0, 0}));
  EXPECT_EQ(outputs_of(proposing({1, 3, 2}, kStill, 1))[0], (Numbers{0, 10, 0, 20, 10}));
}

TEST(RegionProposal, TwoScoresAreNoneAndSome) {
  EXPECT_EQ(outputs_of(proposing({5, 0, 0, 6, 3, 4}, kStill, 3))[0],
            (Numbers{0, 20, 0, 30, 10, 0, 10, 0, 20, 10, 0, 0, 0, 10, 10}));
}

// The first is moved by half its width and made twice as high, which the picture's edge cuts; the
// second onto the third, which has the better score.
TEST(RegionProposal, OffsetsMoveCutAndSuppress) {
  std::vector<double> offsets(12, 0.0);
  offsets[0] = 0.5;
  offsets[9] = std::log(2.0);
  offsets[1] = 0.9;
  const Numbers found = outputs_of(proposing({3, 1, 2}, offsets, 3))[0];
  expect_close(found, {0, 5, 0, 15, 15, 0, 20, 0, 30, 10, 0, 0, 0, 0, 0}, 1e-12, "regions");
}

TEST(RegionProposal, WhatIsNoNumberIsNoRegion) {
  std::vector<double> offsets = kStill;
  offsets[4] = kNaN;
  EXPECT_EQ(outputs_of(proposing({1, 3, kNaN}, offsets, 2))[0],
            (Numbers{0, 0, 0, 10, 10, 0, 0, 0, 0, 0}));
}

TEST(RegionProposal, ByAreaAndOverSeveralMapsAndPictures) {
  const OperatorCase test{
      .op = "RegionProposal",
      .attributes = {{"anchors", std::vector<double>{0, 0, 10, 10, 0, 0, 4, 4}},
                     {"strides", Ints{10, 10, 4, 4}},
                     {"height", std::int64_t{20}},
                     {"width", std::int64_t{30}},
                     {"before", std::int64_t{1}},
                     {"after", std::int64_t{2}},
                     {"order", std::string("area")}},
      .inputs = {given({2, 1, 1, 2}, {1, 2, 4, 3}), given({2, 4, 1, 2}, std::vector<double>(16)),
                 given({2, 1, 1, 2}, {5, 6, 8, 7}), given({2, 4, 1, 2}, std::vector<double>(16))}};
  EXPECT_EQ(outputs_of(test)[0], (Numbers{0, 4, 0, 8, 4, 0, 10, 0, 20, 10,  //
                                          1, 0, 0, 4, 4, 1, 0,  0, 10, 10}));
}

// Whatever the numbers are stored as, and wherever they lie.
TEST(RegionProposal, OnBothDevicesInEveryLayout) {
  check_operator({.op = "RegionProposal",
                  .attributes = {{"anchors", std::vector<double>{-3, -3, 7, 7, -8, -2, 8, 2}},
                                 {"strides", Ints{4, 4}},
                                 {"height", std::int64_t{24}},
                                 {"width", std::int64_t{28}},
                                 {"after", std::int64_t{9}}},
                  .inputs = {distinct({2, 4, 6, 7}), random({2, 8, 6, 7}, -0.3, 0.3)},
                  .differentiable = {}});
}

TEST(RegionProposal, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of(proposing({1, 2, 3, 1, 2, 3, 1, 2, 3}, kStill, 1)),
            "expected scores of 1 pictures and one or two for each of 1 anchors, got 1x3x1x3");
  EXPECT_EQ(error_of(proposing({1, 2, 3}, kStill, 0)),
            "expected 1 to 1048576 regions, got 0 of 6000");
  EXPECT_EQ(error_of(proposing({1, 2, 3}, kStill, 1, "size")),
            "order: expected score or area, got size");
}

}  // namespace
}  // namespace striate
