#include <algorithm>
#include <cmath>
#include <limits>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

// The words are those of random_words in base/random.h, drawn many at a time.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/dropout.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

constexpr std::size_t kDraws = 16;

#if HWY_TARGET == HWY_SCALAR
// The high and low halves of the 64-bit products.
void multiply(std::uint32_t factor, const std::uint32_t* c, std::uint32_t* high,
              std::uint32_t* low) {
  for (std::size_t i = 0; i < kDraws; ++i) {
    const std::uint64_t product = std::uint64_t{factor} * c[i];
    high[i] = static_cast<std::uint32_t>(product >> 32);
    low[i] = static_cast<std::uint32_t>(product);
  }
}

void philox_words(const std::uint32_t* low, const std::uint32_t* high, std::uint32_t key0,
                  std::uint32_t key1, std::uint32_t (*words)[kDraws]) {
  std::uint32_t c0[kDraws], c1[kDraws], c2[kDraws] = {}, c3[kDraws] = {};
  std::uint32_t high0[kDraws], low0[kDraws], high1[kDraws], low1[kDraws];
  std::copy_n(low, kDraws, c0);
  std::copy_n(high, kDraws, c1);
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
    multiply(0xD2511F53, c0, high0, low0);
    multiply(0xCD9E8D57, c2, high1, low1);
    for (std::size_t i = 0; i < kDraws; ++i) {
      c0[i] = high1[i] ^ c1[i] ^ key0;
      c1[i] = low1[i];
      c2[i] = high0[i] ^ c3[i] ^ key1;
      c3[i] = low0[i];
    }
  }
  std::copy_n(c0, kDraws, words[0]);
  std::copy_n(c1, kDraws, words[1]);
  std::copy_n(c2, kDraws, words[2]);
  std::copy_n(c3, kDraws, words[3]);
}
#else
// The high and low halves of the 64-bit products of every lane with a factor.
template <class V>
struct Halves {
  V high, low;
};
template <class D, class V = hn::Vec<D> >
HWY_INLINE Halves<V> multiply(D d, V factor, V c) {
  const hn::RepartitionToWide<D> wide;
  const auto even = hn::MulEven(c, factor);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, c))), factor);
  return {hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even))),
          hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even))};
}

// words[w][i] = word w of the Philox4x32-10 of counter (low[i], high[i], 0, 0).
void philox_words(const std::uint32_t* low, const std::uint32_t* high, std::uint32_t key0,
                  std::uint32_t key1, std::uint32_t (*words)[kDraws]) {
  const hn::ScalableTag<std::uint32_t> d;
  const auto factor0 = hn::Set(d, 0xD2511F53);
  const auto factor1 = hn::Set(d, 0xCD9E8D57);
  for (std::size_t i = 0; i < kDraws; i += hn::Lanes(d)) {
    auto c0 = hn::LoadU(d, low + i);
    auto c1 = hn::LoadU(d, high + i);
    auto c2 = hn::Zero(d);
    auto c3 = hn::Zero(d);
    auto k0 = hn::Set(d, key0);
    auto k1 = hn::Set(d, key1);
    for (int round = 0; round < 10; ++round) {
      const auto p0 = multiply(d, factor0, c0);
      const auto p1 = multiply(d, factor1, c2);
      c0 = hn::Xor(p1.high, hn::Xor(c1, k0));
      c1 = p1.low;
      c2 = hn::Xor(p0.high, hn::Xor(c3, k1));
      c3 = p0.low;
      k0 = hn::Add(k0, hn::Set(d, 0x9E3779B9));
      k1 = hn::Add(k1, hn::Set(d, 0xBB67AE85));
    }
    hn::StoreU(c0, d, words[0] + i);
    hn::StoreU(c1, d, words[1] + i);
    hn::StoreU(c2, d, words[2] + i);
    hn::StoreU(c3, d, words[3] + i);
  }
}
#endif

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
  const hn::ScalableTag<std::uint32_t> d;
  for (std::size_t i = 0; i < kDraws; i += hn::Lanes(d)) {
    hn::StoreInterleaved4(hn::LoadU(d, words[0] + i), hn::LoadU(d, words[1] + i),
                          hn::LoadU(d, words[2] + i), hn::LoadU(d, words[3] + i), d, out + 4 * i);
  }
}

// out = x * factor where the word is at least the limit, else 0, for neighbours.
void keep_row(const std::uint32_t* words, std::uint32_t limit, const float* x, float factor,
              float* out, std::size_t n, bool accumulate) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto dropped = hn::RebindMask(d, hn::Lt(load(words + i), hn::Set(du, limit)));
    auto value = hn::IfThenZeroElse(dropped, hn::Mul(load(x + i), hn::Set(d, factor)));
    if (accumulate) value = hn::Add(value, load(out + i));
    store(value, out + i);
  });
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(draw_words);
HWY_EXPORT(draw_neighbours);
HWY_EXPORT(keep_row);

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
  const auto keep = HWY_DYNAMIC_DISPATCH(keep_row);
  const bool neighbours = loop.inner_stride(0) == 1 && loop.inner_stride(1) == 1 &&
                          limit <= std::numeric_limits<std::uint32_t>::max();
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
        if (neighbours) {
          keep(drawn, static_cast<std::uint32_t>(limit), from + i, factor, to + i,
               static_cast<std::size_t>(n), accumulate);
        }
        for (std::int64_t k = 0; k < n; ++k, ++i) {
          const bool kept = drawn[k] >= limit;
          if (kept_to) kept_to[i * loop.inner_stride(2)] = kept;
          if (neighbours) continue;
          const float value = kept ? from[i * loop.inner_stride(1)] * factor : 0.0F;
          float& place = to[i * loop.inner_stride(0)];
          place = accumulate ? place + value : value;
        }
      }
    }
  });
}

}  // namespace striate
#endif  // HWY_ONCE
