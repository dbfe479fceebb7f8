#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

std::vector<Input> operands(const Shape& x) {
  const Shape channels{x[1]};
  return {random(x, -2, 3), random(channels, 0.5, 2), random(channels), random(channels),
          random(channels, 0.5, 2)};
}

TEST(BatchNormalization, GradientsInTraining) {
  for (const Shape& shape : {Shape{3, 4, 3, 2}, Shape{5, 3}, Shape{2, 3, 5}}) {
    check_operator({.op = "BatchNormalization",
                    .attributes = {{"training_mode", std::int64_t{1}}, {"epsilon", 1e-3}},
                    .inputs = operands(shape),
                    .outputs = 3});
  }
}

TEST(BatchNormalization, GradientsWithRunningStatistics) {
  for (const Shape& shape : {Shape{3, 4, 3, 2}, Shape{5, 3}, Shape{2, 3, 5}}) {
    check_operator({.op = "BatchNormalization", .inputs = operands(shape)});
  }
}

// Leaky, so that both sides of zero have a slope; no value lies at the kink.
TEST(FusedBatchNormalization, Gradients) {
  for (const Shape& shape : {Shape{3, 4, 3, 2}, Shape{5, 3}}) {
    std::vector<Input> inputs = operands(shape);
    inputs[0] = distinct(shape);
    check_operator({.op = "FusedBatchNormalization",
                    .attributes = {{"training_mode", std::int64_t{1}}, {"slope", 0.25}},
                    .inputs = inputs,
                    .outputs = 3});
  }
}

TEST(BatchNormalization, KnownValues) {
  // Channel 0 holds 1 and 5: mean 3, variance 4. Channel 1 holds 2 and 2: variance 0.
  const Input x = given({2, 2}, {1, 2, 5, 2});
  const std::vector<Input> inputs = {x, given({2}, {2, 3}), given({2}, {10, 20}),
                                     given({2}, {1, 1}), given({2}, {16, 1})};
  const auto trained = outputs_of(
      {.op = "BatchNormalization",
       .attributes = {{"training_mode", std::int64_t{1}}, {"epsilon", 0.0625}, {"momentum", 0.75}},
       .inputs = inputs,
       .outputs = 3});
  const double deviation = std::sqrt(4.0625);
  EXPECT_DOUBLE_EQ(trained[0][0], -2 / deviation * 2 + 10);
  EXPECT_DOUBLE_EQ(trained[0][1], 20);
  EXPECT_DOUBLE_EQ(trained[0][2], 2 / deviation * 2 + 10);
  // running = old * momentum + batch * (1 - momentum), with the variance of the population.
  EXPECT_EQ(trained[1], (Numbers{1.5, 1.25}));
  EXPECT_EQ(trained[2], (Numbers{13, 0.75}));

  EXPECT_EQ(
      outputs_of(
          {.op = "BatchNormalization", .attributes = {{"epsilon", 0.0}}, .inputs = inputs})[0],
      (Numbers{10, 23, 12, 23}));
}

TEST(BatchNormalization, SaysWhatDoesNotFit) {
  std::vector<Input> inputs = operands({2, 3, 4, 4});
  inputs[2] = random({4});
  EXPECT_EQ(error_of({.op = "BatchNormalization", .inputs = inputs}),
            "expected B float64 3, got float64 4");
  EXPECT_EQ(error_of({.op = "BatchNormalization", .inputs = {random({3})}}),
            "expected an input N,C or N,C and more axes, got 3");
}

}  // namespace
}  // namespace striate
