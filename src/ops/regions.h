#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "striate/base/fields.h"
#include "striate/boxes/coding.h"
#include "striate/ops/operator.h"

// What the operators on regions share.

namespace striate {

/// Sizes that a file may ask for: beyond, bins would only repeat pixels.
inline constexpr std::int64_t kMostBins = 1024;
inline constexpr std::int64_t kMostPoints = 256;

/// Input 0, a floating-point map N,C,H,W. Throws ModelError.
const ValueInfo& region_map(std::span<const ValueInfo> inputs);

RegionGeometry region_geometry(const Shape& map, std::int64_t regions, std::int64_t oh,
                               std::int64_t ow, double scale);

/// [R, 5], rows of image, x1, y1, x2, y2.
Regions regions_of(const ConstView& rois);

/// An element of a floating-point view that the host may read.
template <class... Ints>
double number_at(const ConstView& view, Ints... index) {
  std::int64_t at = 0;
  int axis = 0;
  ((at += static_cast<std::int64_t>(index) * view.stride(axis++)), ...);
  return view.dtype == DType::f32 ? static_cast<double>(view.as<float>()[at])
                                  : view.as<double>()[at];
}
template <class... Ints>
void put_number(const View& view, double value, Ints... index) {
  std::int64_t at = 0;
  int axis = 0;
  ((at += static_cast<std::int64_t>(index) * view.stride(axis++)), ...);
  if (view.dtype == DType::f32) {
    view.as<float>()[at] = static_cast<float>(value);
  } else {
    view.as<double>()[at] = value;
  }
}

/// Row r of rois [R, 5], on the host.
Box box_of(const ConstView& rois, std::int64_t r);
void put_region(const View& rois, std::int64_t r, std::int64_t image, const Box& box);

/// What objects N,G,5 hold of one picture: rows of x1, y1, x2, y2, class, on the host. Rows of a class
/// below 0 or without an area are none.
struct LabelledBox {
  Box box;
  std::int64_t label = 0;
};
std::vector<LabelledBox> objects_of(const ConstView& objects, std::int64_t n);

/// The label of what a loss does not look at.
inline constexpr std::int64_t kNotAsked = -1;

inline std::array<double, 4> numbers_of(const BoxDelta& delta) {
  return {delta.dx, delta.dy, delta.dw, delta.dh};
}

/// Keeps `count` of them, drawn; all, in their order, where there are no more.
template <class T>
void choose(std::vector<T>& all, std::size_t count, Random& random) {
  if (all.size() <= count) return;
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(all[i], all[i + random.below(static_cast<std::uint32_t>(all.size() - i))]);
  }
  all.resize(count);
}

/// Boxes at every pixel of maps.
struct AnchorFields {
  std::vector<double> anchors;
  std::vector<std::int64_t> strides;
  STRIATE_FIELDS(visit("anchors", anchors,
                       "x1, y1, x2, y2 of the boxes at each map's first pixel, as many a map");
                 visit("strides", strides,
                       "pixels of the picture between those of each map: down, across");)

  /// Throws ModelError.
  void check(std::size_t maps) const;
  std::int64_t per_pixel() const {
    return static_cast<std::int64_t>(anchors.size() / (2 * strides.size()));
  }
  Box box(std::size_t map, std::int64_t a, std::int64_t y, std::int64_t x) const;
};

/// A region may lie anywhere.
Window anywhere();

}  // namespace striate
