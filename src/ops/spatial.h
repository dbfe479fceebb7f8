#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "striate/base/fields.h"
#include "striate/device/device.h"
#include "striate/ops/operator.h"

namespace striate {

/// The attributes that convolutions and poolings share. Empty lists mean ONNX's defaults.
struct SpatialFields {
  std::vector<std::int64_t> kernel_shape, strides, pads, dilations;
  std::string auto_pad = "NOTSET";

  STRIATE_FIELDS(visit("kernel_shape", kernel_shape, "size of the window along each axis");
                 visit("strides", strides, "step of the window along each axis, 1 where absent");
                 visit("pads", pads, "padding: first all beginnings, then all ends");
                 visit("dilations", dilations, "distance between the window's taps");
                 visit("auto_pad", auto_pad, "NOTSET, SAME_UPPER, SAME_LOWER or VALID");)
};

/// A window along one axis, with everything resolved for an input.
struct SpatialAxis {
  std::int64_t in = 1, out = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t pad_begin = 0, pad_end = 0;

  /// Input pixels from a window's first tap to its last.
  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  Window::Axis window() const { return {kernel, stride, dilation, pad_begin, pad_end}; }
};

struct Spatial {
  SpatialAxis h, w;

  Window window() const;
};

/// Resolves the attributes for an input N,C,W or N,C,H,W (then h is trivial for the former) and a
/// kernel of those sizes. With `ceil_mode` the last window may reach past the end of the padded
/// input, but never begin there. Throws ModelError where sizes do not fit.
Spatial resolve(const SpatialFields& fields, const Shape& input,
                std::span<const std::int64_t> kernel, bool ceil_mode = false);

/// `input` with `channels` channels and the output's size.
Shape output_shape(const Shape& input, std::int64_t channels, const Spatial& spatial);

PoolGeometry pool_geometry(const Shape& input, const Spatial& spatial);

}  // namespace striate
