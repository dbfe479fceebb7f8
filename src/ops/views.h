#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "striate/base/memory.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// Another look at the same elements. Nothing here but `integers` and `number`, which are for
/// constants in host memory, reads an element.

/// `view`'s operand number i, or an absent one past the end.
template <class SomeView>
SomeView at(std::span<const SomeView> views, std::size_t i) {
  return i < views.size() ? views[i] : SomeView{};
}

/// A dense row-major view under another shape of as many elements.
template <class Void>
BasicView<Void> reshaped(const BasicView<Void>& view, const Shape& shape) {
  invariant(view.shape.elements() == shape.elements() &&
                (shape.elements() == 0 || view.is_dense(Layout::row_major)),
            "reshaped: the view is not dense, or of another size");
  return {view.data, view.dtype, shape, dense_strides(shape)};
}

/// The view with axes a and b exchanged.
template <class Void>
BasicView<Void> swapped(BasicView<Void> view, int a, int b) {
  std::swap(view.shape[a], view.shape[b]);
  std::swap(view.strides[static_cast<std::size_t>(a)], view.strides[static_cast<std::size_t>(b)]);
  return view;
}

/// The view with axes of size 1 put before its own until it has `rank`.
template <class Void>
BasicView<Void> aligned(const BasicView<Void>& view, int rank) {
  BasicView<Void> result = view;
  result.shape = Shape{};
  result.strides = Strides{};
  const int added = rank - view.shape.rank();
  invariant(added >= 0, "aligned: the view has a higher rank already");
  for (int axis = 0; axis < rank; ++axis) {
    result.shape.push_back(axis < added ? 1 : view.shape[axis - added]);
    if (axis >= added) result.strides[static_cast<std::size_t>(axis)] = view.stride(axis - added);
  }
  return result;
}

/// The view repeated to `shape` by NumPy's rule: stride 0 along what is missing or of size 1.
ConstView broadcast(const ConstView& view, const Shape& shape);

/// Elements begin, begin + step, … (`size` of them) along an axis.
template <class Void>
BasicView<Void> sliced(BasicView<Void> view, int axis, std::int64_t begin, std::int64_t size,
                       std::int64_t step = 1) {
  using Byte = std::conditional_t<std::is_const_v<Void>, const std::byte, std::byte>;
  // An empty slice may begin past the end: its address is never used, and stays a valid one.
  if (size > 0 && view.data != nullptr) {
    view.data = static_cast<Byte*>(view.data) +
                begin * view.stride(axis) * static_cast<std::int64_t>(size_of(view.dtype));
  }
  view.shape[axis] = size;
  view.strides[static_cast<std::size_t>(axis)] *= step;
  return view;
}

/// A map of rank 3 (N,C,W) as the device takes it, with H = 1; one of rank 4 as it is.
template <class Void>
BasicView<Void> as_map(const BasicView<Void>& view) {
  if (!view || view.shape.rank() == 4) return view;
  invariant(view.shape.rank() == 3, "as_map: expected rank 3 or 4");
  const std::int64_t row = view.shape[2] * view.stride(2);
  return {view.data, view.dtype, Shape{view.shape[0], view.shape[1], 1, view.shape[2]},
          Strides{view.stride(0), view.stride(1), row, view.stride(2)}};
}

/// A kernel O,I,S as O,I,1,S; one of rank 4 as it is. Kernels are dense.
template <class Void>
BasicView<Void> as_kernel(const BasicView<Void>& view) {
  if (!view || view.shape.rank() == 4) return view;
  return reshaped(view, {view.shape[0], view.shape[1], 1, view.shape[2]});
}

/// A vector [C] as [1, C, 1, …] of a rank, to be broadcast over axis 1.
template <class Void>
BasicView<Void> along_channels(const BasicView<Void>& view, int rank) {
  BasicView<Void> result = view;
  result.shape = Shape{};
  result.strides = Strides{};
  for (int axis = 0; axis < rank; ++axis) result.shape.push_back(axis == 1 ? view.shape[0] : 1);
  result.strides[1] = view.stride(0);
  return result;
}

/// A view of one element under `rank` axes of size 1.
template <class Void>
BasicView<Void> as_scalar(const BasicView<Void>& view, int rank) {
  invariant(view.shape.elements() == 1, "as_scalar: expected one element");
  Shape ones;
  for (int axis = 0; axis < rank; ++axis) ones.push_back(1);
  return {view.data, view.dtype, ones, Strides{}};
}

/// Bytes of a temporary in scratch memory, and the temporary: dense, its axes in the order in which
/// `like` has them.
std::size_t scratch_bytes(DType dtype, const Shape& shape);
View scratch_view(Scratch& scratch, DType dtype, const Shape& shape);
View scratch_view(Scratch& scratch, const ConstView& like);

/// The numbers of a constant input: integers of int64 or int32, one number of any dtype.
std::vector<std::int64_t> integers(const ConstView& constant);
double number(const ConstView& constant);

}  // namespace striate
