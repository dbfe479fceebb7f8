#include "device/cpu/rows.h"

namespace striate {
namespace {

constexpr std::int64_t kPackedRow = 512;
constexpr std::size_t kWidestVector = 64;

struct Packed {
  alignas(64) std::array<float, kPackedRow> values;
};

// The operands of one loop, and how each is brought to the kernel.
class Loop {
 public:
  Loop(const Shape& shape, std::span<const RowOperand> operands) : operands_(operands) {
    std::array<Strides, kMaxOperands> strides{};
    for (std::size_t k = 0; k < operands.size(); ++k) strides[k] = operands[k].strides;
    loop_ = collapse(shape, std::span(strides).first(operands.size()));
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const std::int64_t stride = loop_.inner_stride(static_cast<int>(k));
      packs_[k] = stride != 1 && (stride != 0 || operands[k].writes);
      packs_any_ = packs_any_ || packs_[k];
      repeats_any_ = repeats_any_ || stride == 0;
    }
  }

  const Collapsed& shape() const { return loop_; }

  // How many rows, of those left from `row` on, one call of `run_rows` can take.
  std::int64_t together(std::int64_t row, std::int64_t left) const {
    if (packs_any_ || repeats_any_ || loop_.rank == 1) return 1;
    const std::int64_t size = loop_.size(loop_.rank - 2);
    return std::min(left, size - row % size);
  }

  // `count` whole rows, as `together` allows.
  void run_rows(const RowWalk& walk, std::int64_t count,
                const std::function<void(const Row&)>& kernel) const {
    if (count == 1) {
      run(walk, 0, loop_.inner(), kernel);
      return;
    }
    Row row;
    row.n = static_cast<std::size_t>(loop_.inner());
    row.rows = count;
    for (std::size_t k = 0; k < operands_.size(); ++k) {
      row.step[k] = 1;
      row.at[k] = operands_[k].data + walk.offset(static_cast<int>(k));
      row.row_step[k] = loop_.stride(static_cast<int>(k), loop_.rank - 2);
    }
    kernel(row);
  }

  // Elements [begin, end) of the row the walk stands on.
  void run(const RowWalk& walk, std::int64_t begin, std::int64_t end,
           const std::function<void(const Row&)>& kernel) const {
    if (packs_any_) {
      run_packed(walk, begin, end, kernel);
      return;
    }
    alignas(64) std::array<std::array<float, kWidestVector>, kMaxOperands> repeated;
    Row row;
    row.n = static_cast<std::size_t>(end - begin);
    for (std::size_t k = 0; k < operands_.size(); ++k) {
      float* start = operands_[k].data + walk.offset(static_cast<int>(k));
      row.step[k] = loop_.inner_stride(static_cast<int>(k));
      if (row.step[k] == 0) {
        repeated[k].fill(*start);
        row.at[k] = repeated[k].data();
      } else {
        row.at[k] = start + begin;
      }
    }
    kernel(row);
  }

 private:
  void run_packed(const RowWalk& walk, std::int64_t begin, std::int64_t end,
                  const std::function<void(const Row&)>& kernel) const {
    std::array<Packed, kMaxOperands> packed;
    for (std::int64_t first = begin; first < end; first += kPackedRow) {
      const std::int64_t n = std::min(kPackedRow, end - first);
      Row row;
      row.n = static_cast<std::size_t>(n);
      for (std::size_t k = 0; k < operands_.size(); ++k) {
        const std::int64_t stride = loop_.inner_stride(static_cast<int>(k));
        float* start = operands_[k].data + walk.offset(static_cast<int>(k)) + first * stride;
        float* values = packed[k].values.data();
        row.step[k] = 1;
        row.at[k] = packs_[k] || stride == 0 ? values : start;
        if (row.at[k] == start || !operands_[k].reads) continue;
        for (std::int64_t i = 0; i < n; ++i) values[i] = start[i * stride];
      }
      kernel(row);
      for (std::size_t k = 0; k < operands_.size(); ++k) {
        if (!packs_[k] || !operands_[k].writes) continue;
        const std::int64_t stride = loop_.inner_stride(static_cast<int>(k));
        float* start = operands_[k].data + walk.offset(static_cast<int>(k)) + first * stride;
        for (std::int64_t i = 0; i < n; ++i) start[i * stride] = row.at[k][i];
      }
    }
  }

  std::span<const RowOperand> operands_;
  Collapsed loop_;
  std::array<bool, kMaxOperands> packs_{};
  bool packs_any_ = false;
  bool repeats_any_ = false;
};

}  // namespace

void for_each_row(const Threads& threads, const Shape& shape, std::span<const RowOperand> operands,
                  const std::function<void(const Row&)>& kernel) {
  if (shape.elements() == 0) return;
  const Loop loop(shape, operands);
  const int count = static_cast<int>(operands.size());
  const std::int64_t inner = loop.shape().inner();
  const std::int64_t rows = loop.shape().rows();
  if (inner > kItemElements) {
    constexpr std::int64_t kWhole = 64;  // of vectors but for the last
    const std::int64_t even = ceil_div(inner, ceil_div(inner, kItemElements));
    const std::int64_t each = ceil_div(even, kWhole) * kWhole;
    const std::int64_t pieces = ceil_div(inner, each);
    threads.run(rows * pieces, [&](std::int64_t item) {
      const std::int64_t begin = item % pieces * each;
      const RowWalk walk(loop.shape(), count, item / pieces);
      loop.run(walk, begin, std::min(inner, begin + each), kernel);
    });
    return;
  }
  for_ranges(threads, rows, inner, [&](std::int64_t first, std::int64_t last) {
    RowWalk walk(loop.shape(), count, first);
    for (std::int64_t row = first; row < last;) {
      const std::int64_t taken = loop.together(row, last - row);
      loop.run_rows(walk, taken, kernel);
      row += taken;
      if (taken == 1) {
        walk.next();
      } else if (row < last) {
        walk = RowWalk(loop.shape(), count, row);
      }
    }
  });
}

}  // namespace striate
