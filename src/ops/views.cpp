#include "ops/views.h"

namespace striate {

ConstView broadcast(const ConstView& view, const Shape& shape) {
  ConstView result = aligned(view, shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (result.shape[axis] == shape[axis]) continue;
    invariant(result.shape[axis] == 1, "broadcast: the shapes do not fit");
    result.shape[axis] = shape[axis];
    result.strides[static_cast<std::size_t>(axis)] = 0;
  }
  return result;
}

std::size_t scratch_bytes(DType dtype, const Shape& shape) {
  return align_up(static_cast<std::size_t>(shape.elements()) * size_of(dtype));
}

View scratch_view(Scratch& scratch, DType dtype, const Shape& shape) {
  return {scratch.take<std::byte>(scratch_bytes(dtype, shape)), dtype, shape, dense_strides(shape)};
}

View scratch_view(Scratch& scratch, const ConstView& like) {
  View view = scratch_view(scratch, like.dtype, like.shape);
  const bool channels_last =
      like.shape.rank() >= 3 && like.stride(1) == 1 && !like.is_dense(Layout::row_major);
  if (channels_last) view.strides = dense_strides(like.shape, Layout::channels_last);
  return view;
}

std::vector<std::int64_t> integers(const ConstView& constant) {
  invariant(static_cast<bool>(constant), "integers: a constant input was not handed over");
  const auto count = static_cast<std::size_t>(constant.shape.elements());
  if (constant.dtype == DType::i32) {
    const auto* values = constant.as<std::int32_t>();
    return {values, values + count};
  }
  const auto* values = constant.as<std::int64_t>();
  return {values, values + count};
}

double number(const ConstView& constant) {
  invariant(static_cast<bool>(constant), "number: a constant input was not handed over");
  invariant(constant.shape.elements() == 1, "number: expected one element");
  switch (constant.dtype) {
    case DType::f32:
      return static_cast<double>(*constant.as<float>());
    case DType::f64:
      return *constant.as<double>();
    case DType::i64:
      return static_cast<double>(*constant.as<std::int64_t>());
    case DType::i32:
      return *constant.as<std::int32_t>();
    case DType::u8:
      return *constant.as<std::uint8_t>();
    case DType::boolean:
      return *constant.as<bool>() ? 1.0 : 0.0;
  }
  throw BugError("number: unknown dtype");
}

}  // namespace striate
