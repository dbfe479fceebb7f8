#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Dropout, Gradients) {
  for (const bool training : {false, true}) {
    for (const Shape& shape : {Shape{2, 5, 3, 4}, Shape{61}}) {
      check_operator(
          {.op = "Dropout", .inputs = {random(shape), known(0.25), known(training)}, .outputs = 2});
    }
  }
  check_operator({.op = "Dropout", .inputs = {random({3, 4}), nothing(), known(true)}});
  check_operator({.op = "Dropout", .inputs = {random({3, 4})}});
}

TEST(Dropout, ScalesWhatItKeepsAndSaysWhichThatIs) {
  const auto outputs =
      outputs_of({.op = "Dropout",
                  .inputs = {given({4000}, Numbers(4000, 3.0)), known(0.25), known(true)},
                  .outputs = 2});
  double kept = 0;
  for (std::size_t i = 0; i < 4000; ++i) {
    ASSERT_EQ(outputs[0][i], outputs[1][i] == 1 ? 4.0 : 0.0);
    kept += outputs[1][i];
  }
  EXPECT_NEAR(kept, 3000, 110);  // four standard deviations of the binomial
}

TEST(Dropout, DoesNothingOutsideTraining) {
  const auto outputs = outputs_of(
      {.op = "Dropout", .inputs = {given({3}, {1, 2, 3}), known(0.5), known(false)}, .outputs = 2});
  EXPECT_EQ(outputs[0], (Numbers{1, 2, 3}));
  EXPECT_EQ(outputs[1], (Numbers{1, 1, 1}));
}

TEST(Dropout, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Dropout", .inputs = {random({3}), known(1.0)}}),
            "expected a ratio in [0, 1), got 1");
  EXPECT_EQ(error_of({.op = "Dropout", .inputs = {random({3}), random({})}}),
            "expected ratio to be known when the network is compiled");
}

}  // namespace
}  // namespace striate
