#include <limits>
#include <vector>

#include <hwy/cache_control.h>

#include "device/cpu/maps.h"
#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

// Pooling of channels-last maps. Forward, every output pixel looks at the taps of its window;
// backward, every input pixel looks at the windows that cover it, so that each element is written
// once, by one thread, from a sum in a fixed order.

#ifndef STRIATE_POOL_STRUCTS
#define STRIATE_POOL_STRUCTS
namespace striate {

// The taps [first, last) of the window of output o that lie inside [-before, size + after).
struct TapRange {
  std::int64_t first = 0, last = 0;
  std::int64_t count() const { return last - first; }
};

inline TapRange taps_inside(std::int64_t o, std::int64_t taps, std::int64_t stride,
                            std::int64_t dilation, std::int64_t pad, std::int64_t size,
                            std::int64_t before, std::int64_t after) {
  const std::int64_t start = o * stride - pad;
  TapRange range;
  range.first = start >= -before ? 0 : ceil_div(-before - start, dilation);
  range.last = start >= size + after ? 0 : ceil_div(size + after - start, dilation);
  range.first = std::min(range.first, taps);
  range.last = std::max(range.first, std::min(range.last, taps));
  return range;
}

// For each input position, the (tap, output) pairs that see it.
class Covering {
 public:
  struct Pair {
    std::int64_t tap, output;
  };
  Covering(std::int64_t size, std::int64_t outputs, std::int64_t taps, std::int64_t stride,
           std::int64_t dilation, std::int64_t pad) {
    starts_.push_back(0);
    for (std::int64_t i = 0; i < size; ++i) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t scaled = i + pad - tap * dilation;
        if (scaled < 0 || scaled % stride != 0 || scaled / stride >= outputs) continue;
        pairs_.push_back({tap, scaled / stride});
      }
      starts_.push_back(pairs_.size());
    }
  }
  std::span<const Pair> of(std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    return std::span(pairs_).subspan(starts_[at], starts_[at + 1] - starts_[at]);
  }

 private:
  std::vector<std::size_t> starts_;
  std::vector<Pair> pairs_;
};

using cpu::Map;
using cpu::map_of;

struct PoolForward {
  PoolGeometry g;
  Map<const float> x;
  Map<float> y;
  Map<std::int32_t> indices;
  std::vector<float> rows, columns;  // average: taps that count, for each oy and ox
  std::vector<TapRange> inside;      // taps inside the map, for each ox
};

struct PoolBackward {
  PoolGeometry g;
  Map<const float> dy;
  Map<const std::int32_t> indices;
  Map<float> dx;
  const Covering& by_row;
  const Covering& by_column;
  bool accumulate = false;
  std::vector<float> rows, columns;
};

}  // namespace striate
#endif  // STRIATE_POOL_STRUCTS

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/pool.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// The taps of one output pixel that lie inside the map.
struct Window {
  TapRange rows, columns;
  const float* corner = nullptr;  // of the first of them; null: there are none
};

// Calls body(window, ox) for a row of outputs. The pixels that the row below will be the first to
// see are asked for meanwhile: a map's rows are too short for the processor to guess them.
template <class Body>
HWY_INLINE void for_windows(const PoolForward& p, std::int64_t n, std::int64_t oy, Body&& body) {
  const PoolGeometry& g = p.g;
  constexpr std::int64_t kLine = 16;
  const std::int64_t top = oy * g.stride_h - g.pad_top;
  const std::int64_t below = top + (g.r - 1) * g.dilation_h + 1;
  Window window{.rows = taps_inside(oy, g.r, g.stride_h, g.dilation_h, g.pad_top, g.h, 0, 0)};
  for (std::int64_t ox = 0; ox < g.ow; ++ox) {
    const std::int64_t left = ox * g.stride_w - g.pad_left;
    for (std::int64_t y = below; y < below + g.stride_h; ++y) {
      for (std::int64_t x = left; x < left + g.stride_w; ++x) {
        const float* next = p.x.at(n, y, x);
        for (std::int64_t c = 0; c < g.c; c += kLine) hwy::Prefetch(next + c);
      }
    }
    window.columns = p.inside[static_cast<std::size_t>(ox)];
    const bool any = window.rows.count() > 0 && window.columns.count() > 0;
    window.corner = any ? p.x.at(n, top + window.rows.first * g.dilation_h,
                                 left + window.columns.first * g.dilation_w)
                        : nullptr;
    body(window, ox);
  }
}

// Calls tap(source, number) for each tap of a window, channels from c on.
template <class Tap>
HWY_INLINE void for_taps(const PoolForward& p, const Window& window, std::size_t c, Tap&& tap) {
  if (window.corner == nullptr) return;
  const std::int64_t step_r = p.g.dilation_h * p.x.row;
  const std::int64_t step_s = p.g.dilation_w * p.x.pixel;
  for (std::int64_t r = 0; r < window.rows.count(); ++r) {
    const float* source = window.corner + r * step_r + c;
    std::int64_t number = (window.rows.first + r) * p.g.s + window.columns.first;
    for (std::int64_t s = 0; s < window.columns.count(); ++s, source += step_s, ++number) {
      tap(source, number);
    }
  }
}

template <bool kIndices>
void max_pool_row(const PoolForward& p, std::int64_t n, std::int64_t oy) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  using V = hn::Vec<decltype(d)>;
  using VI = hn::Vec<decltype(di)>;
  for_windows(p, n, oy, [&](const Window& window, std::int64_t ox) HWY_ATTR {
    float* y = p.y.at(n, oy, ox);
    std::int32_t* indices = kIndices ? p.indices.at(n, oy, ox) : nullptr;
    const std::int64_t first = window.rows.first * p.g.s + window.columns.first;
    for_strips(d, static_cast<std::size_t>(p.g.c),
               [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
                 constexpr int kVectors = decltype(vectors)::value;
                 const std::size_t lanes = hn::Lanes(d);
                 V best[kVectors];
                 VI tap[kVectors];
                 for (int k = 0; k < kVectors; ++k) {
                   best[k] = hn::Neg(hn::Inf(d));
                   tap[k] = hn::Set(di, -1);
                 }
                 for_taps(p, window, c, [&](const float* source, std::int64_t number) HWY_ATTR {
                   const VI here = hn::Set(di, static_cast<std::int32_t>(number));
                   for (int k = 0; k < kVectors; ++k) {
                     const V value = load(source + static_cast<std::size_t>(k) * lanes);
                     if (number == first) {
                       best[k] = value;
                       tap[k] = here;
                       continue;
                     }
                     // Greater, or NaN; but nothing replaces a NaN.
                     const auto take =
                         hn::And(hn::Not(hn::Le(value, best[k])), hn::Eq(best[k], best[k]));
                     best[k] = hn::IfThenElse(take, value, best[k]);
                     if constexpr (kIndices) {
                       tap[k] = hn::IfThenElse(hn::RebindMask(di, take), here, tap[k]);
                     }
                   }
                 });
                 for (int k = 0; k < kVectors; ++k) {
                   store(best[k], y + c + static_cast<std::size_t>(k) * lanes);
                   if constexpr (kIndices)
                     store(tap[k], indices + c + static_cast<std::size_t>(k) * lanes);
                 }
               });
  });
}

void max_pool_forward_row(const PoolForward& p, std::int64_t n, std::int64_t oy) {
  if (p.indices) {
    max_pool_row<true>(p, n, oy);
  } else {
    max_pool_row<false>(p, n, oy);
  }
}

void average_pool_forward_row(const PoolForward& p, std::int64_t n, std::int64_t oy) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  for_windows(p, n, oy, [&](const Window& window, std::int64_t ox) HWY_ATTR {
    const V share = hn::Set(
        d, 1.0F / (p.rows[static_cast<std::size_t>(oy)] * p.columns[static_cast<std::size_t>(ox)]));
    float* y = p.y.at(n, oy, ox);
    for_strips(d, static_cast<std::size_t>(p.g.c),
               [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
                 constexpr int kVectors = decltype(vectors)::value;
                 const std::size_t lanes = hn::Lanes(d);
                 V sum[kVectors];
                 for (int k = 0; k < kVectors; ++k) sum[k] = hn::Zero(d);
                 for_taps(p, window, c, [&](const float* source, std::int64_t) HWY_ATTR {
                   for (int k = 0; k < kVectors; ++k) {
                     sum[k] = hn::Add(sum[k], load(source + static_cast<std::size_t>(k) * lanes));
                   }
                 });
                 for (int k = 0; k < kVectors; ++k) {
                   store(hn::Mul(sum[k], share), y + c + static_cast<std::size_t>(k) * lanes);
                 }
               });
  });
}

// For every pixel of an input row, the sum over the windows that see it of what
// contribution(load, sum, row, column, c) adds.
template <class Contribution>
HWY_INLINE void pool_backward_row(const PoolBackward& p, std::int64_t n, std::int64_t iy,
                                  Contribution&& contribution) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto rows = p.by_row.of(iy);
  for (std::int64_t ix = 0; ix < p.g.w; ++ix) {
    const auto columns = p.by_column.of(ix);
    float* dx = p.dx.at(n, iy, ix);
    for_strips(d, static_cast<std::size_t>(p.g.c),
               [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
                 constexpr int kVectors = decltype(vectors)::value;
                 const std::size_t lanes = hn::Lanes(d);
                 V sum[kVectors];
                 for (int k = 0; k < kVectors; ++k) sum[k] = hn::Zero(d);
                 for (const Covering::Pair& row : rows) {
                   for (const Covering::Pair& column : columns) {
                     const auto add = contribution(n, row, column);
                     for (int k = 0; k < kVectors; ++k) {
                       sum[k] = add(load, sum[k], c + static_cast<std::size_t>(k) * lanes);
                     }
                   }
                 }
                 for (int k = 0; k < kVectors; ++k) {
                   float* to = dx + c + static_cast<std::size_t>(k) * lanes;
                   if (p.accumulate) sum[k] = hn::Add(load(to), sum[k]);
                   store(sum[k], to);
                 }
               });
  }
}

void max_pool_backward_row(const PoolBackward& p, std::int64_t n, std::int64_t iy) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  using V = hn::Vec<decltype(d)>;
  pool_backward_row(
      p, n, iy, [&](std::int64_t image, const auto& row, const auto& column) HWY_ATTR {
        const auto tap = hn::Set(di, static_cast<std::int32_t>(row.tap * p.g.s + column.tap));
        const std::int32_t* indices = p.indices.at(image, row.output, column.output);
        const float* dy = p.dy.at(image, row.output, column.output);
        return [=](auto load, V sum, std::size_t c) HWY_ATTR {
          const auto chosen = hn::Eq(load(indices + c), tap);
          return hn::Add(sum, hn::IfThenElseZero(hn::RebindMask(d, chosen), load(dy + c)));
        };
      });
}

void average_pool_backward_row(const PoolBackward& p, std::int64_t n, std::int64_t iy) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  pool_backward_row(
      p, n, iy, [&](std::int64_t image, const auto& row, const auto& column) HWY_ATTR {
        const V share = hn::Set(d, 1.0F / (p.rows[static_cast<std::size_t>(row.output)] *
                                           p.columns[static_cast<std::size_t>(column.output)]));
        const float* dy = p.dy.at(image, row.output, column.output);
        return [=](auto load, V sum, std::size_t c)
                   HWY_ATTR { return hn::MulAdd(load(dy + c), share, sum); };
      });
}

// Windows that lie side by side: every input pixel under row oy of outputs is one window's, of which
// `contribution(load, tap, oy, ox, c)` is what it gets; pixels behind the last window get nothing.
template <class Contribution>
HWY_INLINE void pool_backward_apart(const PoolBackward& p, std::int64_t n, std::int64_t oy,
                                    Contribution&& contribution) {
  const hn::ScalableTag<float> d;
  const PoolGeometry& g = p.g;
  const std::int64_t last = oy + 1 == g.oh ? g.h : (oy + 1) * g.r;
  const auto clear = [&](std::int64_t y, std::int64_t first) {
    if (p.accumulate) return;
    for (std::int64_t x = first; x < g.w; ++x) std::fill_n(p.dx.at(n, y, x), g.c, 0.0F);
  };
  for (std::int64_t r = 0; r < g.r; ++r) {
    const std::int64_t y = oy * g.r + r;
    for (std::int64_t ox = 0; ox < g.ow; ++ox) {
      for (std::int64_t s = 0; s < g.s; ++s) {
        float* dx = p.dx.at(n, y, ox * g.s + s);
        for_lanes(d, static_cast<std::size_t>(g.c),
                  [&](auto load, auto store, std::size_t c) HWY_ATTR {
                    auto value = contribution(load, r * g.s + s, oy, ox, c);
                    if (p.accumulate) value = hn::Add(load(dx + c), value);
                    store(value, dx + c);
                  });
      }
    }
    clear(y, g.ow * g.s);
  }
  for (std::int64_t y = (oy + 1) * g.r; y < last; ++y) clear(y, 0);
}

void max_pool_backward_apart(const PoolBackward& p, std::int64_t n, std::int64_t oy) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  pool_backward_apart(
      p, n, oy,
      [&](auto load, std::int64_t tap, std::int64_t y, std::int64_t x, std::size_t c) HWY_ATTR {
        const auto index = load(p.indices.at(n, y, x) + c);
        const auto chosen = hn::Eq(index, hn::Set(di, static_cast<std::int32_t>(tap)));
        return hn::IfThenElseZero(hn::RebindMask(d, chosen), load(p.dy.at(n, y, x) + c));
      });
}

void average_pool_backward_apart(const PoolBackward& p, std::int64_t n, std::int64_t oy) {
  const hn::ScalableTag<float> d;
  const auto share = hn::Set(d, 1.0F / static_cast<float>(p.g.r * p.g.s));
  pool_backward_apart(p, n, oy,
                      [&](auto load, std::int64_t, std::int64_t y, std::int64_t x, std::size_t c)
                          HWY_ATTR { return hn::Mul(load(p.dy.at(n, y, x) + c), share); });
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(max_pool_forward_row);
HWY_EXPORT(max_pool_backward_row);
HWY_EXPORT(max_pool_backward_apart);
HWY_EXPORT(average_pool_forward_row);
HWY_EXPORT(average_pool_backward_apart);
HWY_EXPORT(average_pool_backward_row);

std::vector<TapRange> columns_inside(const PoolGeometry& g) {
  std::vector<TapRange> ranges;
  for (std::int64_t ox = 0; ox < g.ow; ++ox) {
    ranges.push_back(taps_inside(ox, g.s, g.stride_w, g.dilation_w, g.pad_left, g.w, 0, 0));
  }
  return ranges;
}

// How many taps an average divides by, along one axis, for each output; at least 1.
std::vector<float> row_counts(const PoolGeometry& g) {
  std::vector<float> counts;
  const std::int64_t before = g.count_include_pad ? g.pad_top : 0;
  const std::int64_t after = g.count_include_pad ? g.pad_bottom : 0;
  for (std::int64_t oy = 0; oy < g.oh; ++oy) {
    const TapRange taps =
        taps_inside(oy, g.r, g.stride_h, g.dilation_h, g.pad_top, g.h, before, after);
    counts.push_back(static_cast<float>(std::max<std::int64_t>(1, taps.count())));
  }
  return counts;
}
std::vector<float> column_counts(const PoolGeometry& g) {
  std::vector<float> counts;
  const std::int64_t before = g.count_include_pad ? g.pad_left : 0;
  const std::int64_t after = g.count_include_pad ? g.pad_right : 0;
  for (std::int64_t ox = 0; ox < g.ow; ++ox) {
    const TapRange taps =
        taps_inside(ox, g.s, g.stride_w, g.dilation_w, g.pad_left, g.w, before, after);
    counts.push_back(static_cast<float>(std::max<std::int64_t>(1, taps.count())));
  }
  return counts;
}

// Calls body(n, y) for every row of the images.
template <class Body>
void for_image_rows(const Threads& threads, std::int64_t images, std::int64_t rows,
                    std::int64_t row_elements, Body&& body) {
  for_ranges(threads, images * rows, row_elements, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) body(row / rows, row % rows);
  });
}

void run_forward(const Threads& threads, const PoolForward& p,
                 void (*row)(const PoolForward&, std::int64_t, std::int64_t)) {
  const PoolGeometry& g = p.g;
  if (g.c == 0 || g.ow == 0) return;
  const std::int64_t window = g.r * g.s;
  for_image_rows(threads, g.n, g.oh, g.ow * g.c * window / 4,
                 [&](std::int64_t n, std::int64_t oy) { row(p, n, oy); });
}

// Whether no input pixel is in two windows, and no window reaches past the input.
bool lie_apart(const PoolGeometry& g) {
  return g.stride_h == g.r && g.stride_w == g.s && g.dilation_h == 1 && g.dilation_w == 1 &&
         g.pad_top == 0 && g.pad_left == 0 && g.oh > 0 && g.oh * g.r <= g.h && g.ow * g.s <= g.w;
}

using BackwardRow = void (*)(const PoolBackward&, std::int64_t, std::int64_t);

// `row` takes a row of input pixels, `apart` one of outputs where windows lie apart.
void run_backward(const Threads& threads, const PoolBackward& p, BackwardRow row,
                  BackwardRow apart) {
  const PoolGeometry& g = p.g;
  if (g.c == 0 || g.w == 0) return;
  if (lie_apart(g)) {
    for_image_rows(threads, g.n, g.oh, g.r * g.w * g.c,
                   [&](std::int64_t n, std::int64_t oy) { apart(p, n, oy); });
    return;
  }
  for_image_rows(threads, g.n, g.h, g.w * g.c,
                 [&](std::int64_t n, std::int64_t iy) { row(p, n, iy); });
}

Covering rows_covering(const PoolGeometry& g) {
  return {g.h, g.oh, g.r, g.stride_h, g.dilation_h, g.pad_top};
}
Covering columns_covering(const PoolGeometry& g) {
  return {g.w, g.ow, g.s, g.stride_w, g.dilation_w, g.pad_left};
}

}  // namespace

void cpu_max_pool_forward(const Threads& threads, const PoolGeometry& g, const ConstView& x,
                          const View& y, const View& indices) {
  run_forward(threads,
              {.g = g,
               .x = map_of<const float>(x),
               .y = map_of<float>(y),
               .indices = map_of<std::int32_t>(indices),
               .inside = columns_inside(g)},
              HWY_DYNAMIC_DISPATCH(max_pool_forward_row));
}

void cpu_average_pool_forward(const Threads& threads, const PoolGeometry& g, const ConstView& x,
                              const View& y) {
  run_forward(threads,
              {.g = g,
               .x = map_of<const float>(x),
               .y = map_of<float>(y),
               .rows = row_counts(g),
               .columns = column_counts(g),
               .inside = columns_inside(g)},
              HWY_DYNAMIC_DISPATCH(average_pool_forward_row));
}

void cpu_max_pool_backward(const Threads& threads, const PoolGeometry& g, const ConstView& dy,
                           const ConstView& indices, const View& dx, bool accumulate) {
  const Covering by_row = rows_covering(g);
  const Covering by_column = columns_covering(g);
  run_backward(threads,
               {g,
                map_of<const float>(dy),
                map_of<const std::int32_t>(indices),
                map_of<float>(dx),
                by_row,
                by_column,
                accumulate,
                {},
                {}},
               HWY_DYNAMIC_DISPATCH(max_pool_backward_row),
               HWY_DYNAMIC_DISPATCH(max_pool_backward_apart));
}

void cpu_average_pool_backward(const Threads& threads, const PoolGeometry& g, const ConstView& dy,
                               const View& dx, bool accumulate) {
  const Covering by_row = rows_covering(g);
  const Covering by_column = columns_covering(g);
  run_backward(threads,
               {g,
                map_of<const float>(dy),
                {},
                map_of<float>(dx),
                by_row,
                by_column,
                accumulate,
                row_counts(g),
                column_counts(g)},
               HWY_DYNAMIC_DISPATCH(average_pool_backward_row),
               HWY_DYNAMIC_DISPATCH(average_pool_backward_apart));
}

}  // namespace striate
#endif  // HWY_ONCE
