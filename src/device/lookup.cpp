#include "device/lookup.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "device/check.h"
#include "device/reference/loops.h"

namespace striate {
namespace {

using namespace reference;

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    // A conversion out of range would be undefined.
    if (std::isnan(value)) return 0;
    if (static_cast<double>(value) >= static_cast<double>(std::numeric_limits<To>::max())) {
      return std::numeric_limits<To>::max();
    }
    if (static_cast<double>(value) <= static_cast<double>(std::numeric_limits<To>::min())) {
      return std::numeric_limits<To>::min();
    }
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

bool above(double a, double b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

void check_along(const ConstView& small, const ConstView& large, int axis, const char* what) {
  bool fits = small.shape.rank() == large.shape.rank() && axis >= 0 && axis < large.shape.rank();
  for (int i = 0; fits && i < large.shape.rank(); ++i) {
    fits = i == axis || small.shape[i] == large.shape[i];
  }
  if (!fits) {
    fail<BugError>("device: {}: {} and {} differ in more than axis {}", what, small.shape.str(),
                   large.shape.str(), axis);
  }
}

std::int64_t place_of(std::int64_t index, std::int64_t size) {
  if (index < -size || index >= size) {
    fail<InputError>("index {}: expected one in [{}, {})", index, -size, size);
  }
  return index < 0 ? index + size : index;
}

}  // namespace

void lookup_cast(const ConstView& x, const View& out) {
  require_shape(x, out.shape, "cast");
  with_any(x.dtype, [&]<class From>(From) {
    const auto xs = read<From>(x);
    with_any(out.dtype, [&]<class To>(To) {
      const auto outs = write<To>(out);
      for_each(out.shape, [&](const Index& i) { outs[i] = convert<To>(xs[i]); });
    });
  });
}

void lookup_reduce_max(const ConstView& x, const View& out) {
  check_reduce(x, out);
  invariant(x.shape.elements() > 0 || out.shape.elements() == 0, "reduce_max of nothing");
  with_float(x.dtype, "reduce_max", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto outs = write<T>(out);
    for_each(out.shape, [&](const Index& i) { outs[i] = -std::numeric_limits<T>::infinity(); });
    for_each(x.shape, [&](Index i) {
      const T value = xs[i];
      for (int axis = 0; axis < out.shape.rank(); ++axis) {
        if (out.shape[axis] == 1) i[static_cast<std::size_t>(axis)] = 0;
      }
      if (above(static_cast<double>(value), static_cast<double>(outs[i]))) outs[i] = value;
    });
  });
}

void lookup_top_k(const ConstView& x, int axis, bool largest, bool last, const View& values,
                  const View& indices) {
  const View& any = values ? values : indices;
  check_along(any, x, axis, "top_k");
  invariant(any.shape[axis] <= x.shape[axis], "top_k: k is larger than the axis");
  if (values) require_dtype(values, x.dtype, "top_k values");
  if (indices) require_dtype(indices, DType::i64, "top_k indices");
  if (values && indices) require_shape(values, indices.shape, "top_k values");
  Shape rows = x.shape;
  rows[axis] = 1;
  const auto a = static_cast<std::size_t>(axis);
  with_float(x.dtype, "top_k", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto best = write<T>(values);
    const auto places = write<std::int64_t>(indices);
    std::vector<std::int64_t> order(static_cast<std::size_t>(x.shape[axis]));
    for_each(rows, [&](const Index& row) {
      const auto value = [&](std::int64_t i) {
        Index at = row;
        at[a] = i;
        return static_cast<double>(xs[at]);
      };
      std::iota(order.begin(), order.end(), 0);
      const auto k = static_cast<std::ptrdiff_t>(any.shape[axis]);
      std::partial_sort(order.begin(), order.begin() + k, order.end(),
                        [&](std::int64_t i, std::int64_t j) {
                          const double v = value(i);
                          const double w = value(j);
                          if (above(v, w)) return largest;
                          if (above(w, v)) return !largest;
                          return last ? i > j : i < j;
                        });
      for (std::int64_t i = 0; i < k; ++i) {
        Index at = row;
        at[a] = i;
        const std::int64_t place = order[static_cast<std::size_t>(i)];
        if (best) best[at] = static_cast<T>(value(place));
        if (places) places[at] = place;
      }
    });
  });
}

void check_gather(const ConstView& x, const ConstView& indices, int axis, const ConstView& out) {
  check_along(out, x, axis, "gather");
  require_shape(indices, out.shape, "gather indices");
  require_dtype(indices, DType::i64, "gather indices");
  require_dtype(out, x.dtype, "gather result");
}

std::vector<std::int64_t> lookup_places(const ConstView& indices, int axis, std::int64_t size) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(indices.shape[axis]));
  const std::int64_t step = indices.strides[static_cast<std::size_t>(axis)];
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = place_of(indices.as<std::int64_t>()[static_cast<std::int64_t>(i) * step], size);
  }
  return places;
}

void lookup_gather(const ConstView& x, const ConstView& indices, int axis, const View& out) {
  check_gather(x, indices, axis, out);
  const auto a = static_cast<std::size_t>(axis);
  const auto places = read<std::int64_t>(indices);
  with_any(x.dtype, [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto outs = write<T>(out);
    for_each(out.shape, [&](const Index& i) {
      Index from = i;
      from[a] = place_of(places[i], x.shape[axis]);
      outs[i] = xs[from];
    });
  });
}

void lookup_scatter_add(const ConstView& x, const ConstView& indices, int axis, const View& out) {
  check_gather(out, indices, axis, x);
  const auto a = static_cast<std::size_t>(axis);
  const auto places = read<std::int64_t>(indices);
  with_float(x.dtype, "scatter_add", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto outs = write<T>(out);
    for_each(x.shape, [&](const Index& i) {
      Index to = i;
      to[a] = place_of(places[i], out.shape[axis]);
      outs[to] += xs[i];
    });
  });
}

void lookup_nll_backward(const ConstView& labels, const ConstView& weight,
                         std::int64_t ignore_index, const ConstView& dloss, const View& dx,
                         bool accumulate) {
  check_nll(dx, labels, weight, dloss);
  with_float(dx.dtype, "nll_backward", [&]<class T>(T) {
    const auto classes = read<std::int64_t>(labels);
    const auto weights = read<T>(weight);
    const auto slopes = read<T>(dloss);
    const auto dxs = write<T>(dx);
    for_each(dx.shape, [&](const Index& i) {
      Index place = i;
      for (std::size_t axis = 1; axis + 1 < place.size(); ++axis) place[axis] = i[axis + 1];
      place.back() = 0;
      const std::int64_t label = classes[place];
      const bool here = label == i[1] && label != ignore_index;
      const double factor = weights ? static_cast<double>(weights(i[1])) : 1.0;
      put(dxs[i], here ? -factor * static_cast<double>(slopes[place]) : 0.0, accumulate);
    });
  });
}

void lookup_max_pool_positions(const PoolGeometry& g, const ConstView& indices, bool column_major,
                               const View& positions) {
  require_shape(indices, {g.n, g.c, g.oh, g.ow}, "pooling indices");
  require_dtype(indices, DType::i32, "pooling indices");
  require_shape(positions, indices.shape, "pooling positions");
  require_dtype(positions, DType::i64, "pooling positions");
  const auto taps = read<std::int32_t>(indices);
  const auto out = write<std::int64_t>(positions);
  for_each(indices.shape, [&](const Index& i) {
    const std::int64_t tap = taps[i];
    if (tap < 0) {
      out[i] = -1;
      return;
    }
    const std::int64_t y = i[2] * g.stride_h + tap / g.s * g.dilation_h - g.pad_top;
    const std::int64_t x = i[3] * g.stride_w + tap % g.s * g.dilation_w - g.pad_left;
    const std::int64_t map = (i[0] * g.c + i[1]) * g.h * g.w;
    out[i] = map + (column_major ? x * g.h + y : y * g.w + x);
  });
}

}  // namespace striate
