#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "striate/base/error.h"

namespace striate {

enum class DType : std::uint8_t { f32, f64, i64, i32, u8, boolean };

std::size_t size_of(DType dtype);
/// "float32", "int64", … as NumPy writes them.
std::string_view name_of(DType dtype);
inline bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

template <class T>
inline constexpr DType dtype_of = [] {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::i64;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::i32;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
  if constexpr (std::is_same_v<T, bool>) return DType::boolean;
}();

/// Sizes along at most eight dimensions, in ONNX order: maps are N,C,H,W. A plain value. Throws
/// ModelError for more dimensions.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims)
      : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t back() const { return (*this)[rank_ - 1]; }
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  void push_back(std::int64_t size);

  /// Product of the sizes; 1 for rank 0. Throws ModelError for a negative size, or more than 2^62.
  std::int64_t elements() const;
  /// "1x3x224x224"; "scalar" for rank 0.
  std::string str() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  int rank_ = 0;
  std::array<std::int64_t, kMaxRank> dims_{};
};

using Strides = std::array<std::int64_t, Shape::kMaxRank>;

/// Where the elements of a value lie. Indices are always N,C,H,W; `channels_last` stores a map as
/// N,H,W,C (rank 3: N,W,C).
enum class Layout : std::uint8_t { row_major, channels_last };

/// Strides, in elements, of a dense value.
Strides dense_strides(const Shape& shape, Layout layout = Layout::row_major);
/// Strides of a channels-last map whose neighbouring pixels are `pixel_stride` elements apart.
Strides map_strides(const Shape& shape, std::int64_t pixel_stride);

/// Elements in memory that somebody else keeps alive: a pointer, a dtype, sizes in ONNX order and
/// one stride, in elements, for each dimension. A null `data` is an absent value. Copying it copies
/// no elements, and it is good as long as the memory it points to.
template <class Void>
struct BasicView {
  Void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;
  Strides strides{};

  BasicView() = default;
  BasicView(Void* memory, DType type, const Shape& sizes, const Strides& steps)
      : data(memory), dtype(type), shape(sizes), strides(steps) {}
  /// A view to write through is also a view to read through.
  template <class Other>
  requires(std::is_const_v<Void> && !std::is_const_v<Other>)
      BasicView(const BasicView<Other>& other)  // NOLINT(google-explicit-constructor)
      : data(other.data), dtype(other.dtype), shape(other.shape), strides(other.strides) {}

  explicit operator bool() const { return data != nullptr; }
  std::int64_t stride(int axis) const { return strides[static_cast<std::size_t>(axis)]; }

  /// The elements' address as T. REQUIRES: the dtype is T's.
  template <class T>
  auto as() const {
    using Pointer = std::conditional_t<std::is_const_v<Void>, const T*, T*>;
    invariant(dtype == dtype_of<T>, "a view was read as another dtype");
    return static_cast<Pointer>(data);
  }

  /// True where the elements lie one behind another in the order of `layout`.
  bool is_dense(Layout layout = Layout::row_major) const {
    const Strides dense = dense_strides(shape, layout);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] != 1 && stride(axis) != dense[static_cast<std::size_t>(axis)]) return false;
    }
    return true;
  }
};

using View = BasicView<void>;
using ConstView = BasicView<const void>;

/// Dense row-major elements in shared host memory: how parameters, inputs and results are handed
/// about. Copies share their elements, and keep them alive; `clone` does not. Any number of threads
/// may read the elements; while one writes them, no other may touch them, through whichever copy.
class Tensor {
 public:
  Tensor() = default;
  /// Zeros. Throws SystemError where there is no memory, ModelError where the shape is too large.
  Tensor(DType dtype, const Shape& shape);
  /// A copy of `values`. REQUIRES: as many values as the shape has elements.
  template <class T>
  static Tensor of(const Shape& shape, std::span<const T> values) {
    Tensor tensor(dtype_of<T>, shape);
    invariant(tensor.elements() == static_cast<std::int64_t>(values.size()), "Tensor::of: sizes");
    std::copy(values.begin(), values.end(), tensor.data<T>());
    return tensor;
  }

  bool empty() const { return memory_ == nullptr; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return shape_.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype_); }

  /// The elements; good as long as a tensor that shares them. REQUIRES: the dtype is T's.
  template <class T>
  T* data() {
    invariant(dtype_ == dtype_of<T>, "a tensor was read as another dtype");
    return reinterpret_cast<T*>(memory_.get());
  }
  template <class T>
  const T* data() const {
    invariant(dtype_ == dtype_of<T>, "a tensor was read as another dtype");
    return reinterpret_cast<const T*>(memory_.get());
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<std::size_t>(elements())};
  }
  std::span<std::byte> raw() { return {memory_.get(), bytes()}; }
  std::span<const std::byte> raw() const { return {memory_.get(), bytes()}; }

  View view() { return {memory_.get(), dtype_, shape_, dense_strides(shape_)}; }
  ConstView view() const { return {memory_.get(), dtype_, shape_, dense_strides(shape_)}; }

  Tensor clone() const;
  /// The same elements, shared, under another shape. Throws ModelError unless it has as many.
  Tensor reshaped(const Shape& shape) const;
  /// The same values in another floating-point dtype: a copy, or shared where it is the dtype they
  /// have. REQUIRES: both dtypes are floating-point.
  Tensor cast(DType dtype) const;

 private:
  DType dtype_ = DType::f32;
  Shape shape_;
  std::shared_ptr<std::byte[]> memory_;
};

}  // namespace striate
