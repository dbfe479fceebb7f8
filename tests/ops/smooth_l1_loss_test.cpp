#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(SmoothL1Loss, Gradients) {
  for (const double beta : {1.0, 0.25}) {
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{7, 4}}) {
      check_operator({.op = "SmoothL1Loss",
                      .attributes = {{"beta", beta}},
                      .inputs = {random(shape, -3, 3), random(shape), random(shape, 0, 2)}});
    }
  }
}

// Equation 3 of the paper at 0, inside and outside; a weight of 0 hides an infinity's neighbour.
TEST(SmoothL1Loss, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "SmoothL1Loss",
                        .inputs = {given({4}, {0, 0.5, -3, 100}), given({4}, {0, 0, 0, 0}),
                                   given({4}, {1, 2, 4, 0})}})[0],
            (Numbers{2 * 0.125 + 4 * 2.5}));
}

TEST(SmoothL1Loss, SaysWhatDoesNotFit) {
  EXPECT_EQ(
      error_of({.op = "SmoothL1Loss", .inputs = {random({2, 4}), random({2, 4}), random({2, 1})}}),
      "expected weight float64 2x4, got float64 2x1");
  EXPECT_EQ(error_of({.op = "SmoothL1Loss",
                      .attributes = {{"beta", -1.0}},
                      .inputs = {random({2}), random({2}), random({2})}}),
            "beta: expected 0 or more, got -1");
}

}  // namespace
}  // namespace striate
