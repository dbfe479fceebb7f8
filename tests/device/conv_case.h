#pragma once

// A convolution's operands, and its passes on the cpu device.

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "device/cpu/conv.h"
#include "operand.h"
#include "striate/device/device.h"

namespace striate::testing {

inline Random case_random(std::uint64_t number) {
  return Random({.seed = 7, .purpose = purpose_of("convolution tests"), .step = 0}, number);
}

inline std::string describe(const ConvGeometry& g) {
  return fmt::format(
      "n {} c {} {}x{} -> o {} {}x{}, kernel {}x{}, stride {}x{}, dilation {}x{}, pad {},{}, "
      "groups {}",
      g.n, g.c, g.h, g.w, g.o, g.oh, g.ow, g.r, g.s, g.stride_h, g.stride_w, g.dilation_h,
      g.dilation_w, g.pad_top, g.pad_left, g.groups);
}

// Output sizes for padding on all four sides.
inline void set_output(ConvGeometry& g, std::int64_t bottom, std::int64_t right) {
  const auto size = [](std::int64_t in, std::int64_t kernel, std::int64_t stride,
                       std::int64_t dilation, std::int64_t pad) {
    const std::int64_t span = in + pad - (kernel - 1) * dilation - 1;
    return span < 0 ? 0 : span / stride + 1;
  };
  g.oh = size(g.h, g.r, g.stride_h, g.dilation_h, g.pad_top + bottom);
  g.ow = size(g.w, g.s, g.stride_w, g.dilation_w, g.pad_left + right);
}

// The operands of one geometry, with pixel strides of their own.
struct Case {
  Case(const ConvGeometry& geometry, Random& random)
      : g(geometry),
        x(random, {g.n, g.c, g.h, g.w}, map_strides({g.n, g.c, g.h, g.w}, g.c + gap(random))),
        w(random, {g.o, g.c / g.groups, g.r, g.s}),
        bias(random, {g.o}),
        y(random, {g.n, g.o, g.oh, g.ow}, map_strides({g.n, g.o, g.oh, g.ow}, g.o + gap(random))) {}

  static std::int64_t gap(Random& random) {
    return random.below(2) == 0 ? 0 : static_cast<std::int64_t>(random.below(9));
  }

  ConvGeometry g;
  Operand x, w, bias, y;
};

inline void forward(const Threads& threads, Case& c, const ConvFusion& fusion,
                    ConvMethod method = ConvMethod::fastest) {
  ExactScratch scratch(cpu_conv_scratch(threads, c.g, ConvPass::forward, method));
  cpu_conv_forward(threads, c.g, c.x.single(), c.w.single(), fusion, c.y.single(), scratch.span(),
                   method);
  // Weights that were prepared save time and change no bit.
  Operand again = c.y;
  ExactScratch prepared(cpu_conv_prepared(c.g, method));
  cpu_conv_prepare(threads, c.g, c.w.single(), prepared.span(), method);
  cpu_conv_forward(threads, c.g, c.x.single(), {nullptr, DType::f32, c.w.single().shape, {}},
                   fusion, again.single(), scratch.span(), method, prepared.span());
  EXPECT_TRUE(again.same_bits(c.y)) << "prepared weights";
}
inline void forward(const Threads& threads, Case& c, bool with_bias,
                    ConvMethod method = ConvMethod::fastest) {
  forward(threads, c, {.out = {.shift = with_bias ? c.bias.single() : View()}}, method);
}
inline void backward_data(const Threads& threads, Case& c, bool accumulate,
                          ConvMethod method = ConvMethod::fastest) {
  ExactScratch scratch(cpu_conv_scratch(threads, c.g, ConvPass::backward_data, method));
  cpu_conv_backward_data(threads, c.g, c.y.single(), c.w.single(), c.x.single(), accumulate,
                         scratch.span(), method);
}
inline void backward_weights(const Threads& threads, Case& c, bool accumulate,
                             ConvMethod method = ConvMethod::plain) {
  ExactScratch scratch(cpu_conv_scratch(threads, c.g, ConvPass::backward_weights, method));
  cpu_conv_backward_weights(threads, c.g, c.x.single(), c.y.single(), c.w.single(), accumulate,
                            scratch.span(), method);
}

}  // namespace striate::testing
