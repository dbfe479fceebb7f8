#include "device/cpu/collapse.h"

namespace striate {

std::int64_t Collapsed::rows() const {
  std::int64_t product = 1;
  for (int axis = 0; axis + 1 < rank; ++axis) product *= size(axis);
  return product;
}

Collapsed collapse(const Shape& shape, std::span<const Strides> operands) {
  invariant(!operands.empty() && operands.size() <= kMaxOperands, "collapse: operands");
  Collapsed result;
  if (shape.elements() == 0) return result;

  std::array<std::size_t, Shape::kMaxRank> order{};
  int rank = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    const auto a = static_cast<std::size_t>(axis);
    int place = rank++;
    for (; place > 0; --place) {
      const std::size_t before = order[static_cast<std::size_t>(place - 1)];
      if (operands[0][before] >= operands[0][a]) break;
      order[static_cast<std::size_t>(place)] = before;
    }
    order[static_cast<std::size_t>(place)] = a;
  }
  if (rank == 0) {
    result.sizes[0] = 1;
    for (std::size_t k = 0; k < operands.size(); ++k) result.strides[k][0] = 1;
    return result;
  }
  std::size_t last = 0;
  for (int i = 0; i < rank; ++i) {
    const std::size_t axis = order[static_cast<std::size_t>(i)];
    const std::int64_t size = shape[static_cast<int>(axis)];
    bool merges = i > 0;
    for (std::size_t k = 0; merges && k < operands.size(); ++k) {
      merges = result.strides[k][last] == operands[k][axis] * size;
    }
    if (!merges && i > 0) ++last;
    result.sizes[last] = merges ? result.sizes[last] * size : size;
    for (std::size_t k = 0; k < operands.size(); ++k) result.strides[k][last] = operands[k][axis];
  }
  result.rank = static_cast<int>(last) + 1;
  return result;
}

RowWalk::RowWalk(const Collapsed& loop, int operands, std::int64_t first_row)
    : loop_(&loop), operands_(operands) {
  for (int axis = loop.rank - 2; axis >= 0; --axis) {
    const std::int64_t at = first_row % loop.size(axis);
    first_row /= loop.size(axis);
    index_[static_cast<std::size_t>(axis)] = at;
    for (int k = 0; k < operands; ++k) {
      offsets_[static_cast<std::size_t>(k)] += at * loop.stride(k, axis);
    }
  }
}

void RowWalk::next() {
  for (int axis = loop_->rank - 2; axis >= 0; --axis) {
    std::int64_t& at = index_[static_cast<std::size_t>(axis)];
    const bool carry = ++at == loop_->size(axis);
    const std::int64_t steps = carry ? 1 - loop_->size(axis) : 1;
    for (int k = 0; k < operands_; ++k) {
      offsets_[static_cast<std::size_t>(k)] += steps * loop_->stride(k, axis);
    }
    if (!carry) return;
    at = 0;
  }
}

}  // namespace striate
