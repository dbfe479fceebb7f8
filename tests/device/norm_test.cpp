#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;

// The shapes and layouts a batch norm meets: maps with and without gaps, dense matrices, and any
// other strides.
struct Layouts {
  Shape shape;
  Strides strides;
};

Layouts random_layout(std::uint64_t number) {
  Random random = case_random(number);
  const auto pick = [&](std::uint32_t high) {
    return static_cast<std::int64_t>(1 + random.below(high));
  };
  const Shape map{pick(4), number % 4 == 0 ? pick(150) : pick(40), pick(9), pick(9)};
  switch (number % 4) {
    case 0:
      return {map, gapped_map(map, 0)};
    case 1:
      return {map, gapped_map(map, 3)};
    case 2: {
      const Shape matrix{pick(200), pick(70)};
      return {matrix, dense_strides(matrix)};
    }
    default:
      return {map, random_strides(random, map)};
  }
}

class BatchNorm : public ::testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Random, BatchNorm, ::testing::Range<std::uint64_t>(0, 40));

TEST_P(BatchNorm, AgreesWithTheReference) {
  const Layouts layout = random_layout(GetParam());
  Random random = case_random(GetParam() + 1000);
  const Shape channels{layout.shape[1]};
  const auto value = [&](double low, double high) {
    Value v(layout.shape, layout.strides);
    v.randomize(random, low, high);
    return v;
  };
  const auto vector = [&](double low, double high) {
    Value v(channels);
    v.randomize(random, low, high);
    return v;
  };
  Value x = value(-1, 3);
  Value mean = vector(0, 1);
  Value variance = vector(0, 1);
  Value scale = vector(-2, 2);
  Value bias = vector(-2, 2);
  Value y = value(0, 1);
  on_both([&](const Device& device) {
    device.batch_norm_statistics(x.on(device), mean.on(device), variance.on(device));
  });
  mean.expect_close(2, 0);
  variance.expect_close(2, 1e-8);

  // From here on both work from the same statistics.
  mean = vector(0.5, 1.5);
  variance = vector(0.5, 1.5);
  const double slope = GetParam() % 3 == 0 ? 0.0 : GetParam() % 3 == 1 ? 0.25 : 1.0;
  const auto norm = [&](const Device& device) {
    return Device::BatchNorm{.mean = mean.on(device),
                             .variance = variance.on(device),
                             .scale = scale.on(device),
                             .bias = bias.on(device),
                             .epsilon = 1e-5,
                             .slope = slope};
  };
  on_both([&](const Device& device) {
    device.batch_norm_apply(x.on(device), norm(device), y.on(device));
  });
  y.expect_close(8, 10);
  Value in_place = x;
  on_both([&](const Device& device) {
    device.batch_norm_apply(in_place.on(device), norm(device), in_place.on(device));
  });
  in_place.expect_close(8, 10);

  const double count = static_cast<double>(layout.shape.elements() / layout.shape[1]);
  Value dy = value(-1, 1);
  for (const bool accumulate : {false, true}) {
    Value dx = value(-1, 1);
    Value dscale = vector(-1, 1);
    Value dbias = vector(-1, 1);
    on_both([&](const Device& device) {
      device.batch_norm_backward(x.on(device), dy.on(device), norm(device),
                                 {.dx = dx.on(device),
                                  .dscale = dscale.on(device),
                                  .dbias = dbias.on(device),
                                  .accumulate_dx = accumulate,
                                  .accumulate_dscale = accumulate,
                                  .accumulate_dbias = accumulate});
    });
    dx.expect_close(16, 30);
    dscale.expect_close(2, std::sqrt(count));
    dbias.expect_close(2, std::sqrt(count));
  }
  Value over = dy;
  on_both([&](const Device& device) {
    device.batch_norm_backward(x.on(device), over.on(device), norm(device),
                               {.dx = over.on(device), .dscale = {}, .dbias = {}});
  });
  over.expect_close(16, 30);
}

TEST(BatchNorm, VarianceIsSafeFarFromZero) {
  const Shape shape{8, 19, 14, 14};
  Random random = case_random(3);
  Value x(shape, gapped_map(shape, 0));
  x.randomize(random, 99999, 100001);
  Value mean(Shape{19});
  Value variance(Shape{19});
  on_both([&](const Device& device) {
    device.batch_norm_statistics(x.on(device), mean.on(device), variance.on(device));
  });
  mean.expect_close(2);
  variance.expect_close(4);
}

TEST(BatchNorm, ConstantAndEmptyBatches) {
  for (const std::int64_t n : {0, 5}) {
    const Shape shape{n, 7, 3, 3};
    Value x(shape, gapped_map(shape, 0), 3.25);
    Value mean(Shape{7}, 9);
    Value variance(Shape{7}, 9);
    on_both([&](const Device& device) {
      device.batch_norm_statistics(x.on(device), mean.on(device), variance.on(device));
    });
    mean.expect_close(0);
    variance.expect_close(0);
  }
}

TEST(ThreadsBatchNorm, SameBitsForAnyThreadCount) {
  const Shape shape{16, 37, 15, 13};
  expect_same_bits([&](const Device& device) {
    Random random = case_random(4);
    Value x(shape, gapped_map(shape, 2));
    x.randomize(random);
    Value dy = x;
    dy.randomize(random);
    Value mean(Shape{37}), variance(Shape{37}), scale(Shape{37}, 1.5), bias(Shape{37}, 0.5);
    Value dscale(Shape{37}), dbias(Shape{37});
    device.batch_norm_statistics(x.on(device), mean.on(device), variance.on(device));
    device.batch_norm_backward(
        x.on(device), dy.on(device),
        {mean.on(device), variance.on(device), scale.on(device), bias.on(device), 1e-5, 0.1},
        {.dx = dy.on(device), .dscale = dscale.on(device), .dbias = dbias.on(device)});
    device.batch_norm_apply(
        dy.on(device),
        {mean.on(device), variance.on(device), dscale.on(device), dbias.on(device), 1e-5, 0.1},
        x.on(device));
    return x.bytes();
  });
}

}  // namespace
}  // namespace striate
