#include <algorithm>
#include <cmath>
#include <vector>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {

using namespace reference;

void ReferenceDevice::batch_norm_statistics(const ConstView& x, const View& mean,
                                            const View& variance) const {
  check_channels(x, mean, "batch norm mean");
  check_channels(x, variance, "batch norm variance");
  with_float(x.dtype, "batch_norm_statistics", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto channels = static_cast<std::size_t>(x.shape[1]);
    std::vector<double> sums(channels);
    std::vector<double> squares(channels);
    std::vector<double> counts(channels);
    for_each(x.shape, [&](const Index& i) {
      sums[static_cast<std::size_t>(i[1])] += static_cast<double>(xs[i]);
      ++counts[static_cast<std::size_t>(i[1])];
    });
    // The statistics of an empty batch are zero.
    for (std::size_t c = 0; c < channels; ++c) sums[c] /= std::max(counts[c], 1.0);
    for_each(x.shape, [&](const Index& i) {
      const auto c = static_cast<std::size_t>(i[1]);
      const double centered = static_cast<double>(xs[i]) - sums[c];
      squares[c] += centered * centered;
    });
    for (std::size_t c = 0; c < channels; ++c) {
      put(write<T>(mean)(c), sums[c], false);
      put(write<T>(variance)(c), squares[c] / std::max(counts[c], 1.0), false);
    }
  });
}

void ReferenceDevice::batch_norm_apply(const ConstView& x, const ConstView& mean,
                                       const ConstView& variance, const ConstView& scale,
                                       const ConstView& bias, double epsilon, const View& y) const {
  require_same(y, x, "batch norm output");
  for (const ConstView& v : {mean, variance, scale, bias}) check_channels(x, v, "batch norm");
  with_float(x.dtype, "batch_norm_apply", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    const auto means = read<T>(mean);
    const auto variances = read<T>(variance);
    const auto scales = read<T>(scale);
    const auto biases = read<T>(bias);
    for_each(x.shape, [&](const Index& i) {
      const std::int64_t c = i[1];
      const double centered = static_cast<double>(xs[i]) - static_cast<double>(means(c));
      const double deviation = std::sqrt(static_cast<double>(variances(c)) + epsilon);
      put(ys[i],
          centered / deviation * static_cast<double>(scales(c)) + static_cast<double>(biases(c)),
          false);
    });
  });
}

void ReferenceDevice::batch_norm_backward(const ConstView& x, const ConstView& dy,
                                          const ConstView& mean, const ConstView& variance,
                                          const ConstView& scale, double epsilon,
                                          const BatchNormGradients& out) const {
  require_same(dy, x, "batch norm gradient");
  if (out.dx) require_same(out.dx, x, "batch norm gradient");
  for (const ConstView& v : {mean, variance, scale}) check_channels(x, v, "batch norm");
  with_float(x.dtype, "batch_norm_backward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto dys = read<T>(dy);
    const auto means = read<T>(mean);
    const auto variances = read<T>(variance);
    const auto scales = read<T>(scale);
    const auto channels = static_cast<std::size_t>(x.shape[1]);
    const double count = static_cast<double>(x.shape.elements()) / static_cast<double>(channels);

    const auto inverse = [&](std::int64_t c) {
      return 1.0 / std::sqrt(static_cast<double>(variances(c)) + epsilon);
    };
    const auto normalized = [&](const Index& i) {
      return (static_cast<double>(xs[i]) - static_cast<double>(means(i[1]))) * inverse(i[1]);
    };
    std::vector<double> dbias(channels);
    std::vector<double> dscale(channels);
    for_each(x.shape, [&](const Index& i) {
      const auto c = static_cast<std::size_t>(i[1]);
      dbias[c] += static_cast<double>(dys[i]);
      dscale[c] += static_cast<double>(dys[i]) * normalized(i);
    });
    if (out.dx) {
      const auto dxs = write<T>(out.dx);
      for_each(x.shape, [&](const Index& i) {
        const auto c = static_cast<std::size_t>(i[1]);
        const double centered =
            static_cast<double>(dys[i]) - (dbias[c] + normalized(i) * dscale[c]) / count;
        put(dxs[i], static_cast<double>(scales(c)) * inverse(i[1]) * centered, out.accumulate_dx);
      });
    }
    for (std::size_t c = 0; c < channels; ++c) {
      if (out.dscale) put(write<T>(out.dscale)(c), dscale[c], out.accumulate_dscale);
      if (out.dbias) put(write<T>(out.dbias)(c), dbias[c], out.accumulate_dbias);
    }
  });
}

}  // namespace striate
