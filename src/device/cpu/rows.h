#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "device/cpu/collapse.h"
#include "striate/base/threads.h"

namespace striate {

/// Elements of work that are worth an item of a shared loop.
inline constexpr std::int64_t kItemElements = 16384;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Calls body(first, last) for ranges of like size that cover [0, units), several units of
/// `unit_elements` each to an item. The ranges depend on the arguments alone.
template <class Body>
void for_ranges(const Threads& threads, std::int64_t units, std::int64_t unit_elements,
                Body&& body) {
  if (units <= 0) return;
  const std::int64_t most =
      std::max<std::int64_t>(1, kItemElements / std::max<std::int64_t>(1, unit_elements));
  const std::int64_t each = ceil_div(units, ceil_div(units, most));
  threads.run(ceil_div(units, each),
              [&](std::int64_t item) { body(item * each, std::min(units, (item + 1) * each)); });
}

/// A float32 operand of a loop that treats every element alike.
struct RowOperand {
  float* data = nullptr;
  Strides strides{};
  bool reads = false;
  bool writes = false;

  static RowOperand in(const ConstView& view) {
    return {const_cast<float*>(view.as<float>()), view.strides, true, false};
  }
  static RowOperand out(const View& view, bool reads) {
    return {view.as<float>(), view.strides, reads, true};
  }
};

/// `rows` times n elements of every operand, one behind another in a row, with row_step elements
/// from row to row. Where step is 0 an operand has the same value throughout the row, and at least
/// a vector of copies of it lies at `at`.
struct Row {
  std::array<float*, kMaxOperands> at{};
  std::array<std::int64_t, kMaxOperands> step{};
  std::array<std::int64_t, kMaxOperands> row_step{};
  std::size_t n = 0;
  std::int64_t rows = 1;

  void next() {
    for (std::size_t k = 0; k < at.size(); ++k) at[k] += row_step[k];
  }
};

/// Calls kernel(row) for rows that cover all elements, on all threads. Operand 0 decides the order
/// of the dimensions. Operands with other strides are gathered into rows and scattered back.
void for_each_row(const Threads& threads, const Shape& shape, std::span<const RowOperand> operands,
                  const std::function<void(const Row&)>& kernel);

}  // namespace striate
