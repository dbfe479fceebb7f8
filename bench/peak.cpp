#include "peak.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace striate::bench {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

double burn_on_target(std::int64_t rounds) {
  using Floats = hn::CappedTag<float, 16>;
  constexpr Floats d;
  // Twelve chains hide the latency of the two units that modern cores have.
  constexpr int kChains = 12;
  hn::Vec<Floats> sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = hn::Set(d, static_cast<float>(i));
  // The compiler may not know the factors, or it would compute the sums itself.
  volatile float factor = 0.999F;
  const auto a = hn::Set(d, factor);
  const auto b = hn::Set(d, 1 - factor);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = hn::MulAdd(sums[i], a, b);
  }
  auto sum = sums[0];
  for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, sums[i]);
  volatile float keep = hn::GetLane(hn::SumOfLanes(d, sum));
  (void)keep;
  return 2.0 * kChains * static_cast<double>(MaxLanes(d)) * static_cast<double>(rounds);
}

}  // namespace HWY_NAMESPACE
}  // namespace striate::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate::bench {

HWY_EXPORT(burn_on_target);

double burn(std::int64_t rounds) { return HWY_DYNAMIC_DISPATCH(burn_on_target)(rounds); }

}  // namespace striate::bench
#endif
