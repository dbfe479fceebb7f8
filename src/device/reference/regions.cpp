#include <cmath>
#include <limits>

#include "device/check.h"
#include "device/lookup.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"
#include "device/region_points.h"

namespace striate {
namespace {

using namespace reference;

template <class Body>
void for_each_bin(const RegionGeometry& g, Body&& body) {
  for (std::int64_t r = 0; r < g.regions; ++r)
    for (std::int64_t c = 0; c < g.c; ++c)
      for (std::int64_t oy = 0; oy < g.oh; ++oy)
        for (std::int64_t ox = 0; ox < g.ow; ++ox) body(r, c, oy, ox);
}

// Calls body(y, x, share) for the four pixels around every point of a bin that lies inside, with
// their shares of the bin's mean.
template <class Body>
void for_each_share(const RegionGeometry& g, const RegionSampling& sampling, const Regions& regions,
                    std::int64_t r, std::int64_t oy, std::int64_t ox, Body&& body) {
  const auto [x1, y1, x2, y2] = scaled_box(g, regions, r);
  const AxisPoints rows = axis_points(sampling, y1, y2, g.oh, g.h);
  const AxisPoints columns = axis_points(sampling, x1, x2, g.ow, g.w);
  const double count = static_cast<double>(rows.count) * static_cast<double>(columns.count);
  for_points(rows, oy, [&](std::int64_t, const Between& row) {
    for_points(columns, ox, [&](std::int64_t, const Between& column) {
      for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 2; ++j) {
          body(row.pixel[i], column.pixel[j], row.share[i] * column.share[j] / count);
        }
    });
  });
}

}  // namespace

void ReferenceDevice::region_max_forward(const RegionGeometry& g, const ConstView& x,
                                         const Regions& regions, const View& y,
                                         const View& indices) const {
  check_regions(g, regions, x, y, indices);
  with_float(x.dtype, "region_max_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    const auto pixels = write<std::int32_t>(indices);
    for_each_bin(g, [&](auto r, auto c, auto oy, auto ox) {
      const auto [x1, y1, x2, y2] = scaled_box(g, regions, r);
      const BinRange rows = max_bin(y1, y2, oy, g.oh, g.h);
      const BinRange columns = max_bin(x1, x2, ox, g.ow, g.w);
      const std::int64_t n = image_of(g, regions, r);
      T best = 0;
      std::int64_t pixel = -1;
      for (std::int64_t iy = rows.first; iy < rows.last; ++iy)
        for (std::int64_t ix = columns.first; ix < columns.last; ++ix) {
          const T value = xs(n, c, iy, ix);
          if (pixel < 0 || value > best || (std::isnan(value) && !std::isnan(best))) {
            best = value;
            pixel = iy * g.w + ix;
          }
        }
      ys(r, c, oy, ox) = best;
      if (pixels) pixels(r, c, oy, ox) = static_cast<std::int32_t>(pixel);
    });
  });
}

void ReferenceDevice::region_max_backward(const RegionGeometry& g, const Regions& regions,
                                          const ConstView& dy, const ConstView& indices,
                                          const View& dx, bool accumulate) const {
  check_regions(g, regions, dx, dy, indices);
  with_float(dy.dtype, "region_max_backward", [&]<class T>(T) {
    const auto dys = read<T>(dy);
    const auto pixels = read<std::int32_t>(indices);
    const auto dxs = write<T>(dx);
    if (!accumulate) for_each(dx.shape, [&](const Index& i) { dxs[i] = 0; });
    for_each_bin(g, [&](auto r, auto c, auto oy, auto ox) {
      const std::int64_t pixel = pixels(r, c, oy, ox);
      if (pixel < 0) return;
      put(dxs(image_of(g, regions, r), c, pixel / g.w, pixel % g.w),
          static_cast<double>(dys(r, c, oy, ox)), true);
    });
  });
}

void ReferenceDevice::region_align_forward(const RegionGeometry& g, const RegionSampling& sampling,
                                           const ConstView& x, const Regions& regions,
                                           const View& y, const View& indices) const {
  check_regions(g, regions, x, y, indices);
  if (sampling.maximum) return lookup_align_max_forward(g, sampling, x, regions, y, indices);
  with_float(x.dtype, "region_align_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    for_each_bin(g, [&](auto r, auto c, auto oy, auto ox) {
      const std::int64_t n = image_of(g, regions, r);
      double sum = 0;
      for_each_share(g, sampling, regions, r, oy, ox, [&](auto iy, auto ix, double share) {
        sum += share * static_cast<double>(xs(n, c, iy, ix));
      });
      put(ys(r, c, oy, ox), sum, false);
    });
  });
}

void ReferenceDevice::region_align_backward(const RegionGeometry& g, const RegionSampling& sampling,
                                            const Regions& regions, const ConstView& dy,
                                            const ConstView& indices, const View& dx,
                                            bool accumulate) const {
  check_regions(g, regions, dx, dy, indices);
  if (sampling.maximum) {
    return lookup_align_max_backward(g, sampling, regions, dy, indices, dx, accumulate);
  }
  with_float(dy.dtype, "region_align_backward", [&]<class T>(T) {
    const auto dys = read<T>(dy);
    const auto dxs = write<T>(dx);
    if (!accumulate) for_each(dx.shape, [&](const Index& i) { dxs[i] = 0; });
    for_each_bin(g, [&](auto r, auto c, auto oy, auto ox) {
      const std::int64_t n = image_of(g, regions, r);
      for_each_share(g, sampling, regions, r, oy, ox, [&](auto iy, auto ix, double share) {
        put(dxs(n, c, iy, ix), share * static_cast<double>(dys(r, c, oy, ox)), true);
      });
    });
  });
}

}  // namespace striate
