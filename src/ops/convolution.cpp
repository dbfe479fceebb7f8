#include "ops/convolution.h"

#include <algorithm>

#include "ops/operands.h"

namespace striate {

namespace {

// Pairs of an output pixel and a tap that meet in the input, along one axis.
std::int64_t pairs_inside(std::int64_t in, std::int64_t out, std::int64_t kernel,
                          std::int64_t stride, std::int64_t dilation, std::int64_t pad) {
  const auto at_most = [stride](std::int64_t pixels) {  // floor(pixels / stride)
    return pixels < 0 ? -((-pixels + stride - 1) / stride) : pixels / stride;
  };
  std::int64_t count = 0;
  for (std::int64_t tap = 0; tap < kernel; ++tap) {
    const std::int64_t shift = tap * dilation - pad;
    const std::int64_t first = std::max<std::int64_t>(-at_most(shift), 0);
    const std::int64_t last = std::min(at_most(in - 1 - shift), out - 1);
    count += std::max<std::int64_t>(last - first + 1, 0);
  }
  return count;
}

}  // namespace

std::int64_t products_inside(const ConvGeometry& g) {
  return Shape{g.n, g.o, g.c / g.groups,
               pairs_inside(g.h, g.oh, g.r, g.stride_h, g.dilation_h, g.pad_top),
               pairs_inside(g.w, g.ow, g.s, g.stride_w, g.dilation_w, g.pad_left)}
      .elements();
}

ValueInfo Convolution::infer(std::span<const ValueInfo> inputs) const {
  const ValueInfo& x = required_float(inputs, 0, "X");
  const ValueInfo& w = required_float(inputs, 1, "W");
  expect_map(x.shape);
  if (w.shape.rank() != x.shape.rank() || w.dtype != x.dtype) {
    fail<ModelError>("expected weights {} of rank {} for input {}, got {} {}", name_of(x.dtype),
                     x.shape.rank(), x.shape.str(), name_of(w.dtype), w.shape.str());
  }
  if (group < 1 || w.shape[0] < 1 || w.shape[0] % group != 0) {
    fail<ModelError>("expected a group that divides the {} output channels, got {}", w.shape[0],
                     group);
  }
  // Compared by division: a product of two numbers from a file could overflow.
  if (x.shape[1] % group != 0 || x.shape[1] / group != w.shape[1]) {
    const std::string groups = group == 1 ? "" : fmt::format(" x {} groups", group);
    fail<ModelError>("expected an input of {}{} channels (weights {}), got {}", w.shape[1], groups,
                     w.shape.str(), x.shape.str());
  }
  const std::vector<std::int64_t>& kernel = spatial.kernel_shape;
  if (!kernel.empty() &&
      !std::equal(kernel.begin(), kernel.end(), w.shape.begin() + 2, w.shape.end())) {
    fail<ModelError>("expected weights of kernel_shape {}, got {}", Shape(kernel).str(),
                     w.shape.str());
  }
  if (present(inputs, 2)) expect(inputs[2], x.dtype, {w.shape[0]}, "a bias");
  return {.dtype = x.dtype, .shape = output_shape(x.shape, w.shape[0], resolved(x.shape, w.shape))};
}

Cost Convolution::cost(std::span<const ValueInfo> inputs, const ValueInfo& y) const {
  Shape work = y.shape;  // every output element sums over one kernel
  work.push_back(inputs[1].shape.elements() / inputs[1].shape[0]);
  const std::int64_t macs = work.elements();
  return {.macs = macs,
          .padding = macs - products_inside(geometry(inputs[0].shape, inputs[1].shape)),
          .bias = present(inputs, 2) ? y.shape.elements() : 0};
}

Window Convolution::window(std::span<const ValueInfo> inputs) const {
  return resolved(inputs[0].shape, inputs[1].shape).window();
}

ConvGeometry Convolution::geometry(const Shape& x, const Shape& w) const {
  const auto [h, v] = resolved(x, w);
  return {.n = x[0],
          .c = x[1],
          .h = h.in,
          .w = v.in,
          .o = w[0],
          .oh = h.out,
          .ow = v.out,
          .r = h.kernel,
          .s = v.kernel,
          .stride_h = h.stride,
          .stride_w = v.stride,
          .dilation_h = h.dilation,
          .dilation_w = v.dilation,
          .pad_top = h.pad_begin,
          .pad_left = v.pad_begin,
          .groups = group};
}

Spatial Convolution::resolved(const Shape& x, const Shape& w) const {
  return resolve(spatial, x, {w.begin() + 2, w.end()});
}

}  // namespace striate
