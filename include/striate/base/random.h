#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace striate {

/// Counter-based random numbers: every draw is a pure function of a key and a counter, so results
/// do not depend on threads, on order, or on having been interrupted. Philox4x32-10 of Salmon et
/// al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// What a stream of draws is for. Two streams differ when any part differs.
struct RandomKey {
  std::uint64_t seed = 0;     ///< chosen by the user
  std::uint64_t purpose = 0;  ///< purpose_of("dropout:fc1"), "shuffle", "flip", …
  std::uint64_t step = 0;     ///< training step or epoch
};

/// A stable 64-bit number for a purpose's name (FNV-1a).
constexpr std::uint64_t purpose_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

/// Philox4x32 with ten rounds.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint32_t key0,
                                    std::uint32_t key1);

/// Four random words for counter `sample` of the key's stream.
std::array<std::uint32_t, 4> random_words(const RandomKey& key, std::uint64_t sample);

/// The Philox key that a stream's draws are made with: random_words(key, i) is Philox4x32-10 of
/// counter i under it. For kernels that draw many words at once.
std::array<std::uint32_t, 2> stream_key(const RandomKey& key);

/// A sequence of draws for one sample of a key's stream. For one thread at a time; a copy goes on
/// with the same draws.
class Random {
 public:
  Random(const RandomKey& key, std::uint64_t sample);

  std::uint32_t bits();
  /// Uniform in [0, 1), 53 random bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, n), unbiased; n > 0.
  std::uint32_t below(std::uint32_t n);
  /// Standard normal (Box and Muller).
  double normal();

 private:
  RandomKey key_;
  std::uint64_t sample_;
  std::uint64_t block_ = 0;
  unsigned used_ = 4;
  std::array<std::uint32_t, 4> words_{};
};

}  // namespace striate
