#include "ops/spatial.h"

#include <algorithm>
#include <limits>

#include <fmt/ranges.h>

#include "ops/operands.h"

namespace striate {
namespace {

// One attribute's values, checked; `fallback` for each axis where the list is empty. The bound
// keeps every product of two values far from overflow.
std::vector<std::int64_t> values(std::span<const std::int64_t> list, const char* name,
                                 std::size_t count, std::int64_t fallback, std::int64_t least) {
  if (list.empty()) return std::vector<std::int64_t>(count, fallback);
  const auto fits = [&](std::int64_t v) {
    return v >= least && v <= std::numeric_limits<std::int32_t>::max();
  };
  if (list.size() != count || !std::all_of(list.begin(), list.end(), fits)) {
    fail<ModelError>("{}: expected {} numbers of at least {}, got [{}]", name, count, least,
                     fmt::join(list, ", "));
  }
  return {list.begin(), list.end()};
}

// Output pixels for padding that is given, 0 where the window does not fit.
std::int64_t output_size(const SpatialAxis& axis, bool ceil_mode) {
  const std::int64_t room = axis.in + axis.pad_begin + axis.pad_end - axis.extent();
  if (room < 0 || axis.in == 0) return 0;
  std::int64_t out = room / axis.stride + 1;
  if (ceil_mode && room % axis.stride != 0 && out * axis.stride < axis.in + axis.pad_begin) ++out;
  return out;
}

[[noreturn]] void does_not_fit(const Shape& input, std::span<const std::int64_t> kernel,
                               std::span<const std::int64_t> pads,
                               std::span<const std::int64_t> dilations) {
  const std::span<const std::int64_t> size(input.begin() + 2, input.end());
  const bool dilated =
      std::any_of(dilations.begin(), dilations.end(), [](auto d) { return d > 1; });
  const bool one_pad = std::all_of(pads.begin(), pads.end(), [&](auto p) { return p == pads[0]; });
  fail<OutOfPixels>("kernel {}{} does not fit input {} with padding {}", fmt::join(kernel, "x"),
                    dilated ? fmt::format(" with dilation {}", fmt::join(dilations, "x")) : "",
                    fmt::join(size, "x"), fmt::join(one_pad ? pads.first(1) : pads, ","));
}

}  // namespace

Window Spatial::window() const { return {.h = h.window(), .w = w.window(), .named = true}; }

Spatial resolve(const SpatialFields& fields, const Shape& input,
                std::span<const std::int64_t> kernel, bool ceil_mode) {
  expect_map(input);
  const auto axes = static_cast<std::size_t>(input.rank() - 2);
  if (kernel.empty()) fail<ModelError>("attribute kernel_shape is missing");
  const auto kernels = values(kernel, "kernel_shape", axes, 1, 1);
  const auto strides = values(fields.strides, "strides", axes, 1, 1);
  const auto dilations = values(fields.dilations, "dilations", axes, 1, 1);
  const auto pads = values(fields.pads, "pads", 2 * axes, 0, 0);

  const bool upper = fields.auto_pad == "SAME_UPPER";
  const bool lower = fields.auto_pad == "SAME_LOWER";
  const bool valid = fields.auto_pad == "VALID";
  const bool given = fields.auto_pad == "NOTSET" || fields.auto_pad.empty();
  if (!upper && !lower && !valid && !given) {
    fail<ModelError>("auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got {}",
                     fields.auto_pad);
  }
  if (!given && std::any_of(pads.begin(), pads.end(), [](auto p) { return p != 0; })) {
    fail<ModelError>("expected either pads or auto_pad, got pads [{}] and auto_pad {}",
                     fmt::join(pads, ", "), fields.auto_pad);
  }

  Spatial spatial;
  for (std::size_t i = 0; i < axes; ++i) {
    SpatialAxis& axis = i + 1 == axes ? spatial.w : spatial.h;
    axis.in = input[static_cast<int>(i) + 2];
    axis.kernel = kernels[i];
    axis.stride = strides[i];
    axis.dilation = dilations[i];
    if (upper || lower) {
      axis.out = (axis.in + axis.stride - 1) / axis.stride;
      const std::int64_t padding =
          std::max<std::int64_t>((axis.out - 1) * axis.stride + axis.extent() - axis.in, 0);
      axis.pad_begin = upper ? padding / 2 : padding - padding / 2;
      axis.pad_end = padding - axis.pad_begin;
    } else {
      axis.pad_begin = pads[i];
      axis.pad_end = pads[i + axes];
      axis.out = output_size(axis, ceil_mode && !valid);
    }
    if (axis.out < 1) does_not_fit(input, kernels, pads, dilations);
  }
  return spatial;
}

Shape output_shape(const Shape& input, std::int64_t channels, const Spatial& spatial) {
  if (input.rank() == 3) return {input[0], channels, spatial.w.out};
  return {input[0], channels, spatial.h.out, spatial.w.out};
}

PoolGeometry pool_geometry(const Shape& input, const Spatial& spatial) {
  const SpatialAxis& h = spatial.h;
  const SpatialAxis& w = spatial.w;
  return {.n = input[0],
          .c = input[1],
          .h = h.in,
          .w = w.in,
          .oh = h.out,
          .ow = w.out,
          .r = h.kernel,
          .s = w.kernel,
          .stride_h = h.stride,
          .stride_w = w.stride,
          .dilation_h = h.dilation,
          .dilation_w = w.dilation,
          .pad_top = h.pad_begin,
          .pad_left = w.pad_begin,
          .pad_bottom = h.pad_end,
          .pad_right = w.pad_end,
          .count_include_pad = false};
}

}  // namespace striate
