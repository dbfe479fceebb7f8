#include "graph/plan_impl.h"

namespace striate {
namespace {

// Pixels 4 KiB apart fall into the same cache set: such maps get one more cache line a pixel.
std::int64_t pixel_stride(std::int64_t channels, DType dtype) {
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  return channels > 0 && channels * size % 4096 == 0 ? channels + 64 / size : channels;
}

}  // namespace

Strides strides_for(const ValueInfo& info, Layout layout) {
  if (layout == Layout::channels_last && info.shape.rank() >= 3) {
    return map_strides(info.shape, pixel_stride(info.shape[1], info.dtype));
  }
  return dense_strides(info.shape);
}

bool same_places(const Shape& shape, const Strides& a, const Strides& b) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (shape[axis] > 1 && a[i] != b[i]) return false;
  }
  return true;
}

std::size_t extent_bytes(const ValueInfo& info, const Strides& strides) {
  if (info.shape.elements() == 0) return 0;
  std::int64_t last = 0;
  for (int axis = 0; axis < info.shape.rank(); ++axis) {
    last += (info.shape[axis] - 1) * strides[static_cast<std::size_t>(axis)];
  }
  return static_cast<std::size_t>(last + 1) * size_of(info.dtype);
}

int Plan::Impl::add_value(const ValueInfo& info, Layout layout) {
  PlanValue value;
  value.info = info;
  value.layout = info.shape.rank() >= 3 ? layout : Layout::row_major;
  value.strides = strides_for(info, value.layout);
  values.push_back(std::move(value));
  return static_cast<int>(values.size()) - 1;
}

}  // namespace striate
