#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "striate/tensor/tensor.h"

namespace striate {

inline constexpr int kMaxOperands = 6;

/// A loop over the elements of several operands of one shape, with as few dimensions as their
/// strides allow: sizes of 1 dropped, neighbours merged where every operand permits, ordered so
/// that the last dimension has the smallest stride of operand 0. Rank is at least 1.
struct Collapsed {
  int rank = 1;
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  std::array<Strides, kMaxOperands> strides{};

  std::int64_t size(int axis) const { return sizes[static_cast<std::size_t>(axis)]; }
  std::int64_t stride(int operand, int axis) const {
    return strides[static_cast<std::size_t>(operand)][static_cast<std::size_t>(axis)];
  }
  std::int64_t inner() const { return size(rank - 1); }
  std::int64_t inner_stride(int operand) const { return stride(operand, rank - 1); }
  /// Product of all sizes but the last.
  std::int64_t rows() const;
};

Collapsed collapse(const Shape& shape, std::span<const Strides> operands);

/// Walks the rows of a Collapsed (all dimensions but the last), keeping each operand's offset.
class RowWalk {
 public:
  RowWalk(const Collapsed& loop, int operands, std::int64_t first_row);
  std::int64_t offset(int operand) const { return offsets_[static_cast<std::size_t>(operand)]; }
  void next();

 private:
  const Collapsed* loop_;
  int operands_;
  std::array<std::int64_t, Shape::kMaxRank> index_{};
  std::array<std::int64_t, kMaxOperands> offsets_{};
};

}  // namespace striate
