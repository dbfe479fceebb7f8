#include "striate/tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "striate/base/memory.h"

namespace striate {

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::u8:
    case DType::boolean:
      return 1;
  }
  throw BugError("size_of: unknown dtype");
}

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i64:
      return "int64";
    case DType::i32:
      return "int32";
    case DType::u8:
      return "uint8";
    case DType::boolean:
      return "bool";
  }
  throw BugError("name_of: unknown dtype");
}

Shape::Shape(std::span<const std::int64_t> dims) {
  for (const std::int64_t size : dims) push_back(size);
}

void Shape::push_back(std::int64_t size) {
  if (rank_ == kMaxRank) fail<ModelError>("a shape of more than {} dimensions", kMaxRank);
  dims_[static_cast<std::size_t>(rank_++)] = size;
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : *this) {
    if (size != 0 && product > (std::int64_t{1} << 62) / size) {
      fail<ModelError>("shape {} has more elements than can be counted", str());
    }
    product *= size;
  }
  return product;
}

std::string Shape::str() const {
  return rank_ == 0 ? "scalar" : fmt::format("{}", fmt::join(begin(), end(), "x"));
}

Strides dense_strides(const Shape& shape, Layout layout) {
  if (layout == Layout::channels_last && shape.rank() >= 3) return map_strides(shape, shape[1]);
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

Strides map_strides(const Shape& shape, std::int64_t pixel_stride) {
  invariant(shape.rank() >= 3, "map_strides: a map has a batch, channels and space");
  Strides strides{};
  std::int64_t step = pixel_stride;
  for (int axis = shape.rank() - 1; axis >= 2; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= std::max<std::int64_t>(shape[axis], 1);
  }
  strides[0] = step;
  strides[1] = 1;
  return strides;
}

Tensor::Tensor(DType dtype, const Shape& shape)
    : dtype_(dtype),
      shape_(shape),
      memory_(allocate(static_cast<std::size_t>(shape.elements()) * size_of(dtype))) {}

Tensor Tensor::clone() const {
  if (empty()) return {};
  Tensor copy(dtype_, shape_);
  std::memcpy(copy.memory_.get(), memory_.get(), bytes());
  return copy;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != elements()) {
    fail<ModelError>("{} elements of shape {} cannot take shape {}", elements(), shape_.str(),
                     shape.str());
  }
  Tensor same = *this;
  same.shape_ = shape;
  return same;
}

Tensor Tensor::cast(DType dtype) const {
  if (dtype == dtype_) return *this;
  invariant(is_float(dtype) && is_float(dtype_), "Tensor::cast is for floating-point values");
  Tensor result(dtype, shape_);
  if (dtype == DType::f64) {
    std::copy_n(data<float>(), elements(), result.data<double>());
  } else {
    std::transform(data<double>(), data<double>() + elements(), result.data<float>(),
                   [](double v) { return static_cast<float>(v); });
  }
  return result;
}

}  // namespace striate
