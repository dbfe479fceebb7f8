// Powers, once an instruction set: to be included after hwy/foreach_target.h.

#include <cmath>

#if defined(STRIATE_DEVICE_CPU_POWER_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef STRIATE_DEVICE_CPU_POWER_INL_H
#undef STRIATE_DEVICE_CPU_POWER_INL_H
#else
#define STRIATE_DEVICE_CPU_POWER_INL_H
#endif

#include "device/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {
namespace row {

// Powers, whose logarithm a large exponent multiplies: both halves of a vector in double, and lane
// by lane where an operand is not `ordinary`, so that infinities, NaN and edges are the library's.
// An element's value depends on its operands alone, not on its neighbours.
#define STRIATE_WIDE_ROW(name, ordinary, wide, single)                                             \
  struct name {                                                                                    \
    static double one([[maybe_unused]] const double* in, [[maybe_unused]] const float* p) {        \
      return single;                                                                               \
    }                                                                                              \
    template <class D, class V>                                                                    \
    static HWY_INLINE V both([[maybe_unused]] D d, const V* in, [[maybe_unused]] const float* p) { \
      return wide;                                                                                 \
    }                                                                                              \
    template <class D, class V>                                                                    \
    static HWY_INLINE V of(D d, const V* in, const float* p) {                                     \
      return by_halves<name>(d, in, p, ordinary);                                                  \
    }                                                                                              \
  };

template <class F, class D, class V>
HWY_INLINE V lane_by_lane(D d, const V* in, const float* p) {
  constexpr std::size_t kMost = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float lanes[3][kMost];
  for (int k = 0; k < 3; ++k) hn::Store(in[k], d, lanes[k]);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
    const double values[3] = {static_cast<double>(lanes[0][i]), static_cast<double>(lanes[1][i]),
                              static_cast<double>(lanes[2][i])};
    lanes[0][i] = static_cast<float>(F::one(values, p));
  }
  return hn::Load(d, lanes[0]);
}

template <class F, class D, class V, class M>
HWY_INLINE V by_halves(D d, const V* in, const float* p, [[maybe_unused]] M ordinary) {
#if HWY_TARGET == HWY_SCALAR
  return lane_by_lane<F>(d, in, p);
#else
  const hn::Half<D> half;
  const hn::Repartition<double, D> wide;
  hn::Vec<decltype(wide)> low[3], high[3];
  for (int k = 0; k < 3; ++k) {
    low[k] = hn::PromoteTo(wide, hn::LowerHalf(half, in[k]));
    high[k] = hn::PromoteTo(wide, hn::UpperHalf(half, in[k]));
  }
  const V value = hn::Combine(d, hn::DemoteTo(half, F::both(wide, high, p)),
                              hn::DemoteTo(half, F::both(wide, low, p)));
  if (HWY_LIKELY(hn::AllTrue(d, ordinary))) return value;
  return hn::IfThenElse(ordinary, value, lane_by_lane<F>(d, in, p));
#endif
}

inline double parameter(const float* p, int i) { return static_cast<double>(p[i]); }

template <class D, class V>
HWY_INLINE hn::Mask<D> positive(D d, V x) {
  return hn::And(hn::Gt(x, hn::Zero(d)), hn::IsFinite(x));
}

// e^x for any x; Highway's ends at 706, where float32 has been infinite for long.
template <class D, class V>
HWY_INLINE V exponential(D d, V x) {
  const V limit = hn::Set(d, 706.0);
  return hn::IfThenElse(hn::Gt(x, limit), hn::Inf(d), hn::Exp(d, hn::Min(x, limit)));
}
template <class D, class V>
HWY_INLINE V raised(D d, V base, V exponent) {
  return exponential(d, hn::Mul(exponent, hn::Log(d, base)));
}

STRIATE_WIDE_ROW(any_power, positive(d, in[0]), raised(d, in[0], hn::Set(d, parameter(p, 0))),
                 std::pow(in[0], parameter(p, 0)))
STRIATE_WIDE_ROW(pow, hn::And(positive(d, in[0]), hn::IsFinite(in[1])), raised(d, in[0], in[1]),
                 std::pow(in[0], in[1]))
STRIATE_WIDE_ROW(pow_base_grad, hn::And(positive(d, in[1]), hn::IsFinite(in[2])),
                 hn::Mul(hn::Mul(in[0], in[2]), raised(d, in[1], hn::Sub(in[2], hn::Set(d, 1.0)))),
                 in[0] * in[2] * std::pow(in[1], in[2] - 1.0))
STRIATE_WIDE_ROW(pow_exponent_grad, hn::And(positive(d, in[1]), hn::IsFinite(in[2])),
                 hn::Mul(hn::Mul(in[0], raised(d, in[1], in[2])), hn::Log(d, in[1])),
                 in[1] == 0 ? 0.0 : in[0] * std::pow(in[1], in[2]) * std::log(in[1]))
#undef STRIATE_WIDE_ROW

// The exponents of squares, roots and local response normalization without logarithms.
struct power {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float* p) {
    if (p[0] == 2.0F) return hn::Mul(in[0], in[0]);
    // As pow has it, -0 counts as 0 and minus infinity as infinity.
    const V infinity = hn::Inf(d);
    const V x =
        hn::IfThenElse(hn::Eq(in[0], hn::Neg(infinity)), infinity, hn::Add(in[0], hn::Zero(d)));
    const V one = hn::Set(d, 1.0F);
    if (p[0] == 0.5F) return hn::Sqrt(x);
    if (p[0] == -0.5F) return hn::Div(one, hn::Sqrt(x));
    if (p[0] == -0.75F) {
      const V root = hn::Sqrt(x);
      return hn::Div(one, hn::Mul(root, hn::Sqrt(root)));
    }
    return any_power::of(d, in, p);
  }
};

}  // namespace row
}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard toggled per target
