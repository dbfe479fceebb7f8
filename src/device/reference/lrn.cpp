#include <algorithm>
#include <cmath>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// s of one place, where at(c) is the index of its channel c.
template <class T, class At>
double sum_at(const LocalNorm& norm, const Elements<const T>& x, std::int64_t channels,
              std::int64_t c, const At& at) {
  double sum = 0;
  const std::int64_t last = std::min(channels - 1, c + norm.after);
  for (std::int64_t i = std::max<std::int64_t>(0, c - norm.before); i <= last; ++i) {
    const auto value = static_cast<double>(x[at(i)]);
    sum += value * value;
  }
  return norm.bias + norm.share * sum;
}

auto channel_of(const Index& index) {
  return [index](std::int64_t c) {
    Index other = index;
    other[1] = c;
    return other;
  };
}

}  // namespace

void ReferenceDevice::lrn_forward(const LocalNorm& norm, const ConstView& x, const View& y) const {
  require_same(y, x, "local norm output");
  with_float(x.dtype, "lrn_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    for_each(x.shape, [&](const Index& i) {
      const double s = sum_at(norm, xs, x.shape[1], i[1], channel_of(i));
      put(write<T>(y)[i], static_cast<double>(xs[i]) * std::pow(s, -norm.beta), false);
    });
  });
}

// dx[c] = dy[c] s[c]^-beta - 2 share beta x[c] (sum over c' with c in its window of
// dy[c'] x[c'] s[c']^(-beta - 1)).
void ReferenceDevice::lrn_backward(const LocalNorm& norm, const ConstView& x, const ConstView& dy,
                                   const View& dx, bool accumulate) const {
  require_same(dy, x, "local norm gradient");
  require_same(dx, x, "local norm gradient");
  with_float(x.dtype, "lrn_backward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto slopes = read<T>(dy);
    const std::int64_t channels = x.shape[1];
    for_each(x.shape, [&](const Index& i) {
      const auto at = channel_of(i);
      double sum = 0;
      const std::int64_t last = std::min(channels - 1, i[1] + norm.before);
      for (std::int64_t c = std::max<std::int64_t>(0, i[1] - norm.after); c <= last; ++c) {
        const double s = sum_at(norm, xs, channels, c, at);
        sum += static_cast<double>(slopes[at(c)]) * static_cast<double>(xs[at(c)]) *
               std::pow(s, -norm.beta - 1);
      }
      const double s = sum_at(norm, xs, channels, i[1], at);
      const double value = static_cast<double>(slopes[i]) * std::pow(s, -norm.beta) -
                           2 * norm.share * norm.beta * static_cast<double>(xs[i]) * sum;
      put(write<T>(dx)[i], value, accumulate);
    });
  });
}

}  // namespace striate
