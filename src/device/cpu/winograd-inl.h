// The transforms of Winograd's convolution, for the instruction set that is being compiled.

#if defined(STRIATE_DEVICE_CPU_WINOGRAD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef STRIATE_DEVICE_CPU_WINOGRAD_INL_H
#undef STRIATE_DEVICE_CPU_WINOGRAD_INL_H
#else
#define STRIATE_DEVICE_CPU_WINOGRAD_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include <hwy/highway.h>

#include "device/cpu/kernels.h"
#include "device/cpu/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace striate::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// F(4, 3) interpolates at 0, ±a, ±b and infinity (Lavin and Gray, arXiv:1509.09308, with a = 1 and
// b = 2). Every row of the transforms for -a is that for a with the odd part's sign turned.
// With a² = 1/2 and b² = 2 the numbers that meet differ less in size: on rectified data of 512
// channels the worst error is a quarter of that with 1 and 2.
struct Points {
  static constexpr double a = 0.70710678118654752440, b = 1.41421356237309504880;
  static constexpr double a2 = a * a, b2 = b * b;
  // Weights are divided by the product of a point's distances to the other finite ones.
  static constexpr double at_0 = 1 / (a2 * b2);
  static constexpr double at_a = 1 / (2 * a2 * (a2 - b2));
  static constexpr double at_b = 1 / (2 * b2 * (b2 - a2));
};

HWY_INLINE Vec constant(double value) { return hn::Set(Floats(), static_cast<float>(value)); }

// out = B' in, 6 from 6.
HWY_INLINE void input_row(const Vec* in, Vec* out) {
  const Vec a2 = constant(Points::a2);
  const Vec b2 = constant(Points::b2);
  const Vec sum = constant(Points::a2 + Points::b2);
  const Vec product = constant(Points::a2 * Points::b2);
  const Vec even_a = hn::NegMulAdd(b2, in[2], in[4]);
  const Vec odd_a = hn::NegMulAdd(b2, in[1], in[3]);
  const Vec even_b = hn::NegMulAdd(a2, in[2], in[4]);
  const Vec odd_b = hn::NegMulAdd(a2, in[1], in[3]);
  const Vec a = constant(Points::a);
  const Vec b = constant(Points::b);
  out[0] = hn::NegMulAdd(sum, in[2], hn::MulAdd(product, in[0], in[4]));
  out[1] = hn::MulAdd(a, odd_a, even_a);
  out[2] = hn::NegMulAdd(a, odd_a, even_a);
  out[3] = hn::MulAdd(b, odd_b, even_b);
  out[4] = hn::NegMulAdd(b, odd_b, even_b);
  out[5] = hn::NegMulAdd(sum, in[3], hn::MulAdd(product, in[1], in[5]));
}

// out = G in, 6 from 3.
HWY_INLINE void weights_row(const Vec* in, Vec* out) {
  const Vec even_a = hn::MulAdd(constant(Points::at_a * Points::a2), in[2],
                                hn::Mul(constant(Points::at_a), in[0]));
  const Vec even_b = hn::MulAdd(constant(Points::at_b * Points::b2), in[2],
                                hn::Mul(constant(Points::at_b), in[0]));
  const Vec a = constant(Points::at_a * Points::a);
  const Vec b = constant(Points::at_b * Points::b);
  out[0] = hn::Mul(constant(Points::at_0), in[0]);
  out[1] = hn::MulAdd(a, in[1], even_a);
  out[2] = hn::NegMulAdd(a, in[1], even_a);
  out[3] = hn::MulAdd(b, in[1], even_b);
  out[4] = hn::NegMulAdd(b, in[1], even_b);
  out[5] = in[2];
}

// out = A' in, 4 from 6.
HWY_INLINE void output_row(const Vec* in, Vec* out) {
  const Vec even_a = hn::Add(in[1], in[2]);
  const Vec odd_a = hn::Sub(in[1], in[2]);
  const Vec even_b = hn::Add(in[3], in[4]);
  const Vec odd_b = hn::Sub(in[3], in[4]);
  out[0] = hn::Add(hn::Add(in[0], even_a), even_b);
  out[1] = hn::MulAdd(constant(Points::a), odd_a, hn::Mul(constant(Points::b), odd_b));
  out[2] = hn::MulAdd(constant(Points::a2), even_a, hn::Mul(constant(Points::b2), even_b));
  out[3] = hn::MulAdd(constant(Points::a2 * Points::a), odd_a,
                      hn::MulAdd(constant(Points::b2 * Points::b), odd_b, in[5]));
}

// out = A in, 6 from 4.
HWY_INLINE void output_adjoint_row(const Vec* in, Vec* out) {
  const Vec even_a = hn::MulAdd(constant(Points::a2), in[2], in[0]);
  const Vec even_b = hn::MulAdd(constant(Points::b2), in[2], in[0]);
  const Vec odd_a = hn::MulAdd(constant(Points::a2), in[3], in[1]);
  const Vec odd_b = hn::MulAdd(constant(Points::b2), in[3], in[1]);
  const Vec a = constant(Points::a);
  const Vec b = constant(Points::b);
  out[0] = in[0];
  out[1] = hn::MulAdd(a, odd_a, even_a);
  out[2] = hn::NegMulAdd(a, odd_a, even_a);
  out[3] = hn::MulAdd(b, odd_b, even_b);
  out[4] = hn::NegMulAdd(b, odd_b, even_b);
  out[5] = in[3];
}

// out = G' in, 3 from 6.
HWY_INLINE void weights_adjoint_row(const Vec* in, Vec* out) {
  const Vec even_a = hn::Mul(constant(Points::at_a), hn::Add(in[1], in[2]));
  const Vec even_b = hn::Mul(constant(Points::at_b), hn::Add(in[3], in[4]));
  const Vec odd_a = hn::Sub(in[1], in[2]);
  const Vec odd_b = hn::Sub(in[3], in[4]);
  out[0] = hn::MulAdd(constant(Points::at_0), in[0], hn::Add(even_a, even_b));
  out[1] = hn::MulAdd(constant(Points::at_a * Points::a), odd_a,
                      hn::Mul(constant(Points::at_b * Points::b), odd_b));
  out[2] =
      hn::MulAdd(constant(Points::a2), even_a, hn::MulAdd(constant(Points::b2), even_b, in[5]));
}

// The last vector of a pixel's channels may be a part of one; what lies behind is somebody else's.
template <bool kWhole>
HWY_INLINE Vec load_some(const float* from, std::int64_t count) {
  if constexpr (kWhole) return hn::LoadU(Floats(), from);
  float values[kLanes] = {};
  std::copy_n(from, count, values);
  return hn::LoadU(Floats(), values);
}
template <bool kWhole>
HWY_INLINE void store_some(Vec value, std::int64_t count, float* to) {
  if constexpr (kWhole) {
    hn::StoreU(value, Floats(), to);
  } else {
    float values[kLanes];
    hn::StoreU(value, Floats(), values);
    std::copy_n(values, count, to);
  }
}

// to[36] = M in M' of the kSide by kSide pixels' channels from `first` on, M given by its product
// with a column.
template <int kSide, bool kWhole, class Row>
HWY_INLINE void pixels_vector(const float* const* pixels, std::int64_t first, std::int64_t count,
                              const Row& row, float* HWY_RESTRICT to, std::int64_t stride) {
  Vec half[6][kSide];
#pragma GCC unroll 6
  for (int x = 0; x < kSide; ++x) {
    Vec in[kSide];
    Vec out[6];
#pragma GCC unroll 6
    for (int y = 0; y < kSide; ++y) {
      in[y] = load_some<kWhole>(pixels[y * kSide + x] + first, count);
    }
    row(in, out);
#pragma GCC unroll 6
    for (int y = 0; y < 6; ++y) half[y][x] = out[y];
  }
#pragma GCC unroll 6
  for (int y = 0; y < 6; ++y) {
    Vec out[6];
    row(half[y], out);
#pragma GCC unroll 6
    for (int x = 0; x < 6; ++x) hn::StoreU(out[x], Floats(), to + (y * 6 + x) * stride);
  }
}

template <int kSide, class Row>
HWY_INLINE void transform_pixels(const float* const* pixels, std::int64_t first, std::int64_t count,
                                 const Row& row, float* to, std::int64_t stride) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    pixels_vector<kSide, true>(pixels, first + i, kLanes, row, to + i, stride);
  }
  if (i < count) pixels_vector<kSide, false>(pixels, first + i, count - i, row, to + i, stride);
}

inline void winograd_input(const float* const* pixels, std::int64_t first, std::int64_t count,
                           float* to, std::int64_t stride) {
  transform_pixels<6>(
      pixels, first, count, [](const Vec* in, Vec* out) HWY_ATTR { input_row(in, out); }, to,
      stride);
}

inline void winograd_output_adjoint(const float* const* pixels, std::int64_t first,
                                    std::int64_t count, float* to, std::int64_t stride) {
  transform_pixels<4>(
      pixels, first, count, [](const Vec* in, Vec* out) HWY_ATTR { output_adjoint_row(in, out); },
      to, stride);
}

inline void winograd_weights(const float* taps, std::int64_t tap_stride, std::int64_t count,
                             float* HWY_RESTRICT to, std::int64_t stride) {
  for (std::int64_t first = 0; first < count; first += kLanes) {
    Vec half[6][3];
#pragma GCC unroll 3
    for (int x = 0; x < 3; ++x) {
      Vec in[3];
      Vec out[6];
#pragma GCC unroll 3
      for (int y = 0; y < 3; ++y) {
        in[y] = hn::LoadU(Floats(), taps + (y * 3 + x) * tap_stride + first);
      }
      weights_row(in, out);
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) half[y][x] = out[y];
    }
#pragma GCC unroll 6
    for (int y = 0; y < 6; ++y) {
      Vec out[6];
      weights_row(half[y], out);
#pragma GCC unroll 6
      for (int x = 0; x < 6; ++x) hn::StoreU(out[x], Floats(), to + (y * 6 + x) * stride + first);
    }
  }
}

inline void winograd_weights_adjoint(const float* from, std::int64_t stride, std::int64_t parts,
                                     std::int64_t part_stride, std::int64_t count,
                                     float* HWY_RESTRICT taps, std::int64_t tap_stride) {
  for (std::int64_t first = 0; first < count; first += kLanes) {
    Vec half[3][6];
#pragma GCC unroll 6
    for (int x = 0; x < 6; ++x) {
      Vec in[6];
      Vec out[3];
#pragma GCC unroll 6
      for (int y = 0; y < 6; ++y) {
        const float* value = from + (y * 6 + x) * stride + first;
        in[y] = hn::LoadU(Floats(), value);
        for (std::int64_t part = 1; part < parts; ++part) {
          in[y] = hn::Add(in[y], hn::LoadU(Floats(), value + part * part_stride));
        }
      }
      weights_adjoint_row(in, out);
#pragma GCC unroll 3
      for (int y = 0; y < 3; ++y) half[y][x] = out[y];
    }
#pragma GCC unroll 3
    for (int y = 0; y < 3; ++y) {
      Vec out[3];
      weights_adjoint_row(half[y], out);
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x) {
        hn::StoreU(out[x], Floats(), taps + (y * 3 + x) * tap_stride + first);
      }
    }
  }
}

template <bool kWhole>
HWY_INLINE void output_vector(const float* HWY_RESTRICT from, std::int64_t stride,
                              std::int64_t first, std::int64_t count, const Finish& finish,
                              bool accumulate, const float* const* residuals,
                              float* const* pixels) {
  Vec half[4][6];
#pragma GCC unroll 6
  for (int x = 0; x < 6; ++x) {
    Vec in[6];
    Vec out[4];
#pragma GCC unroll 6
    for (int y = 0; y < 6; ++y) {
      in[y] = hn::LoadU(Floats(), from + (y * 6 + x) * stride + first);
    }
    output_row(in, out);
#pragma GCC unroll 4
    for (int y = 0; y < 4; ++y) half[y][x] = out[y];
  }
  const Finished finished(finish);
  const Vec scale =
      finish.scale ? hn::LoadU(Floats(), finish.scale + first) : hn::Set(Floats(), 1.0F);
  const Vec shift = finish.shift ? hn::LoadU(Floats(), finish.shift + first) : hn::Zero(Floats());
#pragma GCC unroll 4
  for (int y = 0; y < 4; ++y) {
    Vec out[4];
    output_row(half[y], out);
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      float* pixel = pixels[y * 4 + x];
      if (pixel == nullptr) continue;
      Vec value = out[x];
      if (accumulate) value = hn::Add(value, load_some<kWhole>(pixel + first, count));
      const Vec residual =
          residuals ? load_some<kWhole>(residuals[y * 4 + x] + first, count) : hn::Zero(Floats());
      store_some<kWhole>(finished(value, scale, shift, residual), count, pixel + first);
    }
  }
}

inline void winograd_output(const float* from, std::int64_t stride, std::int64_t columns,
                            const Finish& finish, bool accumulate, const float* const* residuals,
                            float* const* pixels) {
  std::int64_t first = 0;
  for (; first + kLanes <= columns; first += kLanes) {
    output_vector<true>(from, stride, first, kLanes, finish, accumulate, residuals, pixels);
  }
  if (first < columns) {
    output_vector<false>(from, stride, first, columns - first, finish, accumulate, residuals,
                         pixels);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace striate::cpu
HWY_AFTER_NAMESPACE();

#endif
