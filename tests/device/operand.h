#pragma once

// Operands of sums of products, for which an error bound has to be relative to the sum of the
// products' absolute values: each operand exists as float32, as the same numbers in float64, and
// as their absolute values.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "device/cpu/kernels.h"
#include "striate/base/memory.h"
#include "striate/base/random.h"
#include "striate/device/device.h"

namespace striate::testing {

class Operand {
 public:
  /// Uniform in [-1, 1). Elements that no index reaches hold NaN: they are guards.
  Operand(Random& random, const Shape& shape, const Strides& strides)
      : shape_(shape), strides_(strides) {
    std::int64_t extent = 1;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      extent +=
          std::max<std::int64_t>(0, shape[axis] - 1) * strides[static_cast<std::size_t>(axis)];
    }
    const auto count = static_cast<std::size_t>(extent + 2 * kGuard);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    single_.assign(count, nan);
    exact_.assign(count, 0);
    absolute_.assign(count, 0);
    each([&](std::size_t at) {
      single_[at] = static_cast<float>(random.uniform(-1, 1));
      exact_[at] = static_cast<double>(single_[at]);
      absolute_[at] = std::abs(exact_[at]);
    });
  }
  Operand(Random& random, const Shape& shape) : Operand(random, shape, dense_strides(shape)) {}

  View single() { return {single_.data() + kGuard, DType::f32, shape_, strides_}; }
  View exact() { return {exact_.data() + kGuard, DType::f64, shape_, strides_}; }
  View absolute() { return {absolute_.data() + kGuard, DType::f64, shape_, strides_}; }
  const std::vector<float>& memory() const { return single_; }

  /// |single - exact| <= terms' rounding * absolute, and every guard still there.
  void expect_close(std::int64_t terms) const {
    expect_within([&](std::size_t at) { return rounding(terms) * absolute_[at]; });
  }
  /// The same, with every element's bound that of the largest. For Winograd's convolution: its sums
  /// are of differences, so a rounding of one pixel's large products reaches its neighbours.
  void expect_close_to_largest(std::int64_t terms) const {
    double most = 0;
    each([&](std::size_t at) { most = std::max(most, absolute_[at]); });
    expect_within([&](std::size_t) { return rounding(terms) * most; });
  }

  bool same_bits(const Operand& other) const {
    return single_.size() == other.single_.size() &&
           std::memcmp(single_.data(), other.single_.data(), single_.size() * sizeof(float)) == 0;
  }

 private:
  static constexpr std::int64_t kGuard = 40;

  static double rounding(std::int64_t terms) {
    return std::ldexp(1.0, -24) * static_cast<double>(terms + 8);
  }

  template <class Bound>
  void expect_within(const Bound& bound) const {
    std::vector<bool> used(single_.size(), false);
    int faults = 0;
    each([&](std::size_t at) {
      used[at] = true;
      const double error = std::abs(static_cast<double>(single_[at]) - exact_[at]);
      if (!(error <= bound(at)) && ++faults <= 3) {
        ADD_FAILURE() << "element " << at - kGuard << ": got " << single_[at] << ", expected "
                      << exact_[at] << " within " << bound(at);
      }
    });
    EXPECT_EQ(faults, 0) << "elements of " << shape_.str() << " differ";
    for (std::size_t at = 0; at < used.size(); ++at) {
      if (used[at]) continue;
      ASSERT_TRUE(std::isnan(single_[at])) << "guard " << at << " was written";
    }
  }

  template <class Body>
  void each(const Body& body) const {
    if (shape_.elements() == 0) return;
    std::array<std::int64_t, Shape::kMaxRank> index{};
    while (true) {
      std::int64_t at = kGuard;
      for (std::size_t a = 0; a < index.size(); ++a) at += index[a] * strides_[a];
      body(static_cast<std::size_t>(at));
      int axis = shape_.rank() - 1;
      for (; axis >= 0; --axis) {
        if (++index[static_cast<std::size_t>(axis)] < shape_[axis]) break;
        index[static_cast<std::size_t>(axis)] = 0;
      }
      if (axis < 0) return;
    }
  }

  Shape shape_;
  Strides strides_;
  std::vector<float> single_;
  std::vector<double> exact_, absolute_;
};

/// Scratch memory that ends where it was asked to end: a byte more is a fault of the sanitizer's.
class ExactScratch {
 public:
  explicit ExactScratch(std::size_t bytes) : block_(allocate(bytes + kAlignment)), bytes_(bytes) {
    std::memset(block_.get() + bytes, 0x5a, kAlignment);
  }
  ~ExactScratch() {
    for (std::size_t i = 0; i < kAlignment; ++i) {
      EXPECT_EQ(block_[static_cast<std::ptrdiff_t>(bytes_ + i)], std::byte{0x5a})
          << "scratch was written beyond its end";
    }
  }
  ExactScratch(const ExactScratch&) = delete;
  ExactScratch& operator=(const ExactScratch&) = delete;
  std::span<std::byte> span() { return {block_.get(), bytes_}; }

 private:
  std::shared_ptr<std::byte[]> block_;
  std::size_t bytes_;
};

/// Runs body once with each instruction set that was compiled in and that this processor has.
template <class Body>
void on_every_instruction_set(const Body& body) {
  const std::int64_t best = hwy::SupportedTargets();
  for (std::int64_t rest = best & HWY_TARGETS; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(cpu::kernels().name);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace striate::testing
