#include <cmath>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

// The words are those of random_words in base/random.h, drawn many at a time: plain loops over the
// lanes, which the compiler turns into vectors of each instruction set.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/dropout.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

constexpr std::size_t kDraws = 16;

// words[w][i] = word w of the Philox4x32-10 of counter (low[i], high[i], 0, 0).
void philox_words(const std::uint32_t* low, const std::uint32_t* high, std::uint32_t key0,
                  std::uint32_t key1, std::uint32_t (*words)[kDraws]) {
  std::uint32_t c0[kDraws], c1[kDraws], c2[kDraws] = {}, c3[kDraws] = {};
  for (std::size_t i = 0; i < kDraws; ++i) c0[i] = low[i];
  for (std::size_t i = 0; i < kDraws; ++i) c1[i] = high[i];
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kDraws; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2[i];
      c0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ key0;
      c1[i] = static_cast<std::uint32_t>(p1);
      c2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ key1;
      c3[i] = static_cast<std::uint32_t>(p0);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  for (std::size_t i = 0; i < kDraws; ++i) {
    words[0][i] = c0[i];
    words[1][i] = c1[i];
    words[2][i] = c2[i];
    words[3][i] = c3[i];
  }
}

// The words of elements first, first + step, … first + (n - 1) * step, n <= kDraws.
void draw_words(std::uint64_t first, std::uint64_t step, std::size_t n, std::uint32_t key0,
                std::uint32_t key1, std::uint32_t* out) {
  std::uint32_t low[kDraws], high[kDraws], words[4][kDraws];
  for (std::size_t i = 0; i < kDraws; ++i) {
    const std::uint64_t counter = (first + i * step) / 4;
    low[i] = static_cast<std::uint32_t>(counter);
    high[i] = static_cast<std::uint32_t>(counter >> 32);
  }
  philox_words(low, high, key0, key1, words);
  for (std::size_t i = 0; i < n; ++i) out[i] = words[(first + i * step) % 4][i];
}

// The 4 * kDraws words of the neighbours from element first on, a multiple of 4.
void draw_neighbours(std::uint64_t first, std::uint32_t key0, std::uint32_t key1,
                     std::uint32_t* out) {
  std::uint32_t low[kDraws], high[kDraws], words[4][kDraws];
  for (std::size_t i = 0; i < kDraws; ++i) {
    const std::uint64_t counter = first / 4 + i;
    low[i] = static_cast<std::uint32_t>(counter);
    high[i] = static_cast<std::uint32_t>(counter >> 32);
  }
  philox_words(low, high, key0, key1, words);
  for (std::size_t i = 0; i < kDraws; ++i) {
    for (std::size_t w = 0; w < 4; ++w) out[4 * i + w] = words[w][i];
  }
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(draw_words);
HWY_EXPORT(draw_neighbours);

constexpr std::int64_t kWords = 64;

// Words for up to kWords elements of a row at a time.
class Words {
 public:
  Words(const RandomKey& key, std::int64_t step)
      : key_(stream_key(key)), step_(static_cast<std::uint64_t>(step)) {}

  // How many elements from `element` on to ask for: neighbours are drawn from multiples of 4 on.
  std::int64_t count(std::int64_t element, std::int64_t left) const {
    return std::min(left, step_ == 1 ? kWords - element % 4 : kWords);
  }
  const std::uint32_t* draw(std::int64_t element, std::int64_t n) {
    const auto first = static_cast<std::uint64_t>(element);
    if (step_ == 1) {
      HWY_DYNAMIC_DISPATCH(draw_neighbours)(first / 4 * 4, key_[0], key_[1], words_.data());
      return words_.data() + first % 4;
    }
    constexpr std::uint64_t kEach = 16;
    const auto wanted = static_cast<std::uint64_t>(n);
    for (std::uint64_t i = 0; i < wanted; i += kEach) {
      HWY_DYNAMIC_DISPATCH(draw_words)
      (first + i * step_, step_, std::min(kEach, wanted - i), key_[0], key_[1], words_.data() + i);
    }
    return words_.data();
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t step_;
  alignas(64) std::array<std::uint32_t, kWords> words_{};
};

}  // namespace

void cpu_dropout(const Threads& threads, const ConstView& x, const View& out, const View& mask,
                 double ratio, const RandomKey& key, bool accumulate) {
  if (x.shape.elements() == 0) return;
  // Kept where word >= limit; a limit of 2^32 keeps nothing.
  const auto limit = static_cast<std::uint64_t>(std::ceil(ratio * 0x1p32));
  const float factor = static_cast<float>(1.0 / (1.0 - ratio));
  const std::array<Strides, 4> operands{out.strides, x.strides, mask ? mask.strides : out.strides,
                                        dense_strides(x.shape)};
  const Collapsed loop = collapse(x.shape, operands);
  const std::int64_t step = loop.inner_stride(3);
  const std::int64_t piece = std::min(loop.inner(), kItemElements);
  const std::int64_t pieces = ceil_div(loop.inner(), piece);
  for_ranges(threads, loop.rows() * pieces, piece, [&](std::int64_t first, std::int64_t last) {
    Words words(key, step);
    for (std::int64_t item = first; item < last; ++item) {
      const RowWalk walk(loop, 4, item / pieces);
      const std::int64_t end = std::min(loop.inner(), (item % pieces + 1) * piece);
      const float* from = x.as<float>() + walk.offset(1);
      float* to = out.as<float>() + walk.offset(0);
      bool* kept_to = mask ? mask.as<bool>() + walk.offset(2) : nullptr;
      for (std::int64_t i = item % pieces * piece; i < end;) {
        const std::int64_t element = walk.offset(3) + i * step;
        const std::int64_t n = words.count(element, end - i);
        const std::uint32_t* drawn = words.draw(element, n);
        for (std::int64_t k = 0; k < n; ++k, ++i) {
          const bool kept = drawn[k] >= limit;
          const float value = kept ? from[i * loop.inner_stride(1)] * factor : 0.0F;
          float& place = to[i * loop.inner_stride(0)];
          place = accumulate ? place + value : value;
          if (kept_to) kept_to[i * loop.inner_stride(2)] = kept;
        }
      }
    }
  });
}

}  // namespace striate
#endif  // HWY_ONCE
