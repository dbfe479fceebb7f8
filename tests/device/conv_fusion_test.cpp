#include <functional>

#include <gtest/gtest.h>

#include "conv_case.h"

namespace striate {
namespace {

using namespace testing;

// A convolution with everything that can be fused to it.
struct FusedCase : Case {
  FusedCase(const ConvGeometry& geometry, Random& random)
      : Case(geometry, random),
        in_scale(random, {g.c}),
        in_shift(random, {g.c}),
        out_scale(random, {g.o}),
        residual(random, {g.n, g.o, g.oh, g.ow},
                 map_strides({g.n, g.o, g.oh, g.ow}, g.o + gap(random))) {}

  // The parts that `which` names, bit by bit, as `of` shows an operand.
  ConvFusion fusion(unsigned which, View (Operand::*of)()) {
    const auto part = [&](unsigned bit, Operand& operand) {
      return (which >> bit & 1U) != 0 ? (operand.*of)() : View();
    };
    ConvFusion result;
    result.in = {.scale = part(0, in_scale), .shift = part(1, in_shift)};
    if ((which & 4U) != 0) result.in.slope = 0;
    result.out = {.scale = part(3, out_scale), .shift = part(4, bias)};
    if ((which & 32U) != 0) result.out.slope = 0.25;
    result.residual = part(6, residual);
    return result;
  }

  Operand in_scale, in_shift, out_scale, residual;
};

ConvGeometry random_geometry(Random& random, std::int64_t kernel) {
  const auto draw = [&](std::uint32_t low, std::uint32_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  ConvGeometry g;
  g.n = draw(1, 3), g.h = draw(1, 13), g.w = draw(1, 17);
  g.r = g.s = kernel;
  g.groups = random.below(3) == 0 ? draw(2, 9) : 1;
  g.c = g.groups * draw(1, 20), g.o = g.groups * draw(1, 40);
  const std::int64_t pad = kernel == 1 ? 0 : 1;
  g.pad_top = g.pad_left = pad;
  if (kernel != 3) g.stride_h = draw(1, 2), g.stride_w = draw(1, 2);
  set_output(g, pad, pad);
  return g;
}

void check(const ConvGeometry& g, unsigned which, ConvMethod method, std::uint64_t number) {
  SCOPED_TRACE(fmt::format("parts {:b}, {}", which, describe(g)));
  const auto reference = make_reference_device();
  Random random = case_random(number);
  FusedCase c(g, random);
  reference->conv_forward(g, c.x.exact(), c.w.exact(), c.fusion(which, &Operand::exact),
                          c.y.exact(), {});
  reference->conv_forward(g, c.x.absolute(), c.w.absolute(), c.fusion(which, &Operand::absolute),
                          c.y.absolute(), {});
  on_every_instruction_set([&] {
    FusedCase got = c;
    forward(Threads(2), got, got.fusion(which, &Operand::single), method);
    const std::int64_t terms = g.c / g.groups * g.r * g.s + 4;
    if (method == ConvMethod::winograd) {
      got.y.expect_close_to_largest(terms);
    } else {
      got.y.expect_close(terms);
    }
  });
}

constexpr unsigned kNotIn = ~7U;

TEST(ConvFusion, OfPointwiseConvolutions) {
  for (unsigned which = 0; which < 128; ++which) {
    Random random = case_random(100 + which);
    check(random_geometry(random, 1), which, ConvMethod::fastest, which);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ConvFusion, OfWinograds) {
  for (unsigned which = 0; which < 128; ++which) {
    Random random = case_random(300 + which);
    check(random_geometry(random, 3), which, ConvMethod::winograd, which);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ConvFusion, OfAnyConvolutionBehindIt) {
  for (unsigned which = 0; which < 128; which += 8) {
    Random random = case_random(500 + which);
    check(random_geometry(random, 2), which & kNotIn, ConvMethod::plain, which);
    if (::testing::Test::HasFailure()) return;
  }
}

// So deep that k is cut: what is fused waits for the last block.
TEST(ConvFusion, ComesAfterTheLastBlock) {
  check({.n = 1, .c = 1400, .h = 3, .w = 5, .o = 40, .oh = 3, .ow = 5}, 127, ConvMethod::plain, 1);
  check({.n = 1, .c = 300, .h = 4, .w = 5, .o = 40, .oh = 3, .ow = 4, .r = 2, .s = 2}, 127 & kNotIn,
        ConvMethod::plain, 2);
}

TEST(ThreadsConvFusion, SameBitsOnAnyNumberOfThreads) {
  Random random = case_random(12);
  const ConvGeometry g{.n = 1, .c = 40, .h = 20, .w = 20, .o = 90, .oh = 20, .ow = 20};
  const FusedCase start(g, random);
  FusedCase expected = start;
  forward(Threads(1), expected, expected.fusion(127, &Operand::single));
  for (const int count : {2, 3, 5}) {
    FusedCase got = start;
    forward(Threads(count), got, got.fusion(127, &Operand::single));
    EXPECT_TRUE(got.y.same_bits(expected.y)) << count << " threads";
  }
}

}  // namespace
}  // namespace striate
