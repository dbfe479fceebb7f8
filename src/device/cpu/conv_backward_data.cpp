#include "device/cpu/conv_backward_data.h"

#include <algorithm>
#include <numeric>

#include "device/cpu/maps.h"
#include "device/cpu/product.h"
#include "striate/base/memory.h"

namespace striate::cpu {
namespace {

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

}  // namespace

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

}  // namespace striate::cpu
