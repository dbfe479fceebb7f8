#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;

class Lrn : public ::testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Random, Lrn, ::testing::Range<std::uint64_t>(0, 30));

TEST_P(Lrn, ForwardAndBackward) {
  const std::uint64_t number = GetParam();
  Random random = case_random(number);
  Shape shape{1 + random.below(3), 1 + random.below(70)};
  for (std::uint64_t axis = 0; axis < number % 3; ++axis) shape.push_back(1 + random.below(6));
  const double betas[] = {0.75, 0.5, 0.6, 1.0};
  LocalNorm norm{.before = random.below(4), .after = random.below(4)};
  norm.share = 0.1 + random.uniform(0, 1);
  norm.beta = betas[number % 4];
  norm.bias = random.uniform(1, 2);
  const Strides strides =
      number % 2 == 0 ? dense_strides(shape, Layout::channels_last) : random_strides(random, shape);
  Value x(shape, strides);
  x.randomize(random, -3, 3);
  Value y(shape, strides);
  on_both([&](const Device& device) { device.lrn_forward(norm, x.on(device), y.on(device)); });
  y.expect_close(16, 1);

  Value dy(shape, strides);
  dy.randomize(random, -1, 1);
  for (const bool accumulate : {false, true}) {
    Value dx(shape, strides);
    dx.randomize(random, -1, 1);
    on_both([&](const Device& device) {
      device.lrn_backward(norm, x.on(device), dy.on(device), dx.on(device), accumulate);
    });
    dx.expect_close(32, 10);
  }
}

TEST(Lrn, AWindowWiderThanTheChannels) {
  Value x(Shape{1, 2});
  x.set(0, 1);
  x.set(1, 2);
  Value y(Shape{1, 2});
  const LocalNorm norm{.before = 8, .after = 9, .share = 1, .beta = 1, .bias = 0};
  on_both([&](const Device& device) { device.lrn_forward(norm, x.on(device), y.on(device)); });
  y.expect_close(4, 0);
  EXPECT_NEAR(y.on(reference()).as<double>()[1], 0.4, 1e-12);

  LocalNorm widest = norm;
  widest.before = widest.after = std::int64_t{1} << 61;
  Value same(Shape{1, 2});
  on_both([&](const Device& device) { device.lrn_forward(widest, x.on(device), same.on(device)); });
  same.expect_close(4, 0);
  EXPECT_EQ(same.on(testing::cpu()).as<float>()[1], y.on(testing::cpu()).as<float>()[1]);
}

}  // namespace
}  // namespace striate
