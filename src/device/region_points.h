#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "device/check.h"
#include "device/reference/loops.h"

// Where the windows of region pooling and the points of RoIAlign lie, in double for every dtype, so
// that all devices look at the same pixels.

namespace striate {

/// A whole number from one that may be none, or far too large.
inline std::int64_t whole(double value) {
  constexpr double kMost = 1e9;
  return std::isnan(value) ? 0 : static_cast<std::int64_t>(std::clamp(value, -kMost, kMost));
}

/// x1, y1, x2, y2 of region r in pixels of the map; 0 for what is not a number.
inline std::array<double, 4> scaled_box(const RegionGeometry& g, const Regions& regions,
                                        std::int64_t r) {
  std::array<double, 4> box{};
  reference::with_float(regions.boxes.dtype, "boxes", [&]<class T>(T) {
    const auto boxes = reference::read<T>(regions.boxes);
    for (std::size_t i = 0; i < box.size(); ++i) {
      const double value = static_cast<double>(boxes(r, i)) * g.scale;
      box[i] = std::isnan(value) ? 0 : value;
    }
  });
  return box;
}

/// The pixels [first, last) of one bin of a MaxRoiPool, along one axis of `size` pixels.
struct BinRange {
  std::int64_t first = 0, last = 0;
};
inline BinRange max_bin(double from, double to, std::int64_t bin, std::int64_t bins,
                        std::int64_t size) {
  const std::int64_t start = whole(std::round(from));
  const std::int64_t extent = std::max<std::int64_t>(whole(std::round(to)) - start + 1, 1);
  const double step = static_cast<double>(extent) / static_cast<double>(bins);
  const auto edge = [&](double at) { return std::clamp<std::int64_t>(whole(at) + start, 0, size); };
  return {edge(std::floor(static_cast<double>(bin) * step)),
          edge(std::ceil(static_cast<double>(bin + 1) * step))};
}

/// The points of a RoIAlign along one axis: in bin b, point i of `count` lies at
/// start + b * bin + (i + 0.5) * bin / count.
struct AxisPoints {
  double start = 0, bin = 0;
  std::int64_t count = 0;
  std::int64_t size = 0;  ///< pixels of the map

  double at(std::int64_t b, std::int64_t i) const {
    return start + static_cast<double>(b) * bin +
           (static_cast<double>(i) + 0.5) * bin / static_cast<double>(count);
  }
};
AxisPoints axis_points(const RegionSampling& sampling, double from, double to, std::int64_t bins,
                       std::int64_t size);

/// The two pixels that a point lies between and their shares; none where it lies further than a pixel
/// outside.
struct Between {
  std::array<std::int64_t, 2> pixel{};
  std::array<double, 2> share{};
  bool inside = false;
};
Between between(double at, std::int64_t size);

/// Calls body(i, between) for the points of bin b that lie inside, however many lie outside.
template <class Body>
void for_points(const AxisPoints& points, std::int64_t b, Body&& body) {
  std::int64_t first = 0;
  std::int64_t last = points.count;
  const double step = points.bin / static_cast<double>(std::max<std::int64_t>(points.count, 1));
  if (step > 0) {
    const double start = points.at(b, 0);
    first = std::max(first, whole((-1 - start) / step) - 1);
    last = std::min(last, whole((static_cast<double>(points.size) - start) / step) + 2);
  }
  for (std::int64_t i = first; i < last; ++i) {
    const Between place = between(points.at(b, i), points.size);
    if (place.inside) body(i, place);
  }
}

}  // namespace striate
