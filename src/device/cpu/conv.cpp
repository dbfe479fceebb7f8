#include "device/cpu/conv.h"

#include <algorithm>
#include <numeric>

#include "device/cpu/conv_backward_weights.h"
#include "device/cpu/groups.h"
#include "device/cpu/maps.h"
#include "device/cpu/product.h"
#include "device/cpu/winograd.h"
#include "striate/base/memory.h"

// Forward and backward-data are one computation: a product whose rows are pixels of the source
// map, found under each tap of a grid. Backward-data runs it once for each phase of the strides,
// over the taps that meet that phase, so that no tap is multiplied in vain. Of stride 1, each is
// also Winograd's convolution, of which backward-data is the one with the taps reversed.

namespace striate {
namespace {

using namespace cpu;

// One dimension of a phase: input pixels first, first + stride, … and the kernel positions tap,
// tap + tap_step, … that reach them.
struct Phase {
  std::int64_t first = 0, count = 0;
  std::int64_t tap = 0, tap_step = 1, taps = 0;
  // The source pixel under the first tap of the first pixel; the step from tap to tap.
  std::int64_t source_first = 0, source_step = 0;
};

struct Dimension {
  std::int64_t in = 0, kernel = 0, stride = 1, dilation = 1, pad = 0;

  Phase phase(std::int64_t first) const {
    Phase result;
    result.first = first;
    result.count = first < in ? (in - first + stride - 1) / stride : 0;
    // Position t meets pixel y where y + pad - t * dilation is a multiple of the stride.
    const std::int64_t period = stride / std::gcd(stride, dilation);
    result.tap_step = period;
    for (std::int64_t t = 0; t < std::min(kernel, period); ++t) {
      const std::int64_t shift = first + pad - t * dilation;
      if (shift % stride != 0) continue;
      result.tap = t;
      result.taps = (kernel - t + period - 1) / period;
      result.source_first = shift / stride;
      result.source_step = -(period * dilation / stride);
      break;
    }
    return result;
  }
};

// Calls body(vertical phase, horizontal phase).
template <class Body>
void for_each_phase(const ConvGeometry& g, Body&& body) {
  const Dimension vertical{g.h, g.r, g.stride_h, g.dilation_h, g.pad_top};
  const Dimension horizontal{g.w, g.s, g.stride_w, g.dilation_w, g.pad_left};
  for (std::int64_t y = 0; y < g.stride_h; ++y) {
    for (std::int64_t x = 0; x < g.stride_w; ++x) body(vertical.phase(y), horizontal.phase(x));
  }
}

WinogradShape winograd_shape(const Group& g, ConvPass pass) {
  if (pass != ConvPass::backward_data) {
    return {g.n, g.oh, g.ow, g.in, g.out, g.dilation_h, g.dilation_w};
  }
  return {g.n, g.h, g.w, g.out, g.in, g.dilation_h, g.dilation_w};
}

bool takes_winograd(const Group& g, ConvPass pass, ConvMethod method) {
  if (method == ConvMethod::plain) return false;
  if (g.r != 3 || g.s != 3 || g.stride_h != 1 || g.stride_w != 1) return false;
  if (g.in == 0 || g.out == 0) return false;
  const WinogradShape shape = winograd_shape(g, pass);
  const bool gradient = pass == ConvPass::backward_weights;
  if (gradient && shape.n * shape.h * shape.w == 0) return false;
  return method == ConvMethod::winograd ||
         (gradient ? winograd_gradient_wins : winograd_wins)(shape);
}

// One pixel's channels are prepared faster than they are read again from memory, once.
bool maps_input(const Group& g, ConvMethod method) {
  const bool pointwise = g.taps() == 1 && g.pad_top == 0 && g.pad_left == 0 &&
                         (g.oh - 1) * g.stride_h < g.h && (g.ow - 1) * g.stride_w < g.w;
  return pointwise || takes_winograd(g, ConvPass::forward, method);
}

std::size_t finish_bytes(std::int64_t channels) { return 2 * bytes_of<float>(channels); }

// Channels [first, first + count) of a map, followed by zeros up to `padded`.
Finish finish_of(const ChannelMap& map, std::int64_t first, std::int64_t count, std::int64_t padded,
                 Scratch& scratch) {
  const auto pad = [&](const ConstView& vector) -> const float* {
    float* to = scratch.take<float>(to_size(padded));
    if (!vector) return nullptr;
    for (std::int64_t i = 0; i < count; ++i)
      to[i] = vector.as<float>()[(first + i) * vector.stride(0)];
    std::fill(to + count, to + padded, 0.0F);
    return to;
  };
  const float* scale = pad(map.scale);
  return {scale, pad(map.shift), static_cast<float>(map.slope)};
}

// What is fused to one group's forward pass, where there is something.
struct GroupFusion {
  static std::size_t bytes(const Group& g) {
    return finish_bytes(g.in) + finish_bytes(Panels(g.out).padded());
  }
  GroupFusion(const Group& g, const ConvFusion& fusion, Scratch& scratch)
      : in(finish_of(fusion.in, g.first_in(), g.in, g.in, scratch)),
        out(finish_of(fusion.out, g.first_out(), g.out, Panels(g.out).padded(), scratch)),
        prepares(fusion.in),
        finishes(fusion.out || fusion.residual) {
    if (!fusion.residual) return;
    residual = fusion.residual.as<float>() + g.first_out();
    residual_pixel = pixel_stride(fusion.residual);
  }

  Finish in, out;
  bool prepares, finishes;
  const float* residual = nullptr;
  std::int64_t residual_pixel = 0;
};

void winograd_forward_group(const Threads& threads, const Group& g, const ConstView& x,
                            const ConstView& w, const ConvFusion& fusion, const View& y,
                            std::span<std::byte> memory) {
  Scratch scratch(memory);
  Winograd job{winograd_shape(g, ConvPass::forward)};
  const GroupFusion fused(g, fusion, scratch);
  job.prepare = fused.prepares ? &fused.in : nullptr;
  job.finish = fused.out;
  job.residual = fused.residual, job.residual_pixel = fused.residual_pixel;
  job.source = g.input(x);
  job.first_y = -g.pad_top, job.first_x = -g.pad_left;
  job.target = y.as<float>() + g.first_out();
  job.target_pixel = pixel_stride(y);
  job.weights = g.weights_of(w);
  winograd(threads, job, scratch.rest());
}

void winograd_backward_data_group(const Threads& threads, const Group& g, const ConstView& dy,
                                  const ConstView& w, const View& dx, bool accumulate,
                                  std::span<std::byte> memory) {
  Winograd job{winograd_shape(g, ConvPass::backward_data)};
  job.source = g.output(dy);
  job.first_y = g.pad_top - 2 * g.dilation_h, job.first_x = g.pad_left - 2 * g.dilation_w;
  job.target = dx.as<float>() + g.first_in();
  job.target_pixel = pixel_stride(dx);
  job.weights = g.weights_of(w);
  job.adjoint = true;
  job.accumulate = accumulate;
  winograd(threads, job, memory);
}

void winograd_backward_weights_group(const Threads& threads, const Group& g, const ConstView& x,
                                     const ConstView& dy, const View& dw, bool accumulate,
                                     std::span<std::byte> memory) {
  WinogradGradient job{winograd_shape(g, ConvPass::backward_weights)};
  job.source = g.input(x);
  job.first_y = -g.pad_top, job.first_x = -g.pad_left;
  job.gradient = g.output(dy);
  job.weights = dw.as<float>() + g.first_out() * g.weights();
  job.accumulate = accumulate;
  winograd_gradient(threads, job, memory);
}

std::size_t forward_scratch(int threads, const Group& g) {
  return bytes_of<std::int64_t>(g.weights()) + GroupFusion::bytes(g) + bytes_of<float>(g.in) +
         multiply_scratch(threads, g.n * g.oh * g.ow, g.out, g.taps(), g.in, false,
                          maps_input(g, ConvMethod::plain));
}

void forward_group(const Threads& threads, const Group& g, const ConstView& x, const ConstView& w,
                   const ConvFusion& fusion, const View& y, std::span<std::byte> memory) {
  const Kernels& k = kernels();
  const Panels panels(g.out);
  const std::int64_t taps = g.taps();
  Scratch scratch(memory);
  std::int64_t* order = scratch.take<std::int64_t>(to_size(g.weights()));
  g.order_weights(order);
  const GroupFusion fused(g, fusion, scratch);
  float* zeros = scratch.take<float>(to_size(g.in));
  std::fill_n(zeros, g.in, 0.0F);

  RowGrid grid{.kernels = k};
  grid.n = g.n, grid.h = g.oh, grid.w = g.ow;
  grid.source = g.input(x);
  grid.taps = {g.r, g.s, -g.pad_top, -g.pad_left, g.dilation_h, g.dilation_w};
  grid.step_y = g.stride_h, grid.step_x = g.stride_w;
  grid.target = y.as<float>() + g.first_out();
  grid.target_h = g.oh, grid.target_w = g.ow, grid.target_pixel = pixel_stride(y);

  Product product;
  product.rows = grid.count();
  product.columns = g.out;
  product.taps = taps;
  product.depth = g.in;
  product.find = [&](std::int64_t first, std::int64_t count, const float** from, float** to) {
    grid.find(first, count, zeros, from, to);
  };
  // Weights lie [o][c][tap]; panels are [tap][c][o].
  const float* weights = g.weights_of(w);
  product.pack = [&](std::int64_t panel, std::int64_t first, std::int64_t last, float* to) {
    k.pack_transposed(weights + panels.first(panel) * g.in * taps + first, g.in * taps,
                      last - first, panels.columns_of(panel), taps == 1 ? nullptr : order,
                      panels.width_of(panel), to);
  };
  product.prepare = fused.prepares ? &fused.in : nullptr;
  product.finish = fused.finishes ? &fused.out : nullptr;
  product.residual = fused.residual, product.residual_stride = fused.residual_pixel;
  multiply(threads, product, scratch.rest());
}

std::size_t backward_data_scratch(int threads, const Group& g) {
  std::size_t most = 0;
  for_each_phase(g, [&](const Phase& v, const Phase& h) {
    most = std::max(most, multiply_scratch(threads, g.n * v.count * h.count, g.in, v.taps * h.taps,
                                           g.out, false));
  });
  const bool strided = g.stride_h * g.stride_w > 1;
  return bytes_of<std::int64_t>(g.taps()) + bytes_of<float>(g.out) +
         bytes_of<float>(strided ? Panels(g.in).padded() * g.taps() * g.out : 0) + most;
}

void backward_data_group(const Threads& threads, const Group& g, const ConstView& dy,
                         const ConstView& w, const View& dx, bool accumulate,
                         std::span<std::byte> memory) {
  const Kernels& k = kernels();
  const Panels panels(g.in);
  const std::int64_t taps = g.taps();
  Scratch scratch(memory);
  std::int64_t* order = scratch.take<std::int64_t>(to_size(taps));
  std::int64_t place = 0;
  for_each_phase(g, [&](const Phase& v, const Phase& h) {
    for (std::int64_t j = 0; j < v.taps; ++j) {
      for (std::int64_t i = 0; i < h.taps; ++i) {
        order[(v.tap + j * v.tap_step) * g.s + h.tap + i * h.tap_step] = g.out * place++;
      }
    }
  });
  float* zeros = scratch.take<float>(to_size(g.out));
  std::fill_n(zeros, g.out, 0.0F);

  // Weights lie [o][c][tap]; panels are [phase][tap][o][c].
  const float* weights = g.weights_of(w);
  const auto pack = [&](std::int64_t panel, std::int64_t first, std::int64_t last, float* to) {
    const std::int64_t width = panels.width_of(panel);
    const float* from = weights + panels.first(panel) * taps;
    if (taps == 1) {
      k.pack_rows(from + first * g.in, g.in, last - first, panels.columns_of(panel), width, to);
      return;
    }
    for (std::int64_t o = 0; o < g.out; ++o) {
      k.pack_transposed(from + o * g.in * taps, taps, taps, panels.columns_of(panel), order, width,
                        to + o * width);
    }
  };
  const std::int64_t panel_stride = panels.width * taps * g.out;
  float* packed = nullptr;
  if (g.stride_h * g.stride_w > 1) {
    packed = scratch.take<float>(to_size(panels.padded() * taps * g.out));
    threads.run(panels.count, [&](std::int64_t panel) {
      pack(panel, 0, taps * g.out, packed + panel * panel_stride);
    });
  }

  std::int64_t tap = 0;
  for_each_phase(g, [&](const Phase& v, const Phase& h) {
    RowGrid grid{.kernels = k};
    grid.n = g.n, grid.h = v.count, grid.w = h.count;
    grid.source = g.output(dy);
    grid.taps = {v.taps, h.taps, v.source_first, h.source_first, v.source_step, h.source_step};
    grid.target = dx.as<float>() + g.first_in();
    grid.target_h = g.h, grid.target_w = g.w, grid.target_pixel = pixel_stride(dx);
    grid.first_y = v.first, grid.first_x = h.first;
    grid.target_step_y = g.stride_h, grid.target_step_x = g.stride_w;

    Product product;
    product.rows = grid.count();
    product.columns = g.in;
    product.taps = grid.taps.count();
    product.depth = g.out;
    product.find = [&](std::int64_t first, std::int64_t count, const float** from, float** to) {
      grid.find(first, count, zeros, from, to);
    };
    if (packed) {
      product.packed = packed;
      product.packed_first = tap * g.out;
      product.panel_stride = panel_stride;
    } else {
      product.pack = pack;
    }
    product.accumulate = accumulate;
    // Pixels that no tap reaches have a gradient of zero.
    if (product.taps > 0 || !accumulate) multiply(threads, product, scratch.rest());
    tap += product.taps;
  });
}

// Bytes for one group, by the pass and the method.
auto group_scratch(ConvPass pass, ConvMethod method) {
  return [=](int threads, const Group& g) -> std::size_t {
    if (pass == ConvPass::backward_weights) {
      return takes_winograd(g, pass, method)
                 ? winograd_gradient_scratch(threads, winograd_shape(g, pass))
                 : backward_weights_scratch(threads, g);
    }
    const bool forward = pass == ConvPass::forward;
    if (takes_winograd(g, pass, method)) {
      return (forward ? GroupFusion::bytes(g) : 0) +
             winograd_scratch(threads, winograd_shape(g, pass), forward);
    }
    return forward ? forward_scratch(threads, g) : backward_data_scratch(threads, g);
  };
}

}  // namespace

ConvMethod cpu_conv_method(const ConvGeometry& g, ConvPass pass, ConvMethod method) {
  return takes_winograd(Group(g, 0), pass, method) ? ConvMethod::winograd : ConvMethod::plain;
}

bool cpu_conv_maps_input(const ConvGeometry& g, ConvMethod method) {
  return maps_input(Group(g, 0), method);
}

std::size_t cpu_conv_scratch(const Threads& threads, const ConvGeometry& g, ConvPass pass,
                             ConvMethod method) {
  return groups_scratch(threads, g, group_scratch(pass, method));
}

void cpu_conv_forward(const Threads& threads, const ConvGeometry& g, const ConstView& x,
                      const ConstView& w, const ConvFusion& fusion, const View& y,
                      std::span<std::byte> scratch, ConvMethod method) {
  invariant(!fusion.in || cpu_conv_maps_input(g, method),
            "convolution: the input is to be mapped where that costs a pass of its own");
  for_each_group(threads, g, group_scratch(ConvPass::forward, method), scratch,
                 [&](const Group& group, auto memory) {
                   const bool transformed = takes_winograd(group, ConvPass::forward, method);
                   (transformed ? winograd_forward_group : forward_group)(threads, group, x, w,
                                                                          fusion, y, memory);
                 });
}

void cpu_conv_backward_data(const Threads& threads, const ConvGeometry& g, const ConstView& dy,
                            const ConstView& w, const View& dx, bool accumulate,
                            std::span<std::byte> scratch, ConvMethod method) {
  for_each_group(threads, g, group_scratch(ConvPass::backward_data, method), scratch,
                 [&](const Group& group, auto memory) {
                   const bool transformed = takes_winograd(group, ConvPass::backward_data, method);
                   (transformed ? winograd_backward_data_group : backward_data_group)(
                       threads, group, dy, w, dx, accumulate, memory);
                 });
}

void cpu_conv_backward_weights(const Threads& threads, const ConvGeometry& g, const ConstView& x,
                               const ConstView& dy, const View& dw, bool accumulate,
                               std::span<std::byte> scratch, ConvMethod method) {
  for_each_group(threads, g, group_scratch(ConvPass::backward_weights, method), scratch,
                 [&](const Group& group, auto memory) {
                   const bool transformed =
                       takes_winograd(group, ConvPass::backward_weights, method);
                   (transformed ? winograd_backward_weights_group : backward_weights_group)(
                       threads, group, x, dy, dw, accumulate, memory);
                 });
}

}  // namespace striate
