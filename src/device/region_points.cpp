#include "device/region_points.h"

#include <limits>

#include "device/lookup.h"

namespace striate {

using namespace reference;

AxisPoints axis_points(const RegionSampling& sampling, double from, double to, std::int64_t bins,
                       std::int64_t size) {
  const double shift = sampling.half_pixel ? 0.5 : 0.0;
  double extent = to - from;
  if (!sampling.half_pixel) extent = std::max(extent, 1.0);
  AxisPoints points;
  points.start = from - shift;
  points.bin = extent / static_cast<double>(bins);
  points.count =
      sampling.ratio > 0 ? sampling.ratio : std::max<std::int64_t>(0, whole(std::ceil(points.bin)));
  points.size = size;
  return points;
}

Between between(double at, std::int64_t size) {
  if (size < 1 || !(at >= -1.0 && at <= static_cast<double>(size))) return {};
  at = std::max(at, 0.0);
  const auto low = static_cast<std::int64_t>(at);
  if (low >= size - 1) return {{size - 1, size - 1}, {1, 0}, true};
  const double rest = at - static_cast<double>(low);
  return {{low, low + 1}, {1 - rest, rest}, true};
}

namespace {

// Calls body(r, image, rows, columns) for every region.
template <class Body>
void for_each_region(const RegionGeometry& g, const RegionSampling& sampling,
                     const Regions& regions, Body&& body) {
  for (std::int64_t r = 0; r < g.regions; ++r) {
    const auto [x1, y1, x2, y2] = scaled_box(g, regions, r);
    body(r, image_of(g, regions, r), axis_points(sampling, y1, y2, g.oh, g.h),
         axis_points(sampling, x1, x2, g.ow, g.w));
  }
}

template <class Body>
void for_each_bin(const RegionGeometry& g, Body&& body) {
  for (std::int64_t c = 0; c < g.c; ++c)
    for (std::int64_t oy = 0; oy < g.oh; ++oy)
      for (std::int64_t ox = 0; ox < g.ow; ++ox) body(c, oy, ox);
}

}  // namespace

void lookup_align_max_forward(const RegionGeometry& g, const RegionSampling& sampling,
                              const ConstView& x, const Regions& regions, const View& y,
                              const View& indices) {
  with_float(x.dtype, "region_align_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    const auto chosen = write<std::int32_t>(indices);
    for_each_region(g, sampling, regions, [&](auto r, auto n, const auto& rows, const auto& cols) {
      for_each_bin(g, [&](auto c, auto oy, auto ox) {
        double best = -std::numeric_limits<double>::infinity();
        std::int64_t place = -1;
        std::int64_t seen = 0;
        for_points(rows, oy, [&](std::int64_t i, const Between& row) {
          for_points(cols, ox, [&](std::int64_t j, const Between& column) {
            ++seen;
            for (std::size_t k = 0; k < 4; ++k) {
              const double value =
                  row.share[k / 2] * column.share[k % 2] *
                  static_cast<double>(xs(n, c, row.pixel[k / 2], column.pixel[k % 2]));
              if (value > best || (std::isnan(value) && !std::isnan(best))) {
                best = value;
                place = 4 * (i * cols.count + j) + static_cast<std::int64_t>(k);
              }
            }
          });
        });
        // Points outside count as zero.
        if (seen == 0 || (seen < rows.count * cols.count && best < 0)) {
          best = 0;
          place = -1;
        }
        ys(r, c, oy, ox) = static_cast<T>(best);
        if (chosen) chosen(r, c, oy, ox) = static_cast<std::int32_t>(place);
      });
    });
  });
}

void lookup_align_max_backward(const RegionGeometry& g, const RegionSampling& sampling,
                               const Regions& regions, const ConstView& dy,
                               const ConstView& indices, const View& dx, bool accumulate) {
  invariant(static_cast<bool>(indices), "region_align_backward: the indices are absent");
  with_float(dy.dtype, "region_align_backward", [&]<class T>(T) {
    const auto dys = read<T>(dy);
    const auto chosen = read<std::int32_t>(indices);
    const auto dxs = write<T>(dx);
    if (!accumulate) for_each(dx.shape, [&](const Index& i) { dxs[i] = 0; });
    for_each_region(g, sampling, regions, [&](auto r, auto n, const auto& rows, const auto& cols) {
      for_each_bin(g, [&](auto c, auto oy, auto ox) {
        const std::int64_t place = chosen(r, c, oy, ox);
        if (place < 0) return;
        const Between row = between(rows.at(oy, place / 4 / cols.count), g.h);
        const Between column = between(cols.at(ox, place / 4 % cols.count), g.w);
        const auto i = static_cast<std::size_t>(place % 4) / 2;
        const auto j = static_cast<std::size_t>(place % 2);
        put(dxs(n, c, row.pixel[i], column.pixel[j]),
            row.share[i] * column.share[j] * static_cast<double>(dys(r, c, oy, ox)), true);
      });
    });
  });
}

}  // namespace striate
