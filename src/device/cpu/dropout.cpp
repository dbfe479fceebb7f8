#include <algorithm>
#include <cmath>
#include <limits>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"
#include "striate/base/random.h"

// The words are those of random_words in base/random.h, drawn many at a time.

#ifndef STRIATE_DEVICE_CPU_DROPOUT
#define STRIATE_DEVICE_CPU_DROPOUT
namespace striate {

struct Drop {
  // Philox's keys of each round.
  std::array<std::array<std::uint64_t, 2>, 10> keys;
  std::uint32_t limit;  // kept where the word is at least this
  float factor;
  bool accumulate;
};

// Part of a channels-last map, whose elements count along the pixels: element first + c * step + p
// is channel c of pixel p.
struct DropTile {
  const float* x;
  float* out;
  std::int64_t x_pixel, out_pixel;
  std::size_t pixels, channels;
  std::uint64_t first, step;
};

// At least the 32-bit lanes of any instruction set's vectors.
inline constexpr std::size_t kDraws = 16;

}  // namespace striate
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/dropout.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// words[w] = word w of the Philox4x32-10 of counter counters[lane] + offset.
#if HWY_TARGET == HWY_SCALAR
template <class D, class V = hn::Vec<D>>
HWY_INLINE void draw(D d, const std::uint64_t* counters, std::uint64_t offset, const Drop& drop,
                     V* words) {
  const std::uint64_t counter = *counters + offset;
  const auto drawn = philox(
      {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
      static_cast<std::uint32_t>(drop.keys[0][0]), static_cast<std::uint32_t>(drop.keys[0][1]));
  for (std::size_t w = 0; w < 4; ++w) words[w] = hn::Set(d, drawn[w]);
}
#else
template <class D, class V = hn::Vec<D>>
HWY_INLINE void draw(D d, const std::uint64_t* counters, std::uint64_t offset, const Drop& drop,
                     V* words) {
  // One counter in 64 bits, where products have room. Only the low half of a lane counts: products
  // read no more, so that whatever shifts and exclusive ors leave above it does no harm.
  const hn::RepartitionToWide<D> wide;
  using W = hn::Vec<decltype(wide)>;
  const auto factor0 = hn::Set(d, 0xD2511F53U);
  const auto factor1 = hn::Set(d, 0xCD9E8D57U);
  W c[2][4];
  for (std::size_t half = 0; half < 2; ++half) {
    c[half][0] = hn::Add(hn::LoadU(wide, counters + half * hn::Lanes(wide)), hn::Set(wide, offset));
    c[half][1] = hn::ShiftRight<32>(c[half][0]);
    c[half][2] = c[half][3] = hn::Zero(wide);
  }
  for (const auto& key : drop.keys) {
    const W key0 = hn::Set(wide, key[0]);
    const W key1 = hn::Set(wide, key[1]);
    for (auto& h : c) {
      const W p0 = hn::MulEven(hn::BitCast(d, h[0]), factor0);
      const W p1 = hn::MulEven(hn::BitCast(d, h[2]), factor1);
      h[0] = hn::Xor3(hn::ShiftRight<32>(p1), h[1], key0);
      h[1] = p1;
      h[2] = hn::Xor3(hn::ShiftRight<32>(p0), h[3], key1);
      h[3] = p0;
    }
  }
  for (int w = 0; w < 4; ++w) {
    words[w] = hn::ConcatEven(d, hn::BitCast(d, c[1][w]), hn::BitCast(d, c[0][w]));
  }
}
#endif

template <class V, class W>
HWY_INLINE V keep(W word, V x, const Drop& drop) {
  const hn::DFromV<V> d;
  const hn::DFromV<W> du;
  const auto dropped = hn::RebindMask(d, hn::Lt(word, hn::Set(du, drop.limit)));
  return hn::IfThenZeroElse(dropped, hn::Mul(x, hn::Set(d, drop.factor)));
}

// The words of elements first, first + step, … first + (n - 1) * step, n <= kDraws.
void draw_words(std::uint64_t first, std::uint64_t step, std::size_t n, const Drop& drop,
                std::uint32_t* out) {
  const hn::ScalableTag<std::uint32_t> d;
  std::uint64_t counters[kDraws];
  std::uint32_t words[4][kDraws];
  for (std::size_t i = 0; i < kDraws; ++i) counters[i] = (first + i * step) / 4;
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::Vec<decltype(d)> drawn[4];
    draw(d, counters + i, 0, drop, drawn);
    for (int w = 0; w < 4; ++w) hn::StoreU(drawn[w], d, words[w] + i);
  }
  for (std::size_t i = 0; i < n; ++i) out[i] = words[(first + i * step) % 4][i];
}

// n neighbours, from `element` on.
void drop_row(const float* x, float* out, std::uint64_t element, std::size_t n, const Drop& drop) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  std::uint64_t counters[kDraws];
  for (std::size_t i = 0; i < kDraws; ++i) counters[i] = i;
  alignas(64) std::uint32_t words[4 * kDraws];
  for (std::size_t i = 0; i < n;) {
    const std::size_t skipped = element % 4;
    for (std::size_t k = 0; k < kDraws; k += hn::Lanes(du)) {
      hn::Vec<decltype(du)> w[4];
      draw(du, counters + k, element / 4, drop, w);
      hn::StoreInterleaved4(w[0], w[1], w[2], w[3], du, words + 4 * k);
    }
    const std::size_t count = std::min(n - i, 4 * kDraws - skipped);
    for_lanes(d, count, [&](auto load, auto store, std::size_t k) HWY_ATTR {
      auto value = keep(load(words + skipped + k), load(x + i + k), drop);
      if (drop.accumulate) value = hn::Add(value, load(out + i + k));
      store(value, out + i + k);
    });
    i += count;
    element += count;
  }
}

// A vector holds one pixel's channels, and four words serve four pixels. Where a channel's first
// element is no multiple of four, a pixel's word is `phase` words further on, in the same draw or
// in the next one.
template <bool kPhases, class Load, class Store>
HWY_INLINE void drop_channels(const DropTile& t, const Drop& drop, std::size_t c,
                              const std::uint64_t* counters, const std::uint32_t* phases, Load load,
                              Store store) {
  const hn::ScalableTag<std::uint32_t> du;
  using W = hn::Vec<decltype(du)>;
  const W phase = hn::LoadU(du, phases);
  const auto by_one = hn::Ne(hn::And(phase, hn::Set(du, 1)), hn::Zero(du));
  const auto by_two = hn::Ne(hn::And(phase, hn::Set(du, 2)), hn::Zero(du));
  W words[8];
  if constexpr (kPhases) draw(du, counters, 0, drop, words);
  for (std::size_t pixel = 0; pixel < t.pixels; pixel += 4) {
    W chosen[4];
    if constexpr (kPhases) {
      draw(du, counters, pixel / 4 + 1, drop, words + 4);
      W moved[6];
      for (int w = 0; w < 6; ++w) moved[w] = hn::IfThenElse(by_one, words[w + 1], words[w]);
      for (int w = 0; w < 4; ++w) {
        chosen[w] = hn::IfThenElse(by_two, moved[w + 2], moved[w]);
        words[w] = words[w + 4];
      }
    } else {
      draw(du, counters, pixel / 4, drop, chosen);
    }
    const float* x = t.x + static_cast<std::int64_t>(pixel) * t.x_pixel + c;
    float* out = t.out + static_cast<std::int64_t>(pixel) * t.out_pixel + c;
    const std::size_t count = std::min<std::size_t>(4, t.pixels - pixel);
    for (std::size_t k = 0; k < count; ++k, x += t.x_pixel, out += t.out_pixel) {
      auto value = keep(chosen[k], load(x), drop);
      if (drop.accumulate) value = hn::Add(value, load(out));
      store(value, out);
    }
  }
}

void drop_tile(const DropTile& t, const Drop& drop) {
  const hn::ScalableTag<float> d;
  for_lanes(d, t.channels, [&](auto load, auto store, std::size_t c) HWY_ATTR {
    std::uint64_t counters[kDraws];
    std::uint32_t phases[kDraws];
    std::uint32_t any = 0;
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
      const std::uint64_t element = t.first + (c + i) * t.step;
      counters[i] = element / 4;
      phases[i] = static_cast<std::uint32_t>(element % 4);
      any |= phases[i];
    }
    if (any != 0) {
      drop_channels<true>(t, drop, c, counters, phases, load, store);
    } else {
      drop_channels<false>(t, drop, c, counters, phases, load, store);
    }
  });
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(draw_words);
HWY_EXPORT(drop_row);
HWY_EXPORT(drop_tile);

constexpr std::int64_t kTilePixels = 32;

// The rounds' keys, after the paper's table 2.
Drop drop_of(double ratio, std::uint64_t limit, const RandomKey& key, bool accumulate) {
  Drop drop{.keys = {},
            .limit = static_cast<std::uint32_t>(limit),
            .factor = static_cast<float>(1.0 / (1.0 - ratio)),
            .accumulate = accumulate};
  std::array<std::uint32_t, 2> round = stream_key(key);
  for (auto& keys : drop.keys) {
    keys = {round[0], round[1]};
    round[0] += 0x9E3779B9;
    round[1] += 0xBB67AE85;
  }
  return drop;
}

// Rows of any strides, with the choice for the mask.
void drop_apart(const Collapsed& loop, std::int64_t row, const ConstView& x, const View& out,
                const View& mask, std::uint64_t limit, const Drop& drop) {
  const RowWalk walk(loop, 4, row);
  const float* from = x.as<float>() + walk.offset(1);
  float* to = out.as<float>() + walk.offset(0);
  bool* choice = mask ? mask.as<bool>() + walk.offset(2) : nullptr;
  const std::int64_t step = loop.inner_stride(3);
  std::array<std::uint32_t, kDraws> words{};
  for (std::int64_t first = 0; first < loop.inner(); first += std::int64_t{kDraws}) {
    const std::int64_t n = std::min(std::int64_t{kDraws}, loop.inner() - first);
    HWY_DYNAMIC_DISPATCH(draw_words)
    (static_cast<std::uint64_t>(walk.offset(3) + first * step), static_cast<std::uint64_t>(step),
     static_cast<std::size_t>(n), drop, words.data());
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int64_t i = first + k;
      const bool kept = words[static_cast<std::size_t>(k)] >= limit;
      if (choice) choice[i * loop.inner_stride(2)] = kept;
      const float value = kept ? from[i * loop.inner_stride(1)] * drop.factor : 0.0F;
      float& place = to[i * loop.inner_stride(0)];
      place = drop.accumulate ? place + value : value;
    }
  }
}

}  // namespace

void cpu_dropout(const Threads& threads, const ConstView& x, const View& out, const View& mask,
                 double ratio, const RandomKey& key, bool accumulate) {
  if (x.shape.elements() == 0) return;
  // Kept where word >= limit; a limit of 2^32 keeps nothing.
  const auto limit = static_cast<std::uint64_t>(std::ceil(ratio * 0x1p32));
  const Drop drop = drop_of(ratio, limit, key, accumulate);
  const std::array<Strides, 4> operands{out.strides, x.strides, mask ? mask.strides : out.strides,
                                        dense_strides(x.shape)};
  const Collapsed loop = collapse(x.shape, operands);
  const std::int64_t inner = loop.inner();
  const bool plain = !mask && loop.inner_stride(0) == 1 && loop.inner_stride(1) == 1 &&
                     limit <= std::numeric_limits<std::uint32_t>::max();
  if (plain && loop.inner_stride(3) == 1) {
    const auto kernel = HWY_DYNAMIC_DISPATCH(drop_row);
    const std::int64_t piece = std::min(inner, kItemElements);
    const std::int64_t pieces = ceil_div(inner, piece);
    for_ranges(threads, loop.rows() * pieces, piece, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t item = first; item < last; ++item) {
        const RowWalk walk(loop, 4, item / pieces);
        const std::int64_t begin = item % pieces * piece;
        kernel(x.as<float>() + walk.offset(1) + begin, out.as<float>() + walk.offset(0) + begin,
               static_cast<std::uint64_t>(walk.offset(3) + begin),
               static_cast<std::size_t>(std::min(piece, inner - begin)), drop);
      }
    });
  } else if (plain && loop.rank > 1 && loop.stride(3, loop.rank - 2) == 1) {
    const auto kernel = HWY_DYNAMIC_DISPATCH(drop_tile);
    const std::int64_t pixels = loop.size(loop.rank - 2);
    const std::int64_t tiles = ceil_div(pixels, kTilePixels);
    for_ranges(threads, loop.rows() / pixels * tiles, kTilePixels * inner,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t item = first; item < last; ++item) {
                   const std::int64_t begin = item % tiles * kTilePixels;
                   const RowWalk walk(loop, 4, item / tiles * pixels + begin);
                   kernel(
                       {.x = x.as<float>() + walk.offset(1),
                        .out = out.as<float>() + walk.offset(0),
                        .x_pixel = loop.stride(1, loop.rank - 2),
                        .out_pixel = loop.stride(0, loop.rank - 2),
                        .pixels = static_cast<std::size_t>(std::min(kTilePixels, pixels - begin)),
                        .channels = static_cast<std::size_t>(inner),
                        .first = static_cast<std::uint64_t>(walk.offset(3)),
                        .step = static_cast<std::uint64_t>(loop.inner_stride(3))},
                       drop);
                 }
               });
  } else {
    for_ranges(threads, loop.rows(), inner, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        drop_apart(loop, row, x, out, mask, limit, drop);
      }
    });
  }
}

}  // namespace striate
#endif  // HWY_ONCE
