#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(InstanceNormalization, Gradients) {
  check_operator({.op = "InstanceNormalization",
                  .inputs = {random({2, 3, 4, 5}), random({3}), random({3})},
                  .bound = 1e-4});
  check_operator({.op = "InstanceNormalization",
                  .attributes = {{"epsilon", 0.1}},
                  .inputs = {random({2, 3, 7}), random({3}), random({3})},
                  .bound = 1e-4});
}

TEST(InstanceNormalization, IsBatchNormalizationOfOneSample) {
  const Input scale = random({3}, 0.5, 2);
  const Input bias = random({3});
  const OperatorCase instance{.op = "InstanceNormalization",
                              .inputs = {random({1, 3, 2, 2}), scale, bias}};
  const std::vector<Tensor> values = draw_inputs(instance);
  const auto as_given = [&](std::size_t i) {
    const auto numbers = values[i].values<double>();
    return given(values[i].shape(), {numbers.begin(), numbers.end()});
  };
  const auto batch = outputs_of({.op = "BatchNormalization",
                                 .attributes = {{"training_mode", std::int64_t{1}}},
                                 .inputs = {as_given(0), as_given(1), as_given(2),
                                            given({3}, {0, 0, 0}), given({3}, {1, 1, 1})},
                                 .outputs = 3});
  expect_close(outputs_of(instance)[0], batch[0], 1e-12, "output");
}

TEST(InstanceNormalization, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "InstanceNormalization",
                      .inputs = {random({2, 3, 4}), random({2}), random({3})}}),
            "expected scale float64 3, got float64 2");
}

}  // namespace
}  // namespace striate
