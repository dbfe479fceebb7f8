#include "device/cpu/conv.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "conv_case.h"

namespace striate {
namespace {

using namespace testing;

ConvGeometry random_geometry(Random& random) {
  const auto draw = [&](std::uint32_t low, std::uint32_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  ConvGeometry g;
  g.n = draw(1, 3);
  g.h = draw(1, 13), g.w = draw(1, 17);
  g.r = draw(1, 4), g.s = draw(1, 4);
  g.stride_h = draw(1, 3), g.stride_w = draw(1, 3);
  g.dilation_h = draw(1, 3), g.dilation_w = draw(1, 3);
  g.pad_top = draw(0, 3), g.pad_left = draw(0, 3);
  switch (random.below(5)) {
    case 0:  // depthwise
      g.groups = draw(1, 12), g.c = g.groups, g.o = g.groups * draw(1, 2);
      break;
    case 1:
      g.groups = draw(2, 3), g.c = g.groups * draw(1, 9), g.o = g.groups * draw(1, 20);
      break;
    case 2:  // 1x1
      g.r = g.s = 1, g.pad_top = g.pad_left = 0;
      g.c = draw(1, 70), g.o = draw(1, 70);
      break;
    default:
      g.c = draw(1, 40), g.o = draw(1, 70);
      break;
  }
  set_output(g, draw(0, 3), draw(0, 3));
  return g;
}

class Conv : public ::testing::Test {
 protected:
  // All three passes against the reference, on every instruction set.
  void check(const ConvGeometry& g, std::uint64_t number) {
    SCOPED_TRACE("case " + std::to_string(number) + ": " + describe(g));
    const bool flag = number % 2 == 0;
    check_forward(g, number, flag);
    check_backward_data(g, number, flag);
    check_backward_weights(g, number, flag);
  }

 private:
  void check_forward(const ConvGeometry& g, std::uint64_t number, bool with_bias) {
    SCOPED_TRACE("forward");
    Random random = case_random(number);
    Case c(g, random);
    reference_->conv_forward(g, c.x.exact(), c.w.exact(),
                             {.out = {.shift = with_bias ? c.bias.exact() : View()}}, c.y.exact(),
                             {});
    reference_->conv_forward(g, c.x.absolute(), c.w.absolute(),
                             {.out = {.shift = with_bias ? c.bias.absolute() : View()}},
                             c.y.absolute(), {});
    on_every_instruction_set([&] {
      Case got = c;
      forward(threads_, got, with_bias);
      got.y.expect_close(g.c / g.groups * g.r * g.s);
    });
  }
  void check_backward_data(const ConvGeometry& g, std::uint64_t number, bool accumulate) {
    SCOPED_TRACE("backward data");
    Random random = case_random(number);
    Case c(g, random);
    reference_->conv_backward_data(g, c.y.exact(), c.w.exact(), c.x.exact(), accumulate, {});
    reference_->conv_backward_data(g, c.y.absolute(), c.w.absolute(), c.x.absolute(), accumulate,
                                   {});
    on_every_instruction_set([&] {
      Case got = c;
      backward_data(threads_, got, accumulate);
      got.x.expect_close(g.o / g.groups * g.r * g.s);
    });
  }
  void check_backward_weights(const ConvGeometry& g, std::uint64_t number, bool accumulate) {
    SCOPED_TRACE("backward weights");
    Random random = case_random(number);
    Case c(g, random);
    reference_->conv_backward_weights(g, c.x.exact(), c.y.exact(), c.w.exact(), accumulate, {});
    reference_->conv_backward_weights(g, c.x.absolute(), c.y.absolute(), c.w.absolute(), accumulate,
                                      {});
    on_every_instruction_set([&] {
      Case got = c;
      backward_weights(threads_, got, accumulate);
      got.w.expect_close(g.n * g.oh * g.ow);
    });
  }

  Threads threads_{2};
  std::unique_ptr<Device> reference_ = make_reference_device();
};

TEST_F(Conv, MatchesTheReferenceOnRandomGeometries) {
  for (std::uint64_t number = 0; number < 300; ++number) {
    Random random = case_random(1000 + number);
    check(random_geometry(random), number);
    if (HasFailure()) return;
  }
}

// Enough rows, columns, taps and channels to cut each of them into several blocks.
TEST_F(Conv, MatchesTheReferenceAcrossBlocks) {
  std::vector<ConvGeometry> cases;
  const auto add = [&](std::int64_t n, std::int64_t c, std::int64_t size, std::int64_t o,
                       std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    ConvGeometry g{.n = n,
                   .c = c,
                   .h = size,
                   .w = size,
                   .o = o,
                   .r = kernel,
                   .s = kernel,
                   .stride_h = stride,
                   .stride_w = stride,
                   .pad_top = pad,
                   .pad_left = pad};
    set_output(g, pad, pad);
    cases.push_back(g);
  };
  add(2, 48, 30, 48, 3, 1, 1);
  add(1, 130, 7, 270, 3, 1, 1);
  add(1, 1100, 5, 40, 1, 1, 0);
  add(1, 3, 45, 64, 7, 2, 3);
  add(9, 1, 28, 32, 3, 1, 1);
  add(20, 16, 16, 16, 3, 1, 1);
  add(2, 16, 32, 32, 3, 2, 1);
  add(2, 16, 32, 32, 1, 2, 0);
  for (std::size_t i = 0; i < cases.size(); ++i) check(cases[i], i);
}

TEST_F(Conv, TakesEmptyOperands) {
  for (int which = 0; which < 4; ++which) {
    ConvGeometry g{.n = 2, .c = 3, .h = 5, .w = 5, .o = 4, .oh = 3, .ow = 3, .r = 3, .s = 3};
    if (which == 0) g.n = 0;
    if (which == 1) g.c = 0;
    if (which == 2) g.o = 0;
    if (which == 3) g.oh = 0;
    check(g, static_cast<std::uint64_t>(which));
    check(g, static_cast<std::uint64_t>(which) + 1);
  }
}

// Groups that are each one thread's work; one image row is 1-D convolution.
TEST_F(Conv, MatchesTheReferenceOnManyGroupsAndOneRow) {
  ConvGeometry depthwise{.n = 2,
                         .c = 40,
                         .h = 9,
                         .w = 8,
                         .o = 40,
                         .oh = 9,
                         .ow = 8,
                         .r = 3,
                         .s = 3,
                         .pad_top = 1,
                         .pad_left = 1,
                         .groups = 40};
  check(depthwise, 0);
  check(depthwise, 1);
  check({.n = 3,
         .c = 20,
         .h = 1,
         .w = 600,
         .o = 24,
         .oh = 1,
         .ow = 300,
         .r = 1,
         .s = 5,
         .stride_w = 2,
         .pad_left = 2},
        2);
}

// NaN and infinity pass through as arithmetic says; padding multiplies nothing but zeros.
TEST_F(Conv, KeepsNonFiniteValuesWhereTheyBelong) {
  const ConvGeometry g{.n = 1,
                       .c = 4,
                       .h = 6,
                       .w = 6,
                       .o = 5,
                       .oh = 6,
                       .ow = 6,
                       .r = 3,
                       .s = 3,
                       .pad_top = 1,
                       .pad_left = 1};
  Random random = case_random(1);
  Case c(g, random);
  const View x = c.x.single();
  x.as<float>()[2 * x.stride(2) + 2 * x.stride(3)] = std::numeric_limits<float>::infinity();
  forward(Threads(1), c, true);
  const View y = c.y.single();
  for (std::int64_t row = 0; row < 6; ++row) {
    for (std::int64_t column = 0; column < 6; ++column) {
      const bool near = std::abs(row - 2) <= 1 && std::abs(column - 2) <= 1;
      const float value = y.as<float>()[row * y.stride(2) + column * y.stride(3)];
      EXPECT_EQ(std::isfinite(value), !near) << row << "," << column;
    }
  }
}

using Pass = std::function<void(const Threads&, Case&)>;

void expect_same_bits(const ConvGeometry& g, const Pass& pass, Operand Case::*result) {
  Random random = case_random(3);
  Case expected(g, random);
  pass(Threads(1), expected);
  for (const int count : {2, 3, 5}) {
    random = case_random(3);
    Case got(g, random);
    pass(Threads(count), got);
    EXPECT_TRUE((got.*result).same_bits(expected.*result)) << count << " threads, " << describe(g);
  }
}

TEST(ThreadsConv, SameBitsOnAnyNumberOfThreads) {
  std::vector<ConvGeometry> cases = {
      {.n = 3,
       .c = 24,
       .h = 15,
       .w = 14,
       .o = 40,
       .oh = 15,
       .ow = 14,
       .r = 3,
       .s = 3,
       .pad_top = 1,
       .pad_left = 1},
      {.n = 1,
       .c = 40,
       .h = 7,
       .w = 7,
       .o = 300,
       .oh = 7,
       .ow = 7,
       .r = 3,
       .s = 3,
       .pad_top = 1,
       .pad_left = 1},
      {.n = 4,
       .c = 3,
       .h = 21,
       .w = 21,
       .o = 16,
       .oh = 11,
       .ow = 11,
       .r = 5,
       .s = 5,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 2,
       .pad_left = 2},
      {.n = 2,
       .c = 16,
       .h = 9,
       .w = 9,
       .o = 16,
       .oh = 9,
       .ow = 9,
       .r = 3,
       .s = 3,
       .pad_top = 1,
       .pad_left = 1,
       .groups = 16},
  };
  for (const ConvGeometry& g : cases) {
    expect_same_bits(
        g, [](const Threads& t, Case& c) { forward(t, c, true); }, &Case::y);
    expect_same_bits(
        g, [](const Threads& t, Case& c) { backward_data(t, c, true); }, &Case::x);
    expect_same_bits(
        g, [](const Threads& t, Case& c) { backward_weights(t, c, true); }, &Case::w);
  }
}

}  // namespace
}  // namespace striate
