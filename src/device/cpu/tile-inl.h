// The micro-kernel, for the instruction set that is being compiled.

#if defined(STRIATE_DEVICE_CPU_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef STRIATE_DEVICE_CPU_TILE_INL_H
#undef STRIATE_DEVICE_CPU_TILE_INL_H
#else
#define STRIATE_DEVICE_CPU_TILE_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include <hwy/highway.h>

#include "device/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace striate::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// No wider than AVX-512: an unscaled tag would be sizeless on machines this table is not for.
using Floats = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Floats>;
inline constexpr int kLanes = static_cast<int>(MaxLanes(Floats()));
// Vector registers of the instruction set: they bound the tile.
inline constexpr int kRegisters = (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON) ? 32 : 16;

// scale * value + shift (+ residual), and the slope.
struct Finished {
  Vec slope;
  explicit Finished(const Finish& finish) : slope(hn::Set(Floats(), finish.slope)) {}

  HWY_INLINE Vec operator()(Vec value, Vec scale, Vec shift, Vec residual) const {
    value = hn::Add(hn::MulAdd(scale, value, shift), residual);
    return hn::IfThenElse(hn::Lt(value, hn::Zero(Floats())), hn::Mul(slope, value), value);
  }
};

// to[i] = the finish of from[i]; `to` may be `from`.
HWY_INLINE void finish_channels(const float* from, std::int64_t count, const Finish& finish,
                                const float* residual, float* to) {
  const Finished finished(finish);
  const auto vector = [&](std::int64_t j, std::int64_t lanes, auto load) HWY_ATTR {
    return finished(load(from + j, lanes),
                    finish.scale ? load(finish.scale + j, lanes) : hn::Set(Floats(), 1.0F),
                    finish.shift ? load(finish.shift + j, lanes) : hn::Zero(Floats()),
                    residual ? load(residual + j, lanes) : hn::Zero(Floats()));
  };
  const auto whole = [](const float* p, std::int64_t) HWY_ATTR { return hn::LoadU(Floats(), p); };
  std::int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) hn::StoreU(vector(j, kLanes, whole), Floats(), to + j);
  if (j == count) return;
  const auto part = [](const float* p, std::int64_t lanes) HWY_ATTR {
    float values[kLanes] = {};
    std::copy_n(p, lanes, values);
    return hn::LoadU(Floats(), values);
  };
  float values[kLanes];
  hn::StoreU(vector(j, count - j, part), Floats(), values);
  std::copy_n(values, count - j, to + j);
}

inline void map_channels(const float* from, std::int64_t count, const Finish& finish, float* to) {
  finish_channels(from, count, finish, nullptr, to);
}

// The sums of a tile. Every loop over rows and vectors unrolls, so that the array lives in
// registers.
template <int kRows, int kVectors>
struct Sums {
  Vec at[kRows][kVectors];

  HWY_INLINE void clear() {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) at[i][v] = hn::Zero(Floats());
    }
  }

  // One step of k: element(i) times the panel's row.
  template <class Element>
  HWY_INLINE void add(const float* HWY_RESTRICT panel, const Element& element) {
    Vec b[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) b[v] = hn::LoadU(Floats(), panel + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vec a = hn::Set(Floats(), element(i));
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) at[i][v] = hn::MulAdd(a, b[v], at[i][v]);
    }
  }

  HWY_INLINE void store(const TileOutput& out) const {
    if (out.columns == kVectors * kLanes) {
      store_full(out);
    } else {
      store_part(out);
    }
  }

 private:
  HWY_INLINE void store_full(const TileOutput& out) const {
    if (out.finish == nullptr) {
      store_rows(out, [](int, int, Vec value) HWY_ATTR { return value; });
      return;
    }
    const Finished finished(*out.finish);
    Vec scale[kVectors];
    Vec shift[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      scale[v] = out.finish->scale ? hn::LoadU(Floats(), out.finish->scale + v * kLanes)
                                   : hn::Set(Floats(), 1.0F);
      shift[v] = out.finish->shift ? hn::LoadU(Floats(), out.finish->shift + v * kLanes)
                                   : hn::Zero(Floats());
    }
    store_rows(out, [&](int i, int v, Vec value) HWY_ATTR {
      const Vec residual =
          out.residual ? hn::LoadU(Floats(), out.residual + i * out.residual_stride + v * kLanes)
                       : hn::Zero(Floats());
      return finished(value, scale[v], shift[v], residual);
    });
  }

  template <class Last>
  HWY_INLINE void store_rows(const TileOutput& out, const Last& last) const {
    const Vec alpha = hn::Set(Floats(), out.alpha);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      float* row = out.rows[i] + out.column;
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        Vec value = hn::Mul(alpha, at[i][v]);
        if (out.accumulate) value = hn::Add(value, hn::LoadU(Floats(), row + v * kLanes));
        hn::StoreU(last(i, v, value), Floats(), row + v * kLanes);
      }
    }
  }

  // Columns beyond the last belong to somebody else: only what is ours is read or written.
  HWY_INLINE void store_part(const TileOutput& out) const {
    const Vec alpha = hn::Set(Floats(), out.alpha);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      float values[kVectors * kLanes];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        hn::StoreU(hn::Mul(alpha, at[i][v]), Floats(), values + v * kLanes);
      }
      put(values, out, out.rows[i] + out.column);
      if (out.finish) finish_row(out, i, out.rows[i] + out.column, out.columns);
    }
  }

  static HWY_NOINLINE void put(const float* values, const TileOutput& out, float* to) {
    for (std::int64_t j = 0; j < out.columns; ++j) {
      to[j] = out.accumulate ? values[j] + to[j] : values[j];
    }
  }
  static HWY_NOINLINE void finish_row(const TileOutput& out, int i, float* row,
                                      std::int64_t columns) {
    const float* residual = out.residual ? out.residual + i * out.residual_stride : nullptr;
    finish_channels(row, columns, *out.finish, residual, row);
  }
};

// Asks for the lines of memory that a tile ends in, so that they arrive while its sums are made.
template <int kRows, int kVectors>
HWY_INLINE void fetch_ahead(const TileOutput& out) {
  constexpr int kFloats = 16;  // in a line
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors * kLanes; j += kFloats) {
      __builtin_prefetch(out.rows[i] + out.column + j, 1);
      if (out.residual) __builtin_prefetch(out.residual + i * out.residual_stride + j, 0);
    }
  }
}

template <int kRows, int kVectors>
void multiply_rows(const RowsTile& tile) {
  fetch_ahead<kRows, kVectors>(tile.out);
  Sums<kRows, kVectors> sums;
  sums.clear();
  const float* HWY_RESTRICT panel = tile.panel;
  for (std::int64_t tap = 0; tap < tile.taps; ++tap) {
    const float* rows[kRows];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) rows[i] = tile.rows[tap * kRows + i];
    for (std::int64_t k = tile.offset; k < tile.offset + tile.depth; ++k) {
      sums.add(panel, [&](int i) HWY_ATTR { return rows[i][k]; });
      panel += kVectors * kLanes;
    }
  }
  sums.store(tile.out);
}

template <int kRows, int kVectors>
void multiply_runs(const RunsTile& tile) {
  Sums<kRows, kVectors> sums;
  sums.clear();
  for (std::int64_t run = 0; run < tile.run_count; ++run) {
    const float* HWY_RESTRICT a = tile.runs[run].a + tile.offset;
    const float* HWY_RESTRICT panel = tile.panel + tile.runs[run].first * (kVectors * kLanes);
    for (std::int64_t k = 0; k < tile.runs[run].count; ++k) {
      sums.add(panel, [&](int i) HWY_ATTR { return a[i]; });
      a += tile.stride;
      panel += kVectors * kLanes;
    }
  }
  sums.store(tile.out);
}

// Products of few rows, at the speed of memory: the right operand is read once, as it lies.

HWY_INLINE float sum_of(Vec v) { return hn::GetLane(hn::SumOfLanes(Floats(), v)); }

// kColumns dot products of each row at a time keep as many streams of memory busy.
template <int kRows, int kColumns>
HWY_INLINE void dot_columns(const float* const* HWY_RESTRICT x, const float* HWY_RESTRICT b,
                            std::int64_t stride, std::int64_t first, std::int64_t last,
                            std::int64_t column, float* const* HWY_RESTRICT out) {
  // One row has too few sums to keep the multiplier busy without a second set of them.
  constexpr int kSets = kRows == 1 ? 2 : 1;
  Vec sums[kRows][kColumns][kSets];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) {
#pragma GCC unroll 2
      for (int u = 0; u < kSets; ++u) sums[i][j][u] = hn::Zero(Floats());
    }
  }
  const float* from = b + column * stride;
  std::int64_t k = first;
  for (; k + kSets * kLanes <= last; k += kSets * kLanes) {
#pragma GCC unroll 2
    for (int u = 0; u < kSets; ++u) {
      Vec right[kColumns];
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) {
        right[j] = hn::LoadU(Floats(), from + j * stride + k + u * kLanes);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        const Vec left = hn::LoadU(Floats(), x[i] + k + u * kLanes);
#pragma GCC unroll 4
        for (int j = 0; j < kColumns; ++j) {
          sums[i][j][u] = hn::MulAdd(left, right[j], sums[i][j][u]);
        }
      }
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      float sum =
          sum_of(kSets == 1 ? sums[i][j][0] : hn::Add(sums[i][j][0], sums[i][j][kSets - 1]));
      for (std::int64_t rest = k; rest < last; ++rest) sum += x[i][rest] * from[j * stride + rest];
      out[i][column + j] = first == 0 ? sum : out[i][column + j] + sum;
    }
  }
}

// Several rows are taken in pieces that stay in the first cache while all columns meet them.
template <int kRows>
void dot_rows(const float* const* x, const float* b, std::int64_t stride, std::int64_t depth,
              std::int64_t columns, float* const* out) {
  constexpr int kColumns = std::clamp(kRegisters / 2 / kRows, 1, 4);
  const std::int64_t piece = kRows == 1 ? std::max<std::int64_t>(1, depth) : 512;
  std::int64_t first = 0;
  do {
    const std::int64_t last = std::min(depth, first + piece);
    std::int64_t j = 0;
    for (; j + kColumns <= columns; j += kColumns) {
      dot_columns<kRows, kColumns>(x, b, stride, first, last, j, out);
    }
    for (; j < columns; ++j) dot_columns<kRows, 1>(x, b, stride, first, last, j, out);
    first = last;
  } while (first < depth);
}

template <int kVectors>
HWY_INLINE void sum_columns(const float* HWY_RESTRICT x, const float* HWY_RESTRICT b,
                            std::int64_t stride, std::int64_t depth, float* HWY_RESTRICT out) {
  Sums<1, kVectors> sums;
  sums.clear();
  for (std::int64_t k = 0; k < depth; ++k) {
    const Vec a = hn::Set(Floats(), x[k]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sums.at[0][v] =
          hn::MulAdd(a, hn::LoadU(Floats(), b + k * stride + v * kLanes), sums.at[0][v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) hn::StoreU(sums.at[0][v], Floats(), out + v * kLanes);
}

inline void sum_rows(const float* x, const float* b, std::int64_t stride, std::int64_t depth,
                     std::int64_t columns, float* out) {
  std::int64_t j = 0;
  for (; j + 8 * kLanes <= columns; j += 8 * kLanes) {
    sum_columns<8>(x, b + j, stride, depth, out + j);
  }
  for (; j + kLanes <= columns; j += kLanes) sum_columns<1>(x, b + j, stride, depth, out + j);
  if (j == columns) return;
  std::fill(out + j, out + columns, 0.0F);
  for (std::int64_t k = 0; k < depth; ++k) {
    for (std::int64_t rest = j; rest < columns; ++rest) out[rest] += x[k] * b[k * stride + rest];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace striate::cpu
HWY_AFTER_NAMESPACE();

#endif
