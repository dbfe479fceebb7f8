#pragma once

// A value in memory as a plan would place it: some layout, some gap between pixels, and guard
// elements in every place that is not the value's.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "striate/device/device.h"

namespace striate::testing {

inline const Device& reference_device() {
  static const std::unique_ptr<Device> device = make_reference_device();
  return *device;
}

inline const Device& cpu_device() {
  static const std::unique_ptr<Device> device = make_cpu_device(2);
  return *device;
}

class Placed {
 public:
  Placed(DType dtype, const Shape& shape, const Strides& strides)
      : dtype_(dtype), shape_(shape), strides_(strides) {
    std::int64_t extent = 0;
    each([&](std::int64_t place) { extent = std::max(extent, place + 1); });
    // Bytes of ones are NaN, and an impossible integer: what is read before it was written shows.
    memory_.assign((static_cast<std::size_t>(extent) + 2 * kGuard) * size_of(dtype),
                   std::byte{0xff});
  }
  Placed(const Tensor& values, DType dtype, const Strides& strides)
      : Placed(dtype, values.shape(), strides) {
    reference_device().copy(values.view(), view());
  }

  View view() { return {memory_.data() + kGuard * size_of(dtype_), dtype_, shape_, strides_}; }

  /// The elements in N,C,H,W order, as double whatever the dtype.
  std::vector<double> values() const {
    std::vector<double> result;
    each([&](std::int64_t place) { result.push_back(element(place)); });
    return result;
  }

  /// No element that is not the value's was written.
  void expect_guards() const {
    const std::size_t size = size_of(dtype_);
    std::vector<bool> used(memory_.size() / size, false);
    each([&](std::int64_t place) { used[static_cast<std::size_t>(place) + kGuard] = true; });
    const std::vector<std::byte> untouched(size, std::byte{0xff});
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      ASSERT_EQ(std::memcmp(&memory_[i * size], untouched.data(), size), 0)
          << "memory beside a value of shape " << shape_.str() << " was written";
    }
  }

 private:
  static constexpr std::size_t kGuard = 64;

  template <class Body>
  void each(Body&& body) const {
    for (std::int64_t i = 0; i < shape_.elements(); ++i) {
      std::int64_t rest = i;
      std::int64_t place = 0;
      for (int axis = shape_.rank() - 1; axis >= 0; --axis) {
        place += rest % shape_[axis] * strides_[static_cast<std::size_t>(axis)];
        rest /= shape_[axis];
      }
      body(place);
    }
  }

  template <class T>
  double load(std::int64_t place) const {
    T value;
    std::memcpy(&value, &memory_[(static_cast<std::size_t>(place) + kGuard) * sizeof(T)],
                sizeof(T));
    return static_cast<double>(value);
  }
  double element(std::int64_t place) const {
    switch (dtype_) {
      case DType::f32:
        return load<float>(place);
      case DType::f64:
        return load<double>(place);
      case DType::i64:
        return load<std::int64_t>(place);
      case DType::i32:
        return load<std::int32_t>(place);
      default:
        return load<std::uint8_t>(place);
    }
  }

  DType dtype_;
  Shape shape_;
  Strides strides_;
  std::vector<std::byte> memory_;
};

}  // namespace striate::testing
