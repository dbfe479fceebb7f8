#include <cmath>
#include <limits>
#include <vector>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// Calls body(tap, y, x) for the taps of output pixel (oy, ox) that lie in the input.
template <class Body>
void for_each_tap(const PoolGeometry& g, std::int64_t oy, std::int64_t ox, Body&& body) {
  for (std::int64_t r = 0; r < g.r; ++r)
    for (std::int64_t s = 0; s < g.s; ++s) {
      const std::int64_t y = oy * g.stride_h + r * g.dilation_h - g.pad_top;
      const std::int64_t x = ox * g.stride_w + s * g.dilation_w - g.pad_left;
      if (y < 0 || y >= g.h || x < 0 || x >= g.w) continue;
      body(r * g.s + s, y, x);
    }
}

// What an average divides by: the taps in the input, or in the padded input. At least 1.
double divisor(const PoolGeometry& g, std::int64_t oy, std::int64_t ox) {
  const std::int64_t top = g.count_include_pad ? g.pad_top : 0;
  const std::int64_t left = g.count_include_pad ? g.pad_left : 0;
  const std::int64_t bottom = g.count_include_pad ? g.pad_bottom : 0;
  const std::int64_t right = g.count_include_pad ? g.pad_right : 0;
  double count = 0;
  for (std::int64_t r = 0; r < g.r; ++r)
    for (std::int64_t s = 0; s < g.s; ++s) {
      const std::int64_t y = oy * g.stride_h + r * g.dilation_h - g.pad_top;
      const std::int64_t x = ox * g.stride_w + s * g.dilation_w - g.pad_left;
      if (y >= -top && y < g.h + bottom && x >= -left && x < g.w + right) ++count;
    }
  return count > 0 ? count : 1;
}

// Calls body(n, c) for every plane of the maps.
template <class Body>
void for_each_plane(const PoolGeometry& g, Body&& body) {
  for (std::int64_t n = 0; n < g.n; ++n)
    for (std::int64_t c = 0; c < g.c; ++c) body(n, c);
}

// Calls body(oy, ox) for every output pixel of a plane.
template <class Body>
void for_each_output(const PoolGeometry& g, Body&& body) {
  for (std::int64_t oy = 0; oy < g.oh; ++oy)
    for (std::int64_t ox = 0; ox < g.ow; ++ox) body(oy, ox);
}

}  // namespace

void ReferenceDevice::max_pool_forward(const PoolGeometry& g, const ConstView& x, const View& y,
                                       const View& indices) const {
  check_pool(g, x, y, indices);
  with_float(x.dtype, "max_pool_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    const auto taps = write<std::int32_t>(indices);
    for_each_plane(g, [&](auto n, auto c) {
      for_each_output(g, [&](auto oy, auto ox) {
        T best = -std::numeric_limits<T>::infinity();
        std::int64_t best_tap = -1;
        for_each_tap(g, oy, ox, [&](auto tap, auto iy, auto ix) {
          const T value = xs(n, c, iy, ix);
          if (best_tap < 0 || value > best || (std::isnan(value) && !std::isnan(best))) {
            best = value;
            best_tap = tap;
          }
        });
        ys(n, c, oy, ox) = best;
        if (taps) taps(n, c, oy, ox) = static_cast<std::int32_t>(best_tap);
      });
    });
  });
}

void ReferenceDevice::max_pool_backward(const PoolGeometry& g, const ConstView& dy,
                                        const ConstView& indices, const View& dx,
                                        bool accumulate) const {
  check_pool(g, dx, dy, indices);
  with_float(dy.dtype, "max_pool_backward", [&]<class T>(T) {
    const auto dys = read<T>(dy);
    const auto taps = read<std::int32_t>(indices);
    const auto dxs = write<T>(dx);
    std::vector<double> sums(static_cast<std::size_t>(g.h * g.w));
    for_each_plane(g, [&](auto n, auto c) {
      sums.assign(sums.size(), 0.0);
      for_each_output(g, [&](auto oy, auto ox) {
        for_each_tap(g, oy, ox, [&](auto tap, auto iy, auto ix) {
          if (taps(n, c, oy, ox) != tap) return;
          sums[static_cast<std::size_t>(iy * g.w + ix)] += static_cast<double>(dys(n, c, oy, ox));
        });
      });
      for (std::int64_t iy = 0; iy < g.h; ++iy)
        for (std::int64_t ix = 0; ix < g.w; ++ix) {
          put(dxs(n, c, iy, ix), sums[static_cast<std::size_t>(iy * g.w + ix)], accumulate);
        }
    });
  });
}

void ReferenceDevice::average_pool_forward(const PoolGeometry& g, const ConstView& x,
                                           const View& y) const {
  check_pool(g, x, y, {});
  with_float(x.dtype, "average_pool_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    for_each_plane(g, [&](auto n, auto c) {
      for_each_output(g, [&](auto oy, auto ox) {
        double sum = 0;
        for_each_tap(g, oy, ox,
                     [&](auto, auto iy, auto ix) { sum += static_cast<double>(xs(n, c, iy, ix)); });
        put(ys(n, c, oy, ox), sum / divisor(g, oy, ox), false);
      });
    });
  });
}

void ReferenceDevice::average_pool_backward(const PoolGeometry& g, const ConstView& dy,
                                            const View& dx, bool accumulate) const {
  check_pool(g, dx, dy, {});
  with_float(dy.dtype, "average_pool_backward", [&]<class T>(T) {
    const auto dys = read<T>(dy);
    const auto dxs = write<T>(dx);
    std::vector<double> sums(static_cast<std::size_t>(g.h * g.w));
    for_each_plane(g, [&](auto n, auto c) {
      sums.assign(sums.size(), 0.0);
      for_each_output(g, [&](auto oy, auto ox) {
        const double share = static_cast<double>(dys(n, c, oy, ox)) / divisor(g, oy, ox);
        for_each_tap(g, oy, ox, [&](auto, auto iy, auto ix) {
          sums[static_cast<std::size_t>(iy * g.w + ix)] += share;
        });
      });
      for (std::int64_t iy = 0; iy < g.h; ++iy)
        for (std::int64_t ix = 0; ix < g.w; ++ix) {
          put(dxs(n, c, iy, ix), sums[static_cast<std::size_t>(iy * g.w + ix)], accumulate);
        }
    });
  });
}

}  // namespace striate
