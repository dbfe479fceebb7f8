#include <vector>

#include "device/cpu/maps.h"
#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"
#include "device/region_points.h"

// Pooling of regions of channels-last maps. Forward, a region is one thread's. Backward, a strip of
// an image's channels is one thread's, which takes the regions in their order: each element of dx is
// one chain of sums, whoever computes it.

#ifndef STRIATE_REGION_STRUCTS
#define STRIATE_REGION_STRUCTS
namespace striate {

using cpu::Map;
using cpu::map_of;

// Along one axis, the pixels that a bin of a RoIAlign is a mean of, and their shares of it. A bin's
// points lie on a grid and bilinear shares are products, so that the shares of the plane are products
// too, of far fewer numbers than there are points.
struct AxisShares {
  struct Share {
    std::int64_t pixel = 0;
    float share = 0;
  };
  std::vector<Share> shares;
  std::vector<std::size_t> starts;  // of each bin, and the end

  std::span<const Share> of(std::int64_t bin) const {
    const auto b = static_cast<std::size_t>(bin);
    return std::span(shares).subspan(starts[b], starts[b + 1] - starts[b]);
  }
};

struct RegionShares {
  std::int64_t image = 0;
  AxisShares rows, columns;
};

struct RegionWindows {
  std::int64_t image = 0;
  std::vector<BinRange> rows, columns;
};

}  // namespace striate
#endif  // STRIATE_REGION_STRUCTS

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/regions.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

void region_max_bin(const RegionGeometry& g, const Map<const float>& x, const RegionWindows& window,
                    std::int64_t oy, std::int64_t ox, float* y, std::int32_t* indices) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  using V = hn::Vec<decltype(d)>;
  using VI = hn::Vec<decltype(di)>;
  const BinRange rows = window.rows[static_cast<std::size_t>(oy)];
  const BinRange columns = window.columns[static_cast<std::size_t>(ox)];
  const bool any = rows.first < rows.last && columns.first < columns.last;
  for_strips(d, static_cast<std::size_t>(g.c),
             [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
               constexpr int kVectors = decltype(vectors)::value;
               const std::size_t lanes = hn::Lanes(d);
               V best[kVectors];
               VI at[kVectors];
               for (int k = 0; k < kVectors; ++k) {
                 best[k] = hn::Zero(d);
                 at[k] = hn::Set(di, -1);
               }
               bool first = any;
               for (std::int64_t iy = rows.first; any && iy < rows.last; ++iy) {
                 for (std::int64_t ix = columns.first; ix < columns.last; ++ix) {
                   const float* source = x.at(window.image, iy, ix) + c;
                   const VI here = hn::Set(di, static_cast<std::int32_t>(iy * g.w + ix));
                   for (int k = 0; k < kVectors; ++k) {
                     const V value = load(source + static_cast<std::size_t>(k) * lanes);
                     if (first) {
                       best[k] = value;
                       at[k] = here;
                       continue;
                     }
                     // Greater, or NaN; but nothing replaces a NaN.
                     const auto take =
                         hn::And(hn::Not(hn::Le(value, best[k])), hn::Eq(best[k], best[k]));
                     best[k] = hn::IfThenElse(take, value, best[k]);
                     at[k] = hn::IfThenElse(hn::RebindMask(di, take), here, at[k]);
                   }
                   first = false;
                 }
               }
               for (int k = 0; k < kVectors; ++k) {
                 const std::size_t to = c + static_cast<std::size_t>(k) * lanes;
                 store(best[k], y + to);
                 if (indices != nullptr) store(at[k], indices + to);
               }
             });
}

void region_align_bin(const RegionGeometry& g, const Map<const float>& x,
                      const RegionShares& region, std::int64_t oy, std::int64_t ox, float* y) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto rows = region.rows.of(oy);
  const auto columns = region.columns.of(ox);
  for_strips(d, static_cast<std::size_t>(g.c),
             [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
               constexpr int kVectors = decltype(vectors)::value;
               const std::size_t lanes = hn::Lanes(d);
               V sum[kVectors];
               for (int k = 0; k < kVectors; ++k) sum[k] = hn::Zero(d);
               for (const AxisShares::Share& row : rows) {
                 for (const AxisShares::Share& column : columns) {
                   const float* source = x.at(region.image, row.pixel, column.pixel) + c;
                   const V share = hn::Set(d, row.share * column.share);
                   for (int k = 0; k < kVectors; ++k) {
                     sum[k] = hn::MulAdd(load(source + static_cast<std::size_t>(k) * lanes), share,
                                         sum[k]);
                   }
                 }
               }
               for (int k = 0; k < kVectors; ++k) {
                 store(sum[k], y + c + static_cast<std::size_t>(k) * lanes);
               }
             });
}

// Channels [first, first + count).
void region_align_bin_backward(const RegionShares& region, const Map<float>& dx, std::int64_t oy,
                               std::int64_t ox, const float* dy, std::int64_t first,
                               std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto columns = region.columns.of(ox);
  for (const AxisShares::Share& row : region.rows.of(oy)) {
    for (const AxisShares::Share& column : columns) {
      float* to = dx.at(region.image, row.pixel, column.pixel) + first;
      const auto share = hn::Set(d, row.share * column.share);
      for_lanes(d, static_cast<std::size_t>(count),
                [&](auto load, auto store, std::size_t c) HWY_ATTR {
                  store(hn::MulAdd(load(dy + first + c), share, load(to + c)), to + c);
                });
    }
  }
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(region_max_bin);
HWY_EXPORT(region_align_bin);
HWY_EXPORT(region_align_bin_backward);

constexpr std::int64_t kStrip = 32;

AxisShares axis_shares(const AxisPoints& points, std::int64_t bins) {
  AxisShares result;
  result.starts.push_back(0);
  const double count = static_cast<double>(points.count);
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    const std::size_t start = result.starts.back();
    const auto add = [&](std::int64_t pixel, double share) {
      if (share == 0) return;
      for (std::size_t i = result.shares.size(); i > start; --i) {
        if (result.shares[i - 1].pixel != pixel) continue;
        result.shares[i - 1].share += static_cast<float>(share / count);
        return;
      }
      result.shares.push_back({pixel, static_cast<float>(share / count)});
    };
    for_points(points, bin, [&](std::int64_t, const Between& place) {
      add(place.pixel[0], place.share[0]);
      add(place.pixel[1], place.share[1]);
    });
    result.starts.push_back(result.shares.size());
  }
  return result;
}

RegionShares shares_of(const RegionGeometry& g, const RegionSampling& sampling,
                       const Regions& regions, std::int64_t r) {
  const auto [x1, y1, x2, y2] = scaled_box(g, regions, r);
  return {image_of(g, regions, r), axis_shares(axis_points(sampling, y1, y2, g.oh, g.h), g.oh),
          axis_shares(axis_points(sampling, x1, x2, g.ow, g.w), g.ow)};
}

RegionWindows windows_of(const RegionGeometry& g, const Regions& regions, std::int64_t r) {
  const auto [x1, y1, x2, y2] = scaled_box(g, regions, r);
  RegionWindows windows;
  windows.image = image_of(g, regions, r);
  for (std::int64_t oy = 0; oy < g.oh; ++oy) {
    windows.rows.push_back(max_bin(y1, y2, oy, g.oh, g.h));
  }
  for (std::int64_t ox = 0; ox < g.ow; ++ox) {
    windows.columns.push_back(max_bin(x1, x2, ox, g.ow, g.w));
  }
  return windows;
}

template <class Body>
void for_each_bin(const RegionGeometry& g, Body&& body) {
  for (std::int64_t oy = 0; oy < g.oh; ++oy) {
    for (std::int64_t ox = 0; ox < g.ow; ++ox) body(oy, ox);
  }
}

// Calls body(image, first, count) for strips of the channels of every image, cleared unless they are
// added to.
template <class Body>
void for_each_strip(const Threads& threads, const RegionGeometry& g, const Map<float>& dx,
                    bool accumulate, Body&& body) {
  const std::int64_t strips = ceil_div(g.c, kStrip);
  threads.run(g.n * strips, [&](std::int64_t item) {
    const std::int64_t n = item / strips;
    const std::int64_t first = item % strips * kStrip;
    const std::int64_t count = std::min(kStrip, g.c - first);
    for (std::int64_t y = 0; !accumulate && y < g.h; ++y) {
      for (std::int64_t x = 0; x < g.w; ++x) std::fill_n(dx.at(n, y, x) + first, count, 0.0F);
    }
    body(n, first, count);
  });
}

}  // namespace

void cpu_region_max_forward(const Threads& threads, const RegionGeometry& g, const ConstView& x,
                            const Regions& regions, const View& y, const View& indices) {
  const auto xs = map_of<const float>(x);
  const auto ys = map_of<float>(y);
  const auto pixels = map_of<std::int32_t>(indices);
  const auto bin = HWY_DYNAMIC_DISPATCH(region_max_bin);
  threads.run(g.regions, [&](std::int64_t r) {
    const RegionWindows windows = windows_of(g, regions, r);
    for_each_bin(g, [&](std::int64_t oy, std::int64_t ox) {
      bin(g, xs, windows, oy, ox, ys.at(r, oy, ox), pixels ? pixels.at(r, oy, ox) : nullptr);
    });
  });
}

void cpu_region_max_backward(const Threads& threads, const RegionGeometry& g,
                             const Regions& regions, const ConstView& dy, const ConstView& indices,
                             const View& dx, bool accumulate) {
  const auto dys = map_of<const float>(dy);
  const auto pixels = map_of<const std::int32_t>(indices);
  const auto dxs = map_of<float>(dx);
  std::vector<std::int64_t> images;
  for (std::int64_t r = 0; r < g.regions; ++r) images.push_back(image_of(g, regions, r));
  for_each_strip(threads, g, dxs, accumulate,
                 [&](std::int64_t n, std::int64_t first, std::int64_t count) {
                   for (std::int64_t r = 0; r < g.regions; ++r) {
                     if (images[static_cast<std::size_t>(r)] != n) continue;
                     for_each_bin(g, [&](std::int64_t oy, std::int64_t ox) {
                       const std::int32_t* at = pixels.at(r, oy, ox);
                       const float* from = dys.at(r, oy, ox);
                       for (std::int64_t c = first; c < first + count; ++c) {
                         if (at[c] >= 0) dxs.at(n, 0, 0)[at[c] * dxs.pixel + c] += from[c];
                       }
                     });
                   }
                 });
}

void cpu_region_align_forward(const Threads& threads, const RegionGeometry& g,
                              const RegionSampling& sampling, const ConstView& x,
                              const Regions& regions, const View& y) {
  const auto xs = map_of<const float>(x);
  const auto ys = map_of<float>(y);
  const auto bin = HWY_DYNAMIC_DISPATCH(region_align_bin);
  threads.run(g.regions, [&](std::int64_t r) {
    const RegionShares region = shares_of(g, sampling, regions, r);
    for_each_bin(
        g, [&](std::int64_t oy, std::int64_t ox) { bin(g, xs, region, oy, ox, ys.at(r, oy, ox)); });
  });
}

void cpu_region_align_backward(const Threads& threads, const RegionGeometry& g,
                               const RegionSampling& sampling, const Regions& regions,
                               const ConstView& dy, const View& dx, bool accumulate) {
  const auto dys = map_of<const float>(dy);
  const auto dxs = map_of<float>(dx);
  std::vector<RegionShares> shares;
  for (std::int64_t r = 0; r < g.regions; ++r) {
    shares.push_back(shares_of(g, sampling, regions, r));
  }
  const auto bin = HWY_DYNAMIC_DISPATCH(region_align_bin_backward);
  for_each_strip(threads, g, dxs, accumulate,
                 [&](std::int64_t n, std::int64_t first, std::int64_t count) {
                   for (std::int64_t r = 0; r < g.regions; ++r) {
                     const RegionShares& region = shares[static_cast<std::size_t>(r)];
                     if (region.image != n) continue;
                     for_each_bin(g, [&](std::int64_t oy, std::int64_t ox) {
                       bin(region, dxs, oy, ox, dys.at(r, oy, ox), first, count);
                     });
                   }
                 });
}

}  // namespace striate
#endif  // HWY_ONCE
