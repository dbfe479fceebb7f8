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

/// body(load, store, keep, i) for i in steps of a vector over [0, n), where load(p) and store(v, p)
/// move a whole vector, or what is left of it at the end; keep(v, other) is v, of d's type, with
/// `other` in the lanes that are not there.
template <class D, class Body>
HWY_INLINE void for_kept_lanes(D d, std::size_t n, Body&& body) {
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    body([d](const auto* p)
             HWY_ATTR { return hn::LoadU(hn::Rebind<std::decay_t<decltype(*p)>, D>(), p); },
         [d](auto v, auto* p) HWY_ATTR { hn::StoreU(v, hn::DFromV<decltype(v)>(), p); },
         [](auto v, auto) HWY_ATTR { return v; }, i);
  }
  if (i < n) {
    const std::size_t rest = n - i;
    body([rest](const auto* p)
             HWY_ATTR { return load_some(hn::Rebind<std::decay_t<decltype(*p)>, D>(), p, rest); },
         [rest](auto v, auto* p) HWY_ATTR { store_some(hn::DFromV<decltype(v)>(), v, p, rest); },
         [d, rest](auto v, auto other)
             HWY_ATTR { return hn::IfThenElse(hn::FirstN(d, rest), v, other); },
         i);
  }
}

/// body(load, store, i), where nobody asks which lanes are there.
template <class D, class Body>
HWY_INLINE void for_lanes(D d, std::size_t n, Body&& body) {
  for_kept_lanes(
      d, n, [&](auto load, auto store, auto, std::size_t i) HWY_ATTR { body(load, store, i); });
}

/// The same in strips: body(vectors, load, store, i) with `vectors` a compile-time 4 as long as
/// four whole vectors remain, then 2, then 1.
template <class D, class Body>
HWY_INLINE void for_strips(D d, std::size_t n, Body&& body) {
  constexpr std::integral_constant<int, 4> kFour;
  constexpr std::integral_constant<int, 2> kTwo;
  constexpr std::integral_constant<int, 1> kOne;
  const auto load = [](const auto* p) HWY_ATTR {
    return hn::LoadU(hn::Rebind<std::decay_t<decltype(*p)>, D>(), p);
  };
  const auto store = [](auto v, auto* p) HWY_ATTR { hn::StoreU(v, hn::DFromV<decltype(v)>(), p); };
  const std::size_t lanes = hn::Lanes(d);
  std::size_t first = 0;
  for (; first + 4 * lanes <= n; first += 4 * lanes) body(kFour, load, store, first);
  if (first + 2 * lanes <= n) {
    body(kTwo, load, store, first);
    first += 2 * lanes;
  }
  for_lanes(d, n - first, [&](auto load_last, auto store_last, std::size_t i) HWY_ATTR {
    body(kOne, load_last, store_last, first + i);
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
