#include <fmt/format.h>
#include <gtest/gtest.h>

#include "device/compare.h"
#include "device/operand.h"

namespace striate {
namespace {

using namespace striate::testing;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct RegionCase {
  RegionGeometry g;
  RegionSampling sampling;
  std::int64_t gap = 0;
};

RegionCase random_regions(std::uint64_t number) {
  Random random = case_random(number);
  const auto pick = [&](std::uint32_t low, std::uint32_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  RegionCase c;
  c.g.n = pick(1, 3);
  c.g.c = number % 5 == 0 ? pick(60, 140) : pick(1, 40);
  c.g.h = pick(1, 14);
  c.g.w = pick(1, 14);
  c.g.regions = pick(1, 9);
  c.g.oh = pick(1, 5);
  c.g.ow = pick(1, 5);
  c.g.scale = number % 3 == 0 ? 0.25 : 1.0;
  c.sampling.ratio = pick(0, 3);
  c.sampling.half_pixel = number % 2 == 0;
  c.gap = pick(0, 3);
  return c;
}

class Regional : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  RegionCase case_ = random_regions(GetParam());
  RegionGeometry g_ = case_.g;
  Random random_ = case_random(GetParam() + 1000);
  ::testing::ScopedTrace trace_{
      __FILE__, __LINE__,
      fmt::format("{}x{}x{}x{}, {} regions to {}x{}, ratio {}, half {}", g_.n, g_.c, g_.h, g_.w,
                  g_.regions, g_.oh, g_.ow, case_.sampling.ratio, case_.sampling.half_pixel)};
  // Inside, across the edges, far away, inverted, and no numbers at all.
  Value boxes_ = make_boxes();
  // Whole numbers in either of the dtypes; as a column of something wider.
  Value images_ = Value({g_.regions}, {3, 0, 0, 0, 0, 0, 0, 0}, 0,
                        GetParam() % 2 == 0 ? DType::f32 : DType::i64);

  Regional() {
    for (std::int64_t r = 0; r < g_.regions; ++r) {
      images_.set(r, random_.below(static_cast<std::uint32_t>(g_.n)));
    }
  }
  Value make_boxes() {
    Value boxes({g_.regions, 4}, random_strides(random_, {g_.regions, 4}));
    for (std::int64_t r = 0; r < g_.regions; ++r) {
      const double reach = r % 4 == 3 ? 3.0 : 1.0;
      const double w = static_cast<double>(g_.w) / g_.scale;
      const double h = static_cast<double>(g_.h) / g_.scale;
      double x1 = random_.uniform(-w * (reach - 1), w * reach);
      double x2 = random_.uniform(-w * (reach - 1), w * reach);
      double y1 = random_.uniform(-h * (reach - 1), h * reach);
      double y2 = random_.uniform(-h * (reach - 1), h * reach);
      if (r % 3 != 2 && x2 < x1) std::swap(x1, x2);
      if (r % 3 != 2 && y2 < y1) std::swap(y1, y2);
      if (GetParam() % 7 == 3 && r == 1) x1 = kNaN;
      if (GetParam() % 7 == 4 && r == 1) y2 = 1e30;
      if (GetParam() % 7 == 5 && r == 1) x1 = -1e30, y1 = -1e12;
      const double corners[] = {x1, y1, x2, y2};
      for (std::int64_t i = 0; i < 4; ++i) {
        boxes.set(4 * r + i, static_cast<double>(static_cast<float>(corners[i])));
      }
    }
    return boxes;
  }
  Regions regions(const Device& device) { return {boxes_.on(device), images_.on(device)}; }
  Value in() {
    const Shape shape{g_.n, g_.c, g_.h, g_.w};
    Value value(shape, gapped_map(shape, case_.gap));
    value.randomize(random_);
    return value;
  }
  Value out(DType dtype = DType::f32) {
    const Shape shape{g_.regions, g_.c, g_.oh, g_.ow};
    return {shape, gapped_map(shape, case_.gap + 1), 7, dtype};
  }
};

INSTANTIATE_TEST_SUITE_P(Random, Regional, ::testing::Range<std::uint64_t>(0, 60));

TEST_P(Regional, Max) {
  Value x = in();
  for (std::int64_t i = 0; i < x.shape().elements(); i += 3) x.set(i, 0.5);
  if (GetParam() % 3 == 0) x.set(0, kNaN);
  Value y = out();
  Value indices = out(DType::i32);
  Value alone = out();
  on_both([&](const Device& device) {
    device.region_max_forward(g_, x.on(device), regions(device), y.on(device), indices.on(device));
    device.region_max_forward(g_, x.on(device), regions(device), alone.on(device), {});
  });
  y.expect_close(0);
  indices.expect_close(0);
  alone.expect_close(0);
  for (const bool accumulate : {false, true}) {
    Value dy = out();
    dy.randomize(random_);
    Value dx = in();
    on_both([&](const Device& device) {
      device.region_max_backward(g_, regions(device), dy.on(device), indices.on(device),
                                 dx.on(device), accumulate);
    });
    dx.expect_close(60, 2);
  }
}

TEST_P(Regional, Align) {
  for (const bool maximum : {false, true}) {
    SCOPED_TRACE(maximum);
    RegionSampling sampling = case_.sampling;
    sampling.maximum = maximum;
    Value x = in();
    Value y = out();
    Value indices = out(DType::i32);
    const auto chosen = [&](const Device& device) { return maximum ? indices.on(device) : View{}; };
    on_both([&](const Device& device) {
      device.region_align_forward(g_, sampling, x.on(device), regions(device), y.on(device),
                                  chosen(device));
    });
    y.expect_close(24, 1);
    if (maximum) indices.expect_close(0);
    for (const bool accumulate : {false, true}) {
      Value dy = out();
      dy.randomize(random_);
      Value dx = in();
      on_both([&](const Device& device) {
        device.region_align_backward(g_, sampling, regions(device), dy.on(device), chosen(device),
                                     dx.on(device), accumulate);
      });
      dx.expect_close(100, 4);
    }
  }
}

// By hand: a box of the whole map, one that reaches over its edge, one outside.
TEST(Regional, MaxKnownValues) {
  const RegionGeometry g{.n = 1, .c = 1, .h = 3, .w = 4, .regions = 3, .oh = 2, .ow = 2};
  std::vector<float> x(12);
  std::iota(x.begin(), x.end(), 1.0F);
  const std::vector<float> boxes{0, 0, 3, 2, 2, 1, 9, 1, 20, 20, 30, 30};
  const std::vector<std::int64_t> images{0, 0, 0};
  std::vector<float> y(12);
  const Shape in{1, 1, 3, 4};
  const Shape out{3, 1, 2, 2};
  testing::cpu().region_max_forward(g, {x.data(), DType::f32, in, gapped_map(in, 0)},
                                    {{boxes.data(), DType::f32, {3, 4}, dense_strides({3, 4})},
                                     {images.data(), DType::i64, {3}, dense_strides({3})}},
                                    {y.data(), DType::f32, out, gapped_map(out, 0)}, {});
  EXPECT_EQ(y, (std::vector<float>{6, 8, 10, 12, 8, 0, 8, 0, 0, 0, 0, 0}));
}

TEST(Regional, EmptyMapsAndNoRegions) {
  for (const RegionGeometry& g :
       {RegionGeometry{.n = 1, .c = 3, .h = 0, .w = 0, .regions = 2, .oh = 2, .ow = 2},
        RegionGeometry{.n = 1, .c = 3, .h = 4, .w = 4, .regions = 0, .oh = 2, .ow = 2}}) {
    const Shape in{g.n, g.c, g.h, g.w};
    const Shape out{g.regions, g.c, g.oh, g.ow};
    Value x(in, gapped_map(in, 0));
    Value y(out, gapped_map(out, 0), 7);
    Value boxes({g.regions, 4});
    Value images({g.regions}, 0, DType::i64);
    on_both([&](const Device& device) {
      const Regions regions{boxes.on(device), images.on(device)};
      device.region_max_forward(g, x.on(device), regions, y.on(device), {});
      device.region_align_forward(g, {}, x.on(device), regions, y.on(device), {});
      device.region_align_backward(g, {}, regions, y.on(device), {}, x.on(device), false);
    });
    y.expect_close(0);
    x.expect_close(0);
  }
}

TEST(Regional, SaysWhichRegionHasNoMap) {
  const RegionGeometry g{.n = 2, .c = 1, .h = 2, .w = 2, .regions = 2};
  Value x({2, 1, 2, 2}, gapped_map({2, 1, 2, 2}, 0));
  Value y({2, 1, 1, 1}, gapped_map({2, 1, 1, 1}, 0));
  Value boxes({2, 4});
  Value images({2}, 0, DType::i64);
  images.set(1, 2);
  on_both([&](const Device& device) {
    try {
      device.region_max_forward(g, x.on(device), {boxes.on(device), images.on(device)},
                                y.on(device), {});
      ADD_FAILURE() << "nothing was thrown";
    } catch (const InputError& error) {
      EXPECT_STREQ(error.what(), "region 1: expected an image in [0, 2), got 2");
    }
  });
}

TEST(Regional, OnEveryInstructionSet) {
  on_every_instruction_set([] {
    const RegionGeometry g{.n = 1, .c = 45, .h = 9, .w = 8, .regions = 3, .oh = 3, .ow = 2};
    Random random = case_random(5);
    const Shape in{1, 45, 9, 8};
    const Shape out{3, 45, 3, 2};
    Value x(in, gapped_map(in, 1));
    x.randomize(random);
    Value boxes({3, 4});
    boxes.randomize(random, 0, 9);
    Value images({3}, 0, DType::i64);
    Value largest(out, gapped_map(out, 0));
    Value mean(out, gapped_map(out, 0));
    Value dx(in, gapped_map(in, 0));
    on_both([&](const Device& device) {
      const Regions regions{boxes.on(device), images.on(device)};
      device.region_max_forward(g, x.on(device), regions, largest.on(device), {});
      device.region_align_forward(g, {}, x.on(device), regions, mean.on(device), {});
      device.region_align_backward(g, {}, regions, mean.on(device), {}, dx.on(device), false);
    });
    largest.expect_close(0);
    mean.expect_close(24, 1);
    dx.expect_close(60, 2);
  });
}

TEST(ThreadsRegional, SameBits) {
  expect_same_bits([](const Device& device) {
    const RegionGeometry g{.n = 2, .c = 70, .h = 20, .w = 17, .regions = 40, .oh = 7, .ow = 7};
    Random random = case_random(9);
    const Shape in{2, 70, 20, 17};
    const Shape out{40, 70, 7, 7};
    Value x(in, gapped_map(in, 0));
    x.randomize(random);
    Value boxes({40, 4});
    boxes.randomize(random, -2, 20);
    Value images({40}, 0, DType::f32);
    for (std::int64_t r = 0; r < 40; r += 2) images.set(r, 1);
    Value y(out, gapped_map(out, 0));
    Value indices(out, gapped_map(out, 0), 0, DType::i32);
    Value dx(in, gapped_map(in, 0));
    const Regions regions{boxes.on(device), images.on(device)};
    device.region_max_forward(g, x.on(device), regions, y.on(device), indices.on(device));
    device.region_max_backward(g, regions, y.on(device), indices.on(device), dx.on(device), false);
    device.region_align_forward(g, {.ratio = 2}, x.on(device), regions, y.on(device), {});
    device.region_align_backward(g, {.ratio = 2}, regions, y.on(device), {}, dx.on(device), true);
    return dx.bytes();
  });
}

}  // namespace
}  // namespace striate
