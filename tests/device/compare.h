#pragma once

// Operands for comparing the cpu device with the reference: each value exists twice with the same
// numbers, in float32 for the device under test and in float64 for the reference.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "striate/base/random.h"
#include "striate/device/device.h"

namespace striate::testing {

/// Half a unit in the last place of float32 at 1: error bounds are multiples of it.
inline constexpr double kEpsilon = 0x1p-24;

/// Strides of a channels-last map with `gap` unused elements after every pixel.
inline Strides gapped_map(const Shape& shape, std::int64_t gap) {
  return map_strides(shape, shape[1] + gap);
}

/// Strides with the axes in random order in memory and random gaps between them.
inline Strides random_strides(Random& random, const Shape& shape) {
  std::vector<int> axes(static_cast<std::size_t>(shape.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  for (std::size_t i = axes.size(); i > 1; --i) {
    std::swap(axes[i - 1], axes[random.below(static_cast<std::uint32_t>(i))]);
  }
  Strides strides{};
  std::int64_t step = random.below(3) == 0 ? 2 : 1;
  for (const int axis : axes) {
    strides[static_cast<std::size_t>(axis)] = step;
    step = step * std::max<std::int64_t>(shape[axis], 1) + random.below(3);
  }
  return strides;
}

/// A value on both devices, surrounded and interleaved with guard elements that no primitive may
/// write; they hold NaN, so that reading one shows too.
class Value {
 public:
  /// Every element at `start`; strides of 0 are allowed for what is only read.
  Value(const Shape& shape, const Strides& strides, double start = 0, DType dtype = DType::f32)
      : shape_(shape), strides_(strides), dtype_(dtype) {
    std::int64_t extent = shape.elements() == 0 ? 0 : 1;
    for (int axis = 0; extent > 0 && axis < shape.rank(); ++axis) {
      extent += (shape[axis] - 1) * strides[static_cast<std::size_t>(axis)];
    }
    const auto count = static_cast<std::size_t>(extent + 2 * kGuard);
    used_.assign(count, false);
    tested_.assign(count * size_of(dtype), std::byte{0xff});
    exact_.assign(count * size_of(twin_dtype()), std::byte{0xff});
    each([&](std::size_t place) {
      used_[place] = true;
      store(place, start);
    });
    untouched_ = tested_;
  }
  explicit Value(const Shape& shape, double start = 0, DType dtype = DType::f32)
      : Value(shape, dense_strides(shape), start, dtype) {}

  /// Uniform draws, rounded to float32 so that both twins hold the same numbers.
  Value& randomize(Random& random, double low = -1, double high = 1) {
    each([&](std::size_t place) {
      const double draw = random.uniform(low, high);
      store(place,
            is_float(dtype_) ? static_cast<double>(static_cast<float>(draw)) : std::floor(draw));
    });
    return *this;
  }
  /// Sets the element that is `i`th in N,C,H,W order.
  void set(std::int64_t i, double value) {
    std::int64_t at = 0;
    each([&](std::size_t place) {
      if (at++ == i) store(place, value);
    });
  }

  const Shape& shape() const { return shape_; }

  /// The twin that `device` computes on.
  View on(const Device& device) {
    const bool exact = device.name() == "reference";
    const DType dtype = exact ? twin_dtype() : dtype_;
    std::byte* memory = exact ? exact_.data() : tested_.data();
    return {memory + kGuard * size_of(dtype), dtype, shape_, strides_};
  }

  /// |got - expected| <= epsilons * 2^-24 * (|expected| + magnitude) for every element, and no
  /// guard was written. NaN equals NaN.
  void expect_close(double epsilons, double magnitude = 0) const {
    std::int64_t position = 0;
    int faults = 0;
    each([&](std::size_t place) {
      const double got = load(tested_, dtype_, place);
      const double expected = load(exact_, twin_dtype(), place);
      const double bound = epsilons * kEpsilon * (std::abs(expected) + magnitude);
      const bool same = got == expected || (std::isnan(got) && std::isnan(expected)) ||
                        std::abs(got - expected) <= bound;
      if (!same && ++faults <= 3) {
        ADD_FAILURE() << "element " << position << " of " << shape_.str() << ": got " << got
                      << ", expected " << expected << " within " << bound;
      }
      ++position;
    });
    EXPECT_EQ(faults, 0) << "elements differ";
    expect_guards();
  }

  void expect_guards() const {
    const std::size_t size = size_of(dtype_);
    for (std::size_t place = 0; place < used_.size(); ++place) {
      if (used_[place]) continue;
      ASSERT_EQ(std::memcmp(&tested_[place * size], &untouched_[place * size], size), 0)
          << "guard element " << static_cast<std::int64_t>(place) - kGuard << " was written";
    }
  }

  /// The tested twin's memory, to compare bits.
  const std::vector<std::byte>& bytes() const { return tested_; }

 private:
  static constexpr std::int64_t kGuard = 64;

  DType twin_dtype() const { return dtype_ == DType::f32 ? DType::f64 : dtype_; }

  template <class Body>
  void each(Body&& body) const {
    if (shape_.elements() == 0) return;
    std::array<std::int64_t, Shape::kMaxRank> index{};
    while (true) {
      std::int64_t place = kGuard;
      for (std::size_t a = 0; a < index.size(); ++a) place += index[a] * strides_[a];
      body(static_cast<std::size_t>(place));
      int axis = shape_.rank() - 1;
      for (; axis >= 0; --axis) {
        if (++index[static_cast<std::size_t>(axis)] < shape_[axis]) break;
        index[static_cast<std::size_t>(axis)] = 0;
      }
      if (axis < 0) return;
    }
  }

  template <class T>
  static void put(std::vector<std::byte>& memory, std::size_t place, double value) {
    const T element = static_cast<T>(value);
    std::memcpy(&memory[place * sizeof(T)], &element, sizeof(T));
  }
  template <class T>
  static double get(const std::vector<std::byte>& memory, std::size_t place) {
    T element;
    std::memcpy(&element, &memory[place * sizeof(T)], sizeof(T));
    return static_cast<double>(element);
  }
  static void store_as(std::vector<std::byte>& memory, DType dtype, std::size_t place,
                       double value) {
    switch (dtype) {
      case DType::f32:
        return put<float>(memory, place, value);
      case DType::f64:
        return put<double>(memory, place, value);
      case DType::i64:
        return put<std::int64_t>(memory, place, value);
      case DType::i32:
        return put<std::int32_t>(memory, place, value);
      case DType::u8:
      case DType::boolean:
        return put<std::uint8_t>(memory, place, value);
    }
  }
  static double load(const std::vector<std::byte>& memory, DType dtype, std::size_t place) {
    switch (dtype) {
      case DType::f32:
        return get<float>(memory, place);
      case DType::f64:
        return get<double>(memory, place);
      case DType::i64:
        return get<std::int64_t>(memory, place);
      case DType::i32:
        return get<std::int32_t>(memory, place);
      case DType::u8:
      case DType::boolean:
        return get<std::uint8_t>(memory, place);
    }
    return std::numeric_limits<double>::quiet_NaN();
  }
  void store(std::size_t place, double value) {
    store_as(tested_, dtype_, place, value);
    store_as(exact_, twin_dtype(), place, value);
  }

  Shape shape_;
  Strides strides_;
  DType dtype_;
  std::vector<bool> used_;
  std::vector<std::byte> tested_, exact_, untouched_;
};

/// The two devices of a comparison; the one under test has two threads.
inline const Device& cpu() {
  static const std::unique_ptr<Device> device = make_cpu_device(2);
  return *device;
}
inline const Device& reference() {
  static const std::unique_ptr<Device> device = make_reference_device();
  return *device;
}
/// Runs a computation on both.
template <class Body>
void on_both(Body&& body) {
  body(cpu());
  body(reference());
}

/// `compute` builds its operands from a fixed seed, runs on the device and returns what it wrote:
/// the bits must be the same on 1, 2, 3 and 5 threads.
inline void expect_same_bits(
    const std::function<std::vector<std::byte>(const Device& device)>& compute) {
  const std::vector<std::byte> single = compute(*make_cpu_device(1));
  for (const int threads : {2, 3, 5}) {
    const std::unique_ptr<Device> device = make_cpu_device(threads);
    EXPECT_TRUE(compute(*device) == single) << "differs from one thread on " << threads;
  }
}

/// A random generator for one test case.
inline Random case_random(std::uint64_t number) {
  return Random({.seed = 20240917, .purpose = purpose_of("device tests"), .step = 0}, number);
}

}  // namespace striate::testing
