#include "device/cpu/conv.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "device/cpu/conv_backward_data.h"
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
                            std::span<std::byte> memory, const float* prepared) {
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
  job.weights = prepared ? nullptr : g.weights_of(w);
  job.prepared = prepared;
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

// Packs forward weights, which lie [o][c][tap], as panels of [tap][c][o].
class ForwardPanels {
 public:
  // `order` has room for Group::weights.
  ForwardPanels(const Group& g, const float* weights, std::int64_t* order)
      : panels(g.out), weights_(weights), order_(order), count_(g.weights()), taps_(g.taps()) {
    g.order_weights(order);
  }

  void pack(std::int64_t panel, std::int64_t first, std::int64_t last, float* to) const {
    kernels().pack_transposed(weights_ + panels.first(panel) * count_ + first, count_, last - first,
                              panels.columns_of(panel), taps_ == 1 ? nullptr : order_,
                              panels.width_of(panel), to);
  }

  const Panels panels;

 private:
  const float* weights_;
  const std::int64_t* order_;
  std::int64_t count_, taps_;
};

void forward_group(const Threads& threads, const Group& g, const ConstView& x, const ConstView& w,
                   const ConvFusion& fusion, const View& y, std::span<std::byte> memory,
                   const float* prepared) {
  const Kernels& k = kernels();
  const std::int64_t taps = g.taps();
  Scratch scratch(memory);
  std::int64_t* order = scratch.take<std::int64_t>(to_size(g.weights()));
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
  std::optional<ForwardPanels> panels;
  if (prepared) {
    product.packed = prepared;
    product.panel_stride = Panels(g.out).width * g.weights();
  } else {
    panels.emplace(g, g.weights_of(w), order);
    product.pack = [&](std::int64_t panel, std::int64_t first, std::int64_t last, float* to) {
      panels->pack(panel, first, last, to);
    };
  }
  product.prepare = fused.prepares ? &fused.in : nullptr;
  product.finish = fused.finishes ? &fused.out : nullptr;
  product.residual = fused.residual, product.residual_stride = fused.residual_pixel;
  multiply(threads, product, scratch.rest());
}

// What is prepared for one group of a forward pass, and where it lies.
std::size_t prepared_bytes(const Group& g, bool transformed) {
  return align_up(transformed ? winograd_prepared(winograd_shape(g, ConvPass::forward))
                              : packed_bytes(Panels(g.out), g.weights()));
}

const float* prepared_of(const std::byte* prepared, std::size_t each, std::int64_t group) {
  return prepared ? reinterpret_cast<const float*>(prepared + each * to_size(group)) : nullptr;
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
                      std::span<std::byte> scratch, ConvMethod method,
                      std::span<const std::byte> prepared) {
  invariant(!fusion.in || cpu_conv_maps_input(g, method),
            "convolution: the input is to be mapped where that costs a pass of its own");
  const bool transformed = takes_winograd(Group(g, 0), ConvPass::forward, method);
  const std::size_t each = prepared_bytes(Group(g, 0), transformed);
  for_each_group(threads, g, group_scratch(ConvPass::forward, method), scratch,
                 [&](const Group& group, auto memory) {
                   (transformed ? winograd_forward_group : forward_group)(
                       threads, group, x, w, fusion, y, memory,
                       prepared_of(prepared.data(), each, group.group));
                 });
}

std::size_t cpu_conv_prepared(const ConvGeometry& g, ConvMethod method) {
  const Group group(g, 0);
  return to_size(g.groups) *
         prepared_bytes(group, takes_winograd(group, ConvPass::forward, method));
}

void cpu_conv_prepare(const Threads& threads, const ConvGeometry& g, const ConstView& w,
                      std::span<std::byte> prepared, ConvMethod method) {
  const bool transformed = takes_winograd(Group(g, 0), ConvPass::forward, method);
  const std::size_t each = prepared_bytes(Group(g, 0), transformed);
  std::vector<std::int64_t> order(to_size(Group(g, 0).weights()));
  for (std::int64_t i = 0; i < g.groups; ++i) {
    const Group group(g, i);
    float* to = const_cast<float*>(prepared_of(prepared.data(), each, i));
    if (transformed) {
      Winograd job{winograd_shape(group, ConvPass::forward)};
      job.weights = group.weights_of(w);
      winograd_prepare(threads, job, to);
    } else {
      const ForwardPanels panels(group, group.weights_of(w), order.data());
      pack_panels(
          threads, panels.panels, group.taps(), group.in,
          [&](std::int64_t panel, std::int64_t first, std::int64_t last, float* at) {
            panels.pack(panel, first, last, at);
          },
          to);
    }
  }
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
