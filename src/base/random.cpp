#include "striate/base/random.h"

#include <cmath>
#include <numbers>

namespace striate {
namespace {

using Words = std::array<std::uint32_t, 4>;

}  // namespace

// Constants from the paper, table 2.
Words philox(Words counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(p0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

namespace {

Words split(std::uint64_t a, std::uint64_t b) {
  return {static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32),
          static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)};
}

}  // namespace

// The 192-bit key is folded into Philox's 64 by one application per level, so streams of different
// purpose or step are as unrelated as different counters.
std::array<std::uint32_t, 2> stream_key(const RandomKey& key) {
  const Words mixed = philox(split(key.purpose, key.step), static_cast<std::uint32_t>(key.seed),
                             static_cast<std::uint32_t>(key.seed >> 32));
  return {mixed[0] ^ mixed[2], mixed[1] ^ mixed[3]};
}

std::array<std::uint32_t, 4> random_words(const RandomKey& key, std::uint64_t sample) {
  const auto folded = stream_key(key);
  return philox(split(sample, 0), folded[0], folded[1]);
}

Random::Random(const RandomKey& key, std::uint64_t sample) : key_(key), sample_(sample) {}

std::uint32_t Random::bits() {
  if (used_ == words_.size()) {
    const auto folded = stream_key(key_);
    words_ = philox(split(sample_, ++block_), folded[0], folded[1]);
    used_ = 0;
  }
  return words_[used_++];
}

double Random::uniform() {
  const std::uint64_t high = bits() >> 5;
  const std::uint64_t low = bits() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1.0p-53;
}

std::uint32_t Random::below(std::uint32_t n) {
  // Lemire's multiply-and-reject.
  std::uint64_t product = std::uint64_t{bits()} * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t threshold = (0U - n) % n;
    while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{bits()} * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace striate
