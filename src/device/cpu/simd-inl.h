// What several kernels share, once an instruction set: to be included after hwy/foreach_target.h.

#include <cstddef>
#include <cstring>
#include <type_traits>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#if defined(STRIATE_DEVICE_CPU_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef STRIATE_DEVICE_CPU_SIMD_INL_H
#undef STRIATE_DEVICE_CPU_SIMD_INL_H
#else
#define STRIATE_DEVICE_CPU_SIMD_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// AVX2 and AVX-512 have masked moves that touch nothing outside the mask.
#undef STRIATE_MASKED_MOVES
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#define STRIATE_MASKED_MOVES 1
#else
#define STRIATE_MASKED_MOVES 0
#endif

/// The first n lanes from p, 0 < n < Lanes; the others are zero, nothing else is read.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_some(D d, const T* p, std::size_t n) {
#if STRIATE_MASKED_MOVES
  return hn::MaskedLoad(hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)] = {};
  std::memcpy(buffer, p, n * sizeof(T));
  return hn::Load(d, buffer);
#endif
}

/// Stores the first n lanes, and writes nothing else.
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store_some(D d, V v, T* p, std::size_t n) {
#if STRIATE_MASKED_MOVES
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, n * sizeof(T));
#endif
}

/// body(load, store, i) for i in steps of a vector over [0, n), where load(p) and store(v, p)
/// move a whole vector, or what is left of it at the end.
template <class D, class Body>
HWY_INLINE void for_lanes(D d, std::size_t n, Body&& body) {
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    body([d](const auto* p)
             HWY_ATTR { return hn::LoadU(hn::Rebind<std::decay_t<decltype(*p)>, D>(), p); },
         [d](auto v, auto* p) HWY_ATTR { hn::StoreU(v, hn::DFromV<decltype(v)>(), p); }, i);
  }
  if (i < n) {
    const std::size_t rest = n - i;
    body([rest](const auto* p)
             HWY_ATTR { return load_some(hn::Rebind<std::decay_t<decltype(*p)>, D>(), p, rest); },
         [rest](auto v, auto* p) HWY_ATTR { store_some(hn::DFromV<decltype(v)>(), v, p, rest); },
         i);
  }
}

/// The same in strips: body(vectors, load, store, i) with `vectors` a compile-time 4 as long as
/// four whole vectors remain, then 1.
template <class D, class Body>
HWY_INLINE void for_strips(D d, std::size_t n, Body&& body) {
  constexpr std::integral_constant<int, 4> kFour;
  constexpr std::integral_constant<int, 1> kOne;
  const std::size_t strip = 4 * hn::Lanes(d);
  std::size_t first = 0;
  for (; first + strip <= n; first += strip) {
    body(
        kFour,
        [](const auto* p)
            HWY_ATTR { return hn::LoadU(hn::Rebind<std::decay_t<decltype(*p)>, D>(), p); },
        [](auto v, auto* p) HWY_ATTR { hn::StoreU(v, hn::DFromV<decltype(v)>(), p); }, first);
  }
  for_lanes(d, n - first, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    body(kOne, load, store, first + i);
  });
}

/// exp(x): infinity where it overflows, NaN for NaN.
template <class D, class V>
HWY_INLINE V exp_of(D d, V x) {
  const V largest = hn::Set(d, 88.72283905f);
  const V result = hn::Exp(d, hn::Min(x, largest));
  const V limited = hn::IfThenElse(hn::Gt(x, largest), hn::Inf(d), result);
  return hn::IfThenElse(hn::IsNaN(x), x, limited);
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard toggled per target
