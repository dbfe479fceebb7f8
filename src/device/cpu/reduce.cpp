#include <vector>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

// Sums in double: the processor turns floats into doubles faster than memory delivers them.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/reduce.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// sums[c] += sum over the rows of x[row * stride + c] (or of its square) for c < columns.
template <bool kSquare>
void sum_columns(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                 double* sums) {
  const hn::ScalableTag<double> d;
  using V = hn::Vec<decltype(d)>;
  for_strips(d, static_cast<std::size_t>(columns),
             [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
               constexpr int kVectors = decltype(vectors)::value;
               const std::size_t lanes = hn::Lanes(d);
               V sum[kVectors];
               for (int k = 0; k < kVectors; ++k)
                 sum[k] = load(sums + c + static_cast<std::size_t>(k) * lanes);
               for (std::int64_t row = 0; row < rows; ++row) {
                 const float* source = x + row * stride + c;
                 for (int k = 0; k < kVectors; ++k) {
                   const V value =
                       hn::PromoteTo(d, load(source + static_cast<std::size_t>(k) * lanes));
                   sum[k] = kSquare ? hn::MulAdd(value, value, sum[k]) : hn::Add(sum[k], value);
                 }
               }
               for (int k = 0; k < kVectors; ++k)
                 store(sum[k], sums + c + static_cast<std::size_t>(k) * lanes);
             });
}

// The sum of n neighbours, or of their squares.
template <bool kSquare>
double sum_run(const float* x, std::int64_t n) {
  const hn::ScalableTag<double> d;
  using V = hn::Vec<decltype(d)>;
  V sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for_strips(d, static_cast<std::size_t>(n),
             [&](auto vectors, auto load, auto, std::size_t i) HWY_ATTR {
               constexpr int kVectors = decltype(vectors)::value;
               for (int k = 0; k < kVectors; ++k) {
                 const V value =
                     hn::PromoteTo(d, load(x + i + static_cast<std::size_t>(k) * hn::Lanes(d)));
                 sum[k] = kSquare ? hn::MulAdd(value, value, sum[k]) : hn::Add(sum[k], value);
               }
             });
  const V total = hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]));
  return hn::GetLane(hn::SumOfLanes(d, total));
}

void columns_kernel(bool square, const float* x, std::int64_t stride, std::int64_t rows,
                    std::int64_t columns, double* sums) {
  if (square) {
    sum_columns<true>(x, stride, rows, columns, sums);
  } else {
    sum_columns<false>(x, stride, rows, columns, sums);
  }
}

double run_kernel(bool square, const float* x, std::int64_t n) {
  return square ? sum_run<true>(x, n) : sum_run<false>(x, n);
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(columns_kernel);
HWY_EXPORT(run_kernel);

constexpr std::int64_t kBlockElements = 2 * kItemElements;
constexpr std::int64_t kMaxBlocks = 64;
constexpr std::int64_t kPiece = 512;
constexpr std::int64_t kTile = 4096;

// A reduction as loops: over what is kept, over what is summed, and over the innermost dimension,
// which is kept ("columns") or summed ("runs").
class Reduction {
 public:
  Reduction(const ConstView& x, const Shape& out, bool square)
      : data_(x.as<float>()), square_(square) {
    Strides to = dense_strides(out);
    for (int axis = 0; axis < out.rank(); ++axis) {
      if (out[axis] == 1) to[static_cast<std::size_t>(axis)] = 0;
    }
    const std::array<Strides, 2> operands{x.strides, to};
    const Collapsed loop = collapse(x.shape, operands);
    inner_ = loop.inner();
    stride_ = loop.inner_stride(0);
    to_stride_ = x.shape.elements() == 1 ? 0 : loop.inner_stride(1);
    columns_ = to_stride_ != 0;
    Builder kept, summed;
    for (int axis = 0; axis + 1 < loop.rank; ++axis) {
      (loop.stride(1, axis) != 0 ? kept : summed)
          .add(loop.size(axis), loop.stride(0, axis), loop.stride(1, axis));
    }
    if (!columns_) cut_long_runs(summed);
    // A walk goes over all dimensions but the last: what is kept ends in a dimension of size 1.
    kept.add(1, 0, 0);
    if (summed.loop.rank == 0) summed.add(1, 0, 0);
    kept_ = kept.loop;
    summed_ = summed.loop;
    rows_ = summed_.rows() * summed_.inner();
    block_rows_ = std::max({std::int64_t{1}, kBlockElements / std::max<std::int64_t>(1, inner_),
                            ceil_div(rows_, kMaxBlocks)});
    if (columns_) tiles_ = ceil_div(inner_, kTile);
    // Many columns are shared out by column, without partial sums.
    if (tiles_ > 4) block_rows_ = rows_;
    blocks_ = ceil_div(rows_, block_rows_);
  }

  // The sums, dense in the order of the result.
  std::vector<double> compute(const Threads& threads, std::int64_t results) const {
    const std::int64_t width = columns_ ? inner_ : 1;
    const std::int64_t kept = kept_.rows();
    std::vector<double> partial(static_cast<std::size_t>(kept * blocks_ * width));
    for_ranges(threads, kept * blocks_ * tiles_, block_rows_ * std::min(inner_, kTile),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t item = first; item < last; ++item) {
                   const std::int64_t sums = item / tiles_;
                   const std::int64_t column = item % tiles_ * kTile;
                   sum_block(sums / blocks_, sums % blocks_, column,
                             partial.data() + sums * width + column);
                 }
               });
    std::vector<double> total(static_cast<std::size_t>(results));
    RowWalk walk(kept_, 2, 0);
    const double* source = partial.data();
    for (std::int64_t k = 0; k < kept; ++k, walk.next()) {
      for (std::int64_t block = 0; block < blocks_; ++block) {
        for (std::int64_t c = 0; c < width; ++c) {
          total[static_cast<std::size_t>(walk.offset(1) + c * to_stride_)] += *source++;
        }
      }
      for (std::int64_t i = tail_begin_; i < tail_end_; ++i) {
        const double value = static_cast<double>(data_[walk.offset(0) + i * stride_]);
        total[static_cast<std::size_t>(walk.offset(1))] += square_ ? value * value : value;
      }
    }
    return total;
  }

 private:
  struct Builder {
    Collapsed loop{.rank = 0, .sizes = {}, .strides = {}};
    void add(std::int64_t size, std::int64_t from, std::int64_t to) {
      const auto axis = static_cast<std::size_t>(loop.rank++);
      loop.sizes[axis] = size;
      loop.strides[0][axis] = from;
      loop.strides[1][axis] = to;
    }
  };

  // A long run becomes rows of an even length, so that blocks can share it.
  void cut_long_runs(Builder& summed) {
    if (inner_ <= kBlockElements || summed.loop.rank > 0) return;
    const std::int64_t rows = inner_ / kPiece;
    tail_begin_ = rows * kPiece;
    tail_end_ = inner_;
    summed.add(rows, kPiece * stride_, 0);
    inner_ = kPiece;
  }

  // The rows of a block, in a run all of each, else the tile of columns that starts at `column`.
  void sum_block(std::int64_t kept, std::int64_t block, std::int64_t column, double* sums) const {
    const float* base = data_ + RowWalk(kept_, 1, kept).offset(0) + column * stride_;
    const std::int64_t width = columns_ ? std::min(kTile, inner_ - column) : inner_;
    const std::int64_t first = block * block_rows_;
    const std::int64_t last = std::min(rows_, first + block_rows_);
    const std::int64_t run = summed_.inner();
    RowWalk walk(summed_, 1, first / run);
    for (std::int64_t row = first; row < last;) {
      const std::int64_t at = row % run;
      const std::int64_t count = std::min(last - row, run - at);
      const std::int64_t step = summed_.inner_stride(0);
      sum_rows(base + walk.offset(0) + at * step, step, count, width, sums);
      row += count;
      if (row % run == 0) walk.next();
    }
  }

  void sum_rows(const float* x, std::int64_t step, std::int64_t rows, std::int64_t width,
                double* sums) const {
    if (stride_ == 1 && columns_) {
      HWY_DYNAMIC_DISPATCH(columns_kernel)(square_, x, step, rows, width, sums);
      return;
    }
    const auto kernel = HWY_DYNAMIC_DISPATCH(run_kernel);
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* source = x + row * step;
      if (stride_ == 1) {
        *sums += kernel(square_, source, width);
        continue;
      }
      for (std::int64_t i = 0; i < width; ++i) {
        const double value = static_cast<double>(source[i * stride_]);
        sums[columns_ ? i : 0] += square_ ? value * value : value;
      }
    }
  }

  const float* data_;
  bool square_;
  bool columns_ = false;
  std::int64_t inner_ = 0, stride_ = 0, to_stride_ = 0;
  std::int64_t tail_begin_ = 0, tail_end_ = 0;
  Collapsed kept_, summed_;
  std::int64_t rows_ = 0, block_rows_ = 1, blocks_ = 0, tiles_ = 1;
};

std::vector<double> reduce(const Threads& threads, const ConstView& x, const Shape& out,
                           bool square) {
  const std::int64_t results = out.elements();
  if (x.shape.elements() == 0) return std::vector<double>(static_cast<std::size_t>(results));
  return Reduction(x, out, square).compute(threads, results);
}

}  // namespace

void cpu_reduce_sum(const Threads& threads, const ConstView& x, const View& out, double scale,
                    bool accumulate) {
  const std::vector<double> sums = reduce(threads, x, out.shape, false);
  if (sums.empty()) return;
  const std::array<Strides, 2> operands{dense_strides(out.shape), out.strides};
  const Collapsed loop = collapse(out.shape, operands);
  const std::int64_t stride = loop.inner_stride(1);
  RowWalk walk(loop, 2, 0);
  const double* source = sums.data();
  for (std::int64_t row = 0; row < loop.rows(); ++row, walk.next()) {
    float* target = out.as<float>() + walk.offset(1);
    for (std::int64_t i = 0; i < loop.inner(); ++i) {
      float& place = target[i * stride];
      const double value = scale * *source++;
      place = static_cast<float>(accumulate ? static_cast<double>(place) + value : value);
    }
  }
}

double cpu_sum_of_squares(const Threads& threads, const ConstView& x) {
  Shape one;
  for (int axis = 0; axis < x.shape.rank(); ++axis) one.push_back(1);
  return reduce(threads, x, one, true)[0];
}

}  // namespace striate
#endif  // HWY_ONCE
