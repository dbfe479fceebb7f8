#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

// One cell of a grid of 1 by 2, two boxes, two classes.
TEST(YoloTargets, TheBoxThatOverlapsMostAnswers) {
  // Channels x, y, rw, rh, c of two boxes, then the classes; each of two cells.
  const Numbers answers{0.5, 0.5, 0.5, 0, 0.6, 0.5, 0.5, 0, 0.9, 0,   // the first box
                        0.5, 0.5, 0.5, 0, 0.4, 0.5, 0.6, 0, 0.1, 0,   // the second
                        0.2, 0,   0.7, 0};
  // An object of class 1 in the first cell, 0.36 by 0.25 of the picture.
  const Numbers truth{1, -1, 0.5, 0, 0.5, 0, 0.6, 0, 0.5, 0};
  const auto got = outputs_of({.op = "YoloTargets",
                               .attributes = {{"boxes", std::int64_t{2}}},
                               .inputs = {given({1, 12, 1, 2}, answers),
                                          given({1, 5, 1, 2}, truth)},
                               .outputs = 2});
  // The first box is exactly there (IoU 1), the second 0.16 by 0.36.
  EXPECT_EQ(got[0], (Numbers{0.5, 0, 0.5, 0, 0.6, 0, 0.5, 0, 1, 0,  //
                             0, 0, 0, 0, 0, 0, 0, 0, 0, 0,          //
                             0, 0, 1, 0}));
  EXPECT_EQ(got[1], (Numbers{5, 0, 5, 0, 5, 0, 5, 0, 1, 0.5,  //
                             0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.5,  //
                             1, 0, 1, 0}));
}

TEST(YoloTargets, OfBoxesThatMissTheObjectTheNearestAnswers) {
  const auto got =
      outputs_of({.op = "YoloTargets",
                  .attributes = {{"boxes", std::int64_t{2}}},
                  .inputs = {given({1, 11, 1, 1}, {9, 9, 0.1, 0.1, 0, 7, 7, 0.1, 0.1, 0, 0}),
                             given({1, 5, 1, 1}, {0, 0.5, 0.5, 0.5, 0.5})},
                  .outputs = 2});
  EXPECT_EQ(got[1], (Numbers{0, 0, 0, 0, 0.5, 5, 5, 5, 5, 1, 1}));
  EXPECT_EQ(got[0], (Numbers{0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0, 1}));
}

TEST(YoloTargets, EveryDeviceAndLayout) {
  check_operator({.op = "YoloTargets",
                  .attributes = {{"boxes", std::int64_t{1}}},
                  .inputs = {random({2, 8, 3, 4}), random({2, 5, 3, 4})},
                  .outputs = 2,
                  .differentiable = {}});
}

TEST(YoloTargets, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "YoloTargets",
                      .inputs = {random({1, 10, 2, 2}), random({1, 5, 2, 2})},
                      .outputs = 2}),
            "expected answers N,10 and one for each class,S,S, got 1x10x2x2");
}

}  // namespace
}  // namespace striate
