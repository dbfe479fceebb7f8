#include "striate/device/peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace striate {
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
}  // namespace striate
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {

HWY_EXPORT(burn_on_target);

double burn(std::int64_t rounds) { return HWY_DYNAMIC_DISPATCH(burn_on_target)(rounds); }

double peak_gflops(const Threads& threads) {
  constexpr std::int64_t kRounds = 200000;
  constexpr std::size_t kTries = 9;
  std::vector<double> tries;
  std::vector<double> operations(static_cast<std::size_t>(threads.count()));
  while (tries.size() < kTries) {
    const auto start = std::chrono::steady_clock::now();
    threads.run(threads.count(),
                [&](std::int64_t i) { operations[static_cast<std::size_t>(i)] = burn(kRounds); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double sum = 0;
    for (const double one : operations) sum += one;
    tries.push_back(sum / seconds.count() / 1e9);
  }
  std::nth_element(tries.begin(), tries.begin() + kTries / 2, tries.end());
  return tries[kTries / 2];
}

}  // namespace striate
#endif
