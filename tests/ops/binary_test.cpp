#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Binary, GradientsOfPRelu) {
  for (const Shape& slope : {Shape{2, 3, 2, 4}, Shape{3, 1, 1}, Shape{4}, Shape{1}}) {
    check_operator({.op = "PRelu", .inputs = {distinct({2, 3, 2, 4}), random(slope)}});
  }
}

TEST(Binary, GradientsOfPow) {
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{2, 3, 2, 4}, {2, 3, 2, 4}}, {{2, 3, 2, 4}, {3, 1, 1}}, {{4}, {3, 4}}, {{5}, {}}};
  for (const auto& [a, b] : shapes) {
    check_operator({.op = "Pow", .inputs = {random(a, 0.3, 2), random(b, -2, 2)}});
  }
  check_operator({.op = "Pow", .inputs = {random({2, 3}, -2, -0.5), labels({3}, {1, 2, -3})}});
}

TEST(Binary, GradientOfPowAtZeroIsFinite) {
  const OperatorCase test{.op = "Pow", .inputs = {given({2}, {0, 0}), given({2}, {2, 1})}};
  Execution run(test, draw_inputs(test), reference_device(), DType::f64, {});
  run.forward(true);
  const auto gradients = run.backward({{1, 1}}, {});
  EXPECT_EQ(gradients[0], (Numbers{0, 1}));
  EXPECT_EQ(gradients[1], (Numbers{0, 0}));
}

Input truths(const Shape& shape, const std::vector<bool>& values) {
  Tensor tensor(DType::boolean, shape);
  std::copy(values.begin(), values.end(), tensor.data<bool>());
  return {.shape = shape, .value = tensor};
}

TEST(Where, Gradients) {
  check_operator({.op = "Where",
                  .inputs = {truths({3, 1}, {true, false, true}), random({2, 3, 4}), random({4})}});
  check_operator(
      {.op = "Where",
       .inputs = {truths({2, 2}, {true, false, false, true}), random({1}), random({2, 2})}});
}

TEST(Where, TakesNothingOfTheOtherSide) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(outputs_of({.op = "Where",
                        .inputs = {truths({2}, {true, false}), given({2}, {1, nan}),
                                   given({2}, {nan, 2})}})[0],
            (Numbers{1, 2}));
}

TEST(Binary, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "PRelu", .inputs = {random({3}), random({2, 3})}}),
            "expected a slope that broadcasts to 3, got 2x3");
  EXPECT_EQ(error_of({.op = "Where", .inputs = {random({3}), random({3}), random({3})}}),
            "expected a condition of bool, got float64");
}

}  // namespace
}  // namespace striate
