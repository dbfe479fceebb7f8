// The data movement around the micro-kernel, for the instruction set that is being compiled.

#if defined(STRIATE_DEVICE_CPU_MOVEMENT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef STRIATE_DEVICE_CPU_MOVEMENT_INL_H
#undef STRIATE_DEVICE_CPU_MOVEMENT_INL_H
#else
#define STRIATE_DEVICE_CPU_MOVEMENT_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include <hwy/highway.h>

#include "device/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace striate::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline void find_taps(const Pixels& source, const TapGrid& taps, const RowOrigins& origins,
                      std::int64_t count, const float* zeros, const float** out) {
  using Wide = hn::CappedTag<std::int64_t, 8>;
  constexpr Wide d;
  constexpr std::int64_t kWide = static_cast<std::int64_t>(MaxLanes(d));
  // Addresses are integers here: outside the map they are computed, and dropped.
  const auto address = [](const float* p) { return reinterpret_cast<std::int64_t>(p); };
  const std::int64_t bytes = source.pixel * static_cast<std::int64_t>(sizeof(float));
  HWY_ALIGN std::int64_t bases[kMaxRows];
  for (std::int64_t i = 0; i < kMaxRows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    bases[i] = address(source.data) +
               ((origins.image[at] * source.h + origins.y[at] + taps.first_y) * source.w +
                origins.x[at] + taps.first_x) *
                   bytes;
  }
  const auto none = hn::Set(d, address(zeros));
  const auto minus = hn::Set(d, -1);
  const auto height = hn::Set(d, source.h);
  const auto width = hn::Set(d, source.w);
  // Each store may run over into the places of the next tap, which is stored after it.
  constexpr std::int64_t kVectors = kMaxRows / kWide;
  for (std::int64_t j = 0; j < taps.rows; ++j) {
    const auto dy = hn::Set(d, taps.first_y + j * taps.step_y);
    hn::Mask<Wide> rows_inside[kVectors];
    for (std::int64_t v = 0; v < kVectors; ++v) {
      const auto y = hn::Add(hn::Load(d, origins.y.data() + v * kWide), dy);
      rows_inside[v] = hn::And(hn::Gt(y, minus), hn::Lt(y, height));
    }
    for (std::int64_t i = 0; i < taps.columns; ++i) {
      const auto dx = hn::Set(d, taps.first_x + i * taps.step_x);
      const auto step = hn::Set(d, (j * taps.step_y * source.w + i * taps.step_x) * bytes);
      for (std::int64_t v = 0; v * kWide < count; ++v) {
        const auto x = hn::Add(hn::Load(d, origins.x.data() + v * kWide), dx);
        const auto inside = hn::And(rows_inside[v], hn::And(hn::Gt(x, minus), hn::Lt(x, width)));
        const auto base = hn::Load(d, bases + v * kWide);
        hn::StoreU(hn::IfThenElse(inside, hn::Add(base, step), none), d,
                   reinterpret_cast<std::int64_t*>(out) + v * kWide);
      }
      out += count;
    }
  }
}

inline std::size_t to_lanes(std::int64_t count, std::int64_t most) {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, most));
}

inline void pack_rows(const float* source, std::int64_t stride, std::int64_t count,
                      std::int64_t columns, std::int64_t width, float* panel) {
  using Floats16 = hn::CappedTag<float, 16>;
  constexpr Floats16 d;
  constexpr std::int64_t kStep = static_cast<std::int64_t>(MaxLanes(d));
  if (columns == width && width % kStep == 0) {
    for (std::int64_t k = 0; k < count; ++k) {
      for (std::int64_t j = 0; j < width; j += kStep) {
        hn::StoreU(hn::LoadU(d, source + k * stride + j), d, panel + k * width + j);
      }
    }
    return;
  }
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  // Here masked loads and stores leave alone what they mask.
  for (std::int64_t j = 0; j < width; j += kStep) {
    const auto read = hn::FirstN(d, to_lanes(columns - j, kStep));
    const auto written = hn::FirstN(d, to_lanes(width - j, kStep));
    for (std::int64_t k = 0; k < count; ++k) {
      const auto values = hn::MaskedLoad(read, d, source + k * stride + j);
      hn::BlendedStore(values, written, d, panel + k * width + j);
    }
  }
#else
  for (std::int64_t k = 0; k < count; ++k) {
    float* row = panel + k * width;
    for (std::int64_t j = 0; j < columns; ++j) row[j] = source[k * stride + j];
    for (std::int64_t j = columns; j < width; ++j) row[j] = 0;
  }
#endif
}

#if HWY_TARGET == HWY_SCALAR
inline constexpr bool kBlocks = false;
#else
inline constexpr bool kBlocks = true;
using Four = hn::CappedTag<float, 4>;
using FourVec = hn::Vec<Four>;

// The transposed 4 by 4 block: out[i] lane j is in[j] lane i.
HWY_INLINE void transpose4(const FourVec* in, FourVec* out) {
  constexpr Four d;
  const hn::Repartition<double, Four> pairs;
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, in[0], in[1]));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, in[2], in[3]));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, in[0], in[1]));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, in[2], in[3]));
  out[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
  out[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
  out[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
  out[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23));
}

// panel[place(q)][j] for one block; q and j are its first.
template <class Place>
HWY_INLINE void pack_block(const float* source, std::int64_t stride, const Place& place,
                           float* panel) {
  constexpr Four d;
  FourVec in[4];
  FourVec out[4];
  for (int i = 0; i < 4; ++i) in[i] = hn::LoadU(d, source + i * stride);
  transpose4(in, out);
  for (int i = 0; i < 4; ++i) hn::StoreU(out[i], d, panel + place(i));
}

template <class Place>
HWY_INLINE void unpack_block(const float* panel, std::int64_t parts, std::int64_t part_stride,
                             const Place& place, bool accumulate, float* out, std::int64_t stride) {
  constexpr Four d;
  FourVec in[4];
  FourVec values[4];
  for (int i = 0; i < 4; ++i) {
    const float* from = panel + place(i);
    in[i] = hn::Zero(d);
    for (std::int64_t p = 0; p < parts; ++p) {
      in[i] = hn::Add(in[i], hn::LoadU(d, from + p * part_stride));
    }
  }
  transpose4(in, values);
  for (int i = 0; i < 4; ++i) {
    float* to = out + i * stride;
    if (accumulate) values[i] = hn::Add(hn::LoadU(d, to), values[i]);
    hn::StoreU(values[i], d, to);
  }
}
#endif

// Blocks of 4 by 4 are transposed in registers, a cache line of each column at a time, so that
// what is fetched is used while it is there.
inline constexpr std::int64_t kLine = 16;

inline void pack_transposed(const float* source, std::int64_t stride, std::int64_t count,
                            std::int64_t columns, const std::int64_t* at, std::int64_t width,
                            float* panel) {
  const std::int64_t whole = kBlocks && count >= 4 ? columns / 4 * 4 : 0;
  const auto place = [&](std::int64_t q) HWY_ATTR { return (at ? at[q] : q) * width; };
  for (std::int64_t begin = 0; begin < count; begin += kLine) {
    const std::int64_t end = std::min(begin + kLine, count);
#if HWY_TARGET != HWY_SCALAR
    for (std::int64_t j = 0; j < whole; j += 4) {
      for (std::int64_t next = begin; next < end; next += 4) {
        // The last block may step back over what its neighbour has done: the values are the same.
        const std::int64_t q = std::min(next, count - 4);
        pack_block(
            source + j * stride + q, stride, [&](int i) HWY_ATTR { return place(q + i); },
            panel + j);
      }
    }
#endif
    for (std::int64_t q = begin; q < end; ++q) {
      float* row = panel + place(q);
      for (std::int64_t j = whole; j < columns; ++j) row[j] = source[j * stride + q];
      for (std::int64_t j = columns; j < width; ++j) row[j] = 0;
    }
  }
}

inline void unpack_transposed(const float* panel, std::int64_t parts, std::int64_t part_stride,
                              std::int64_t width, const std::int64_t* at, std::int64_t count,
                              std::int64_t columns, bool accumulate, float* out,
                              std::int64_t stride) {
  const std::int64_t whole = kBlocks ? columns / 4 * 4 : 0;
  const std::int64_t blocks = kBlocks ? count / 4 * 4 : 0;
  const auto one = [&](std::int64_t q, std::int64_t j) HWY_ATTR {
    float sum = 0;
    for (std::int64_t p = 0; p < parts; ++p) sum += panel[p * part_stride + at[q] * width + j];
    float& target = out[j * stride + q];
    target = accumulate ? target + sum : sum;
  };
#if HWY_TARGET != HWY_SCALAR
  for (std::int64_t begin = 0; begin < blocks; begin += kLine) {
    for (std::int64_t j = 0; j < whole; j += 4) {
      for (std::int64_t q = begin; q < std::min(begin + kLine, blocks); q += 4) {
        unpack_block(
            panel + j, parts, part_stride, [&](int i) HWY_ATTR { return at[q + i] * width; },
            accumulate, out + j * stride + q, stride);
      }
    }
  }
#endif
  for (std::int64_t q = 0; q < count; ++q) {
    for (std::int64_t j = q < blocks ? whole : 0; j < columns; ++j) one(q, j);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace striate::cpu
HWY_AFTER_NAMESPACE();

#endif
