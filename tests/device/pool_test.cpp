#include <fmt/format.h>
#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;

struct PoolCase {
  PoolGeometry g;
  std::int64_t gap = 0;
};

std::string describe(const PoolCase& c) {
  const PoolGeometry& g = c.g;
  return fmt::format(
      "{}x{}x{}x{} to {}x{}, kernel {}x{}, stride {},{}, dilation {},{}, pad {},{},{},{}, gap {}",
      g.n, g.c, g.h, g.w, g.oh, g.ow, g.r, g.s, g.stride_h, g.stride_w, g.dilation_h, g.dilation_w,
      g.pad_top, g.pad_left, g.pad_bottom, g.pad_right, c.gap);
}

// Random windows: odd sizes, strides, dilation, uneven padding; sometimes more output rows than
// the padding accounts for, as ceil mode gives.
PoolCase random_pool(std::uint64_t number) {
  Random random = case_random(number);
  const auto pick = [&](std::uint32_t low, std::uint32_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  PoolGeometry g;
  g.n = pick(1, 3);
  g.c = number % 5 == 0 ? pick(60, 140) : pick(1, 40);
  g.h = pick(1, 12);
  g.w = pick(1, 12);
  g.r = pick(1, 4);
  g.s = pick(1, 4);
  g.stride_h = pick(1, 3);
  g.stride_w = pick(1, 3);
  g.dilation_h = pick(1, 2);
  g.dilation_w = pick(1, 2);
  g.pad_top = pick(0, 2);
  g.pad_left = pick(0, 2);
  g.pad_bottom = pick(0, 2);
  g.pad_right = pick(0, 2);
  if (number % 4 == 1) {  // windows side by side
    g.r = std::min(g.r, g.h), g.s = std::min(g.s, g.w);
    g.stride_h = g.r, g.stride_w = g.s;
    g.dilation_h = g.dilation_w = 1;
    g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = 0;
  }
  const auto outputs = [&](std::int64_t size, std::int64_t taps, std::int64_t stride,
                           std::int64_t dilation) {
    const std::int64_t room = size - (taps - 1) * dilation - 1;
    return room < 0 ? std::int64_t{1} : room / stride + 1 + pick(0, 1);
  };
  g.oh = outputs(g.h + g.pad_top + g.pad_bottom, g.r, g.stride_h, g.dilation_h);
  g.ow = outputs(g.w + g.pad_left + g.pad_right, g.s, g.stride_w, g.dilation_w);
  g.count_include_pad = number % 2 == 0;
  return {g, pick(0, 3)};
}

Shape input_shape(const PoolGeometry& g) { return {g.n, g.c, g.h, g.w}; }
Shape output_shape(const PoolGeometry& g) { return {g.n, g.c, g.oh, g.ow}; }

class Pool : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  PoolCase case_ = random_pool(GetParam());
  PoolGeometry g_ = case_.g;
  Random random_ = case_random(GetParam() + 1000);
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, describe(case_)};
  Value in(double low = -1) {
    Value value(input_shape(g_), gapped_map(input_shape(g_), case_.gap));
    value.randomize(random_, low, 1);
    return value;
  }
  Value out(double start = 0, DType dtype = DType::f32) {
    return {output_shape(g_), gapped_map(output_shape(g_), case_.gap + 1), start, dtype};
  }
};

INSTANTIATE_TEST_SUITE_P(Random, Pool, ::testing::Range<std::uint64_t>(0, 60));

TEST_P(Pool, max) {
  Value x = in();
  // Equal values, infinities and NaN among the others.
  for (std::int64_t i = 0; i < x.shape().elements(); i += 3) x.set(i, 0.5);
  if (GetParam() % 3 == 0) x.set(0, std::numeric_limits<double>::quiet_NaN());
  if (GetParam() % 4 == 0) x.set(1, -std::numeric_limits<double>::infinity());
  Value y = out();
  Value indices = out(7, DType::i32);
  Value alone = out();
  on_both([&](const Device& device) {
    device.max_pool_forward(g_, x.on(device), y.on(device), indices.on(device));
    device.max_pool_forward(g_, x.on(device), alone.on(device), {});
  });
  y.expect_close(0);
  indices.expect_close(0);
  alone.expect_close(0);

  for (const bool accumulate : {false, true}) {
    Value dy = out();
    dy.randomize(random_);
    Value dx = in();
    on_both([&](const Device& device) {
      device.max_pool_backward(g_, dy.on(device), indices.on(device), dx.on(device), accumulate);
    });
    dx.expect_close(17, 1);
  }
}

TEST_P(Pool, average) {
  Value x = in();
  Value y = out();
  on_both(
      [&](const Device& device) { device.average_pool_forward(g_, x.on(device), y.on(device)); });
  y.expect_close(18, 1);

  for (const bool accumulate : {false, true}) {
    Value dy = out();
    dy.randomize(random_);
    Value dx = in();
    on_both([&](const Device& device) {
      device.average_pool_backward(g_, dy.on(device), dx.on(device), accumulate);
    });
    dx.expect_close(20, 1);
  }
}

TEST(Pool, GlobalAverageOfAWideMap) {
  const PoolGeometry g{.n = 2, .c = 131, .h = 7, .w = 9, .oh = 1, .ow = 1, .r = 7, .s = 9};
  Random random = case_random(1);
  Value x(input_shape(g), gapped_map(input_shape(g), 0));
  x.randomize(random);
  Value y(output_shape(g), gapped_map(output_shape(g), 0));
  on_both(
      [&](const Device& device) { device.average_pool_forward(g, x.on(device), y.on(device)); });
  y.expect_close(64, 1);
}

TEST(Pool, EmptyBatchesAndWindowsInThePadding) {
  const PoolGeometry none{.n = 0,
                          .c = 3,
                          .h = 4,
                          .w = 4,
                          .oh = 2,
                          .ow = 2,
                          .r = 2,
                          .s = 2,
                          .stride_h = 2,
                          .stride_w = 2};
  Value x(input_shape(none), gapped_map(input_shape(none), 0));
  Value y(output_shape(none), gapped_map(output_shape(none), 0));
  on_both(
      [&](const Device& device) { device.max_pool_forward(none, x.on(device), y.on(device), {}); });
  y.expect_guards();

  const PoolGeometry outside{.n = 1,
                             .c = 3,
                             .h = 1,
                             .w = 1,
                             .oh = 3,
                             .ow = 3,
                             .r = 1,
                             .s = 1,
                             .pad_top = 1,
                             .pad_left = 1,
                             .pad_bottom = 1,
                             .pad_right = 1};
  Value one(input_shape(outside), gapped_map(input_shape(outside), 0), 2.0);
  Value top(output_shape(outside), gapped_map(output_shape(outside), 0));
  Value tap(output_shape(outside), gapped_map(output_shape(outside), 0), 9, DType::i32);
  cpu().max_pool_forward(outside, one.on(cpu()), top.on(cpu()), tap.on(cpu()));
  EXPECT_EQ(top.on(cpu()).as<float>()[0], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(tap.on(cpu()).as<std::int32_t>()[0], -1);
  EXPECT_EQ(top.on(cpu()).as<float>()[12], 2.0F);  // the middle pixel
  EXPECT_EQ(tap.on(cpu()).as<std::int32_t>()[12], 0);
}

TEST(ThreadsPool, SameBitsForAnyThreadCount) {
  const PoolGeometry g{.n = 3,
                       .c = 37,
                       .h = 33,
                       .w = 31,
                       .oh = 17,
                       .ow = 16,
                       .r = 3,
                       .s = 3,
                       .stride_h = 2,
                       .stride_w = 2,
                       .pad_top = 1,
                       .pad_left = 1,
                       .pad_bottom = 1,
                       .pad_right = 1};
  expect_same_bits([&](const Device& device) {
    Random random = case_random(5);
    Value x(input_shape(g), gapped_map(input_shape(g), 0));
    x.randomize(random);
    Value y(output_shape(g), gapped_map(output_shape(g), 0));
    Value indices(output_shape(g), gapped_map(output_shape(g), 0), 0, DType::i32);
    Value dx(input_shape(g), gapped_map(input_shape(g), 0));
    device.max_pool_forward(g, x.on(device), y.on(device), indices.on(device));
    device.max_pool_backward(g, y.on(device), indices.on(device), dx.on(device), false);
    device.average_pool_forward(g, dx.on(device), y.on(device));
    device.average_pool_backward(g, y.on(device), dx.on(device), true);
    return dx.bytes();
  });
}

}  // namespace
}  // namespace striate
