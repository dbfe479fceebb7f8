#include "device/cpu/winograd.h"

#include <cmath>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "conv_case.h"

namespace striate {
namespace {

using namespace testing;

constexpr ConvMethod kWinograd = ConvMethod::winograd;

ConvGeometry kernel3(ConvGeometry g, std::int64_t bottom, std::int64_t right) {
  g.r = g.s = 3;
  set_output(g, bottom, right);
  return g;
}

ConvGeometry random_geometry(Random& random) {
  const auto draw = [&](std::uint32_t low, std::uint32_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  ConvGeometry g;
  g.n = draw(1, 3);
  g.h = draw(1, 19), g.w = draw(1, 19);
  g.pad_top = draw(0, 3), g.pad_left = draw(0, 3);
  if (random.below(3) == 0) g.dilation_h = draw(1, 3), g.dilation_w = draw(1, 3);
  if (random.below(4) == 0) g.groups = draw(2, 9);
  g.c = g.groups * draw(1, 40), g.o = g.groups * draw(1, 70);
  if (g.groups > 3) g.c = g.groups * draw(1, 5), g.o = g.groups * draw(1, 9);
  return kernel3(g, draw(0, 3), draw(0, 3));
}

class WinogradConv : public ::testing::Test {
 protected:
  void check(const ConvGeometry& g, bool flag) {
    SCOPED_TRACE(describe(g));
    ASSERT_EQ(cpu_conv_method(g, ConvPass::forward, kWinograd), kWinograd);
    {
      SCOPED_TRACE("forward");
      Random random = case_random(2);
      Case c(g, random);
      const auto compute = [&](const View& y, const ConstView& x, const ConstView& w,
                               const ConstView& bias) {
        reference_->conv_forward(g, x, w, {.out = {.shift = flag ? bias : ConstView()}}, y, {});
      };
      compute(c.y.exact(), c.x.exact(), c.w.exact(), c.bias.exact());
      compute(c.y.absolute(), c.x.absolute(), c.w.absolute(), c.bias.absolute());
      on_every_instruction_set([&] {
        Case got = c;
        forward(threads_, got, flag, kWinograd);
        got.y.expect_close_to_largest(g.c / g.groups * 9);
      });
    }
    {
      SCOPED_TRACE("backward data");
      Random random = case_random(3);
      Case c(g, random);
      const auto compute = [&](const ConstView& dy, const ConstView& w, const View& dx) {
        reference_->conv_backward_data(g, dy, w, dx, flag, {});
      };
      compute(c.y.exact(), c.w.exact(), c.x.exact());
      compute(c.y.absolute(), c.w.absolute(), c.x.absolute());
      on_every_instruction_set([&] {
        Case got = c;
        backward_data(threads_, got, flag, kWinograd);
        got.x.expect_close_to_largest(g.o / g.groups * 9);
      });
    }
    if (g.n * g.oh * g.ow == 0) return;
    {
      SCOPED_TRACE("backward weights");
      ASSERT_EQ(cpu_conv_method(g, ConvPass::backward_weights, kWinograd), kWinograd);
      Random random = case_random(4);
      Case c(g, random);
      const auto compute = [&](const ConstView& x, const ConstView& dy, const View& dw) {
        reference_->conv_backward_weights(g, x, dy, dw, flag, {});
      };
      compute(c.x.exact(), c.y.exact(), c.w.exact());
      compute(c.x.absolute(), c.y.absolute(), c.w.absolute());
      on_every_instruction_set([&] {
        Case got = c;
        backward_weights(threads_, got, flag, kWinograd);
        got.w.expect_close_to_largest(g.n * g.oh * g.ow);
      });
    }
  }

  Threads threads_{2};
  std::unique_ptr<Device> reference_ = make_reference_device();
};

TEST_F(WinogradConv, MatchesTheReferenceOnRandomGeometries) {
  for (std::uint64_t number = 0; number < 200; ++number) {
    Random random = case_random(5000 + number);
    const ConvGeometry g = random_geometry(random);
    check(g, number % 2 == 0);
    if (HasFailure()) return;
  }
}

// Many tiles and few channels, few tiles and many channels, and several blocks of either.
TEST_F(WinogradConv, MatchesTheReferenceAcrossBlocks) {
  check(kernel3({.n = 2, .c = 20, .h = 61, .w = 50, .o = 20, .pad_top = 1, .pad_left = 1}, 1, 1),
        true);
  check(kernel3({.n = 1, .c = 300, .h = 9, .w = 7, .o = 130, .pad_top = 1, .pad_left = 1}, 1, 1),
        false);
  check(kernel3({.n = 3, .c = 70, .h = 30, .w = 31, .o = 150}, 0, 0), true);
}

// What a trained network sees: half of the values zero, the rest positive, so that sums grow with
// the channels. The error stands relative to the root mean square of the result.
TEST_F(WinogradConv, IsAccurateOnRectifiedDataOf512Channels) {
  const ConvGeometry g =
      kernel3({.n = 1, .c = 512, .h = 14, .w = 14, .o = 64, .pad_top = 1, .pad_left = 1}, 1, 1);
  Random random = case_random(11);
  Case c(g, random);
  const View x = c.x.single();
  const View exact_x = c.x.exact();
  for (std::int64_t pixel = 0; pixel < g.h * g.w; ++pixel) {
    for (std::int64_t channel = 0; channel < g.c; ++channel) {
      const std::int64_t at = pixel * x.stride(3) + channel;
      x.as<float>()[at] = static_cast<float>(std::max(0.0, random.normal()));
      exact_x.as<double>()[at] = static_cast<double>(x.as<float>()[at]);
    }
  }
  reference_->conv_forward(g, c.x.exact(), c.w.exact(), {}, c.y.exact(), {});
  const auto error = [&](ConvMethod method) {
    forward(threads_, c, false, method);
    const View y = c.y.single();
    const View exact = c.y.exact();
    double squares = 0;
    double worst = 0;
    for (std::int64_t pixel = 0; pixel < g.oh * g.ow; ++pixel) {
      for (std::int64_t channel = 0; channel < g.o; ++channel) {
        const std::int64_t at = pixel * y.stride(3) + channel;
        const double value = exact.as<double>()[at];
        squares += value * value;
        worst = std::max(worst, std::abs(static_cast<double>(y.as<float>()[at]) - value));
      }
    }
    return worst / std::sqrt(squares / static_cast<double>(g.oh * g.ow * g.o));
  };
  on_every_instruction_set([&] {
    const double plain = error(ConvMethod::plain);
    const double transformed = error(kWinograd);
    RecordProperty(cpu::kernels().name,
                   fmt::format("plain {:.2g}, winograd {:.2g}", plain, transformed));
    EXPECT_LT(transformed, 1e-5);
  });
}

TEST_F(WinogradConv, TakesEmptyOperands) {
  for (int which = 0; which < 4; ++which) {
    ConvGeometry g{.n = 2, .c = 3, .h = 5, .w = 5, .o = 4, .oh = 3, .ow = 3, .r = 3, .s = 3};
    if (which == 0) g.n = 0;
    if (which == 1) g.c = 0;
    if (which == 2) g.o = 0;
    if (which == 3) g.oh = 0;
    Random random = case_random(4);
    Case c(g, random);
    reference_->conv_forward(g, c.x.exact(), c.w.exact(), {}, c.y.exact(), {});
    reference_->conv_forward(g, c.x.absolute(), c.w.absolute(), {}, c.y.absolute(), {});
    forward(threads_, c, false, kWinograd);
    c.y.expect_close(27);
    Case back(g, random);
    reference_->conv_backward_data(g, back.y.exact(), back.w.exact(), back.x.exact(), false, {});
    reference_->conv_backward_data(g, back.y.absolute(), back.w.absolute(), back.x.absolute(),
                                   false, {});
    backward_data(threads_, back, false, kWinograd);
    back.x.expect_close(36);
    Case weights(g, random);
    reference_->conv_backward_weights(g, weights.x.exact(), weights.y.exact(), weights.w.exact(),
                                      false, {});
    reference_->conv_backward_weights(g, weights.x.absolute(), weights.y.absolute(),
                                      weights.w.absolute(), false, {});
    backward_weights(threads_, weights, false, kWinograd);
    weights.w.expect_close(18);
  }
}

TEST(WinogradChoice, LeavesOtherConvolutionsToTheProduct) {
  ConvGeometry g =
      kernel3({.n = 1, .c = 128, .h = 56, .w = 56, .o = 128, .pad_top = 1, .pad_left = 1}, 1, 1);
  EXPECT_EQ(cpu_conv_method(g, ConvPass::forward, ConvMethod::fastest), kWinograd);
  EXPECT_EQ(cpu_conv_method(g, ConvPass::backward_data, ConvMethod::fastest), kWinograd);
  EXPECT_EQ(cpu_conv_method(g, ConvPass::backward_weights, ConvMethod::fastest), kWinograd);
  EXPECT_EQ(cpu_conv_method(g, ConvPass::backward_weights, ConvMethod::plain), ConvMethod::plain);
  EXPECT_EQ(cpu_conv_method(g, ConvPass::forward, ConvMethod::plain), ConvMethod::plain);
  ConvGeometry few = kernel3({.n = 1, .c = 1, .h = 28, .w = 28, .o = 32}, 0, 0);
  EXPECT_EQ(cpu_conv_method(few, ConvPass::forward, ConvMethod::fastest), ConvMethod::plain);
  EXPECT_EQ(cpu_conv_method(few, ConvPass::backward_weights, ConvMethod::fastest),
            ConvMethod::plain);
  g.stride_w = 2;
  EXPECT_EQ(cpu_conv_method(g, ConvPass::forward, kWinograd), ConvMethod::plain);
  EXPECT_EQ(cpu_conv_method(g, ConvPass::backward_weights, kWinograd), ConvMethod::plain);
}

// The device's switch reaches the kernels: its result has the method's bits.
TEST(WinogradChoice, IsTheDevicesOption) {
  const ConvGeometry g =
      kernel3({.n = 1, .c = 64, .h = 28, .w = 28, .o = 64, .pad_top = 1, .pad_left = 1}, 1, 1);
  ASSERT_EQ(cpu_conv_method(g, ConvPass::forward, ConvMethod::fastest), kWinograd);
  for (const bool winograd : {false, true}) {
    Random random = case_random(6);
    Case expected(g, random);
    Case got = expected;
    forward(Threads(1), expected, true, winograd ? kWinograd : ConvMethod::plain);
    const auto device = make_cpu_device(CpuOptions{.threads = 2, .winograd = winograd});
    ExactScratch scratch(device->conv_scratch(g, ConvPass::forward));
    device->conv_forward(g, got.x.single(), got.w.single(), {.out = {.shift = got.bias.single()}},
                         got.y.single(), scratch.span());
    EXPECT_TRUE(got.y.same_bits(expected.y));
    backward_weights(Threads(1), expected, true, winograd ? kWinograd : ConvMethod::plain);
    ExactScratch more(device->conv_scratch(g, ConvPass::backward_weights));
    device->conv_backward_weights(g, got.x.single(), got.y.single(), got.w.single(), true,
                                  more.span());
    EXPECT_TRUE(got.w.same_bits(expected.w));
  }
}

TEST(ThreadsWinograd, SameBitsOnAnyNumberOfThreads) {
  for (const ConvGeometry& g :
       {kernel3({.n = 2, .c = 24, .h = 33, .w = 30, .o = 40, .pad_top = 1, .pad_left = 1}, 1, 1),
        kernel3({.n = 9, .c = 24, .h = 33, .w = 30, .o = 40, .pad_top = 1, .pad_left = 1}, 1, 1),
        kernel3({.n = 1, .c = 200, .h = 9, .w = 9, .o = 100, .pad_top = 1, .pad_left = 1}, 1, 1)}) {
    Random random = case_random(8);
    const Case start(g, random);
    Case expected = start;
    forward(Threads(1), expected, true, kWinograd);
    Case back = start;
    backward_data(Threads(1), back, true, kWinograd);
    Case weights = start;
    backward_weights(Threads(1), weights, true, kWinograd);
    for (const int count : {2, 3, 5, 5, 5}) {
      Case got = start;
      forward(Threads(count), got, true, kWinograd);
      EXPECT_TRUE(got.y.same_bits(expected.y)) << count << " threads, " << describe(g);
      got = start;
      backward_data(Threads(count), got, true, kWinograd);
      EXPECT_TRUE(got.x.same_bits(back.x)) << count << " threads, " << describe(g);
      got = start;
      backward_weights(Threads(count), got, true, kWinograd);
      EXPECT_TRUE(got.w.same_bits(weights.w)) << count << " threads, " << describe(g);
    }
  }
}

}  // namespace
}  // namespace striate
