#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Variadic, GradientsWithEveryBroadcast) {
  for (const char* op : {"Sum", "Mean", "Max", "Min"}) {
    check_operator({.op = op, .inputs = {distinct({2, 3, 2, 4})}});
    check_operator({.op = op, .inputs = {random({2, 3, 2, 4}), random({3, 1, 1}), random({4})}});
    check_operator({.op = op, .inputs = {random({3}), random({2, 3})}});
  }
}

TEST(Variadic, KnownValues) {
  const auto run = [](const char* op) {
    return outputs_of(
        {.op = op, .inputs = {given({3}, {3, 0, 2}), given({3}, {1, 3, 4}), given({}, {2})}})[0];
  };
  EXPECT_EQ(run("Sum"), (Numbers{6, 5, 8}));
  EXPECT_EQ(run("Max"), (Numbers{3, 3, 4}));
  EXPECT_EQ(run("Min"), (Numbers{1, 0, 2}));
  EXPECT_EQ(run("Mean")[0], 2);
}

TEST(Variadic, TheFirstOfEqualsGetsTheGradient) {
  const OperatorCase test{.op = "Max", .inputs = {given({2}, {1, 5}), given({2}, {1, 5})}};
  Execution run(test, draw_inputs(test), reference_device(), DType::f64, {});
  run.forward(true);
  const auto gradients = run.backward({{2, 3}}, {});
  EXPECT_EQ(gradients[0], (Numbers{2, 3}));
  EXPECT_EQ(gradients[1], (Numbers{0, 0}));
}

TEST(Variadic, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Max", .inputs = {random({2}), labels({2}, {1, 2})}}),
            "expected inputs of floating-point numbers, got int64; arithmetic on integers is "
            "not supported");
}

}  // namespace
}  // namespace striate
