#pragma once

#include <array>
#include <cstdint>

#include "striate/tensor/tensor.h"

namespace striate::reference {

using Index = std::array<std::int64_t, Shape::kMaxRank>;

/// The elements of a view by index: x(n, c, y, x) or x[index]. An absent view gives null elements.
template <class T>
struct Elements {
  T* data = nullptr;
  Strides strides{};

  template <class... Ints>
  T& operator()(Ints... indices) const {
    std::int64_t offset = 0;
    std::size_t axis = 0;
    ((offset += static_cast<std::int64_t>(indices) * strides[axis++]), ...);
    return data[offset];  // NOLINT(clang-analyzer-core*): nothing absent is read
  }
  T& operator[](const Index& index) const {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) offset += index[axis] * strides[axis];
    return data[offset];  // NOLINT(clang-analyzer-core*): nothing absent is read
  }
  explicit operator bool() const { return data != nullptr; }
};

// Strides past the view's rank are zeroed, so an index may be longer than the view.
template <class T, class SomeView>
Elements<T> elements(const SomeView& view) {
  Elements<T> result;
  if (!view) return result;
  result.data = view.template as<std::remove_const_t<T>>();
  for (int axis = 0; axis < view.shape.rank(); ++axis) {
    result.strides[static_cast<std::size_t>(axis)] = view.stride(axis);
  }
  return result;
}
template <class T>
Elements<const T> read(const ConstView& view) {
  return elements<const T>(view);
}
template <class T>
Elements<T> write(const View& view) {
  return elements<T>(view);
}

/// Calls body(index) for every index of `shape`, the last axis fastest.
template <class Body>
void for_each(const Shape& shape, Body&& body) {
  if (shape.elements() == 0) return;
  Index index{};
  while (true) {
    body(static_cast<const Index&>(index));
    int axis = shape.rank() - 1;
    for (; axis >= 0; --axis) {
      if (++index[static_cast<std::size_t>(axis)] < shape[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
    if (axis < 0) return;
  }
}

/// Stores a value that was computed in double.
template <class T>
void put(T& target, double value, bool accumulate) {
  target = static_cast<T>(accumulate ? static_cast<double>(target) + value : value);
}

/// Calls body(T{}) with the floating type of `dtype`.
template <class Body>
void with_float(DType dtype, const char* primitive, Body&& body) {
  if (dtype == DType::f32) return body(float{});
  if (dtype == DType::f64) return body(double{});
  fail<BugError>("device: {}: expected float32 or float64, got {}", primitive, name_of(dtype));
}

/// Calls `body` with a zero of the dtype's type.
template <class Body>
void with_any(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f32:
      return body(float{});
    case DType::f64:
      return body(double{});
    case DType::i64:
      return body(std::int64_t{});
    case DType::i32:
      return body(std::int32_t{});
    case DType::u8:
      return body(std::uint8_t{});
    case DType::boolean:
      return body(bool{});
  }
}

}  // namespace striate::reference
