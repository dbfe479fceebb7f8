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

namespace {

// A batch norm in double.
template <class T>
class Norm {
 public:
  explicit Norm(const Device::BatchNorm& norm)
      : means_(read<T>(norm.mean)),
        variances_(read<T>(norm.variance)),
        scales_(read<T>(norm.scale)),
        biases_(read<T>(norm.bias)),
        epsilon_(norm.epsilon),
        slope_(norm.slope) {}

  double inverse(std::int64_t c) const {
    return 1.0 / std::sqrt(static_cast<double>(variances_(c)) + epsilon_);
  }
  double scale(std::int64_t c) const { return static_cast<double>(scales_(c)); }
  double normalized(double x, std::int64_t c) const {
    return (x - static_cast<double>(means_(c))) * inverse(c);
  }
  // Before the slope.
  double straight(double x, std::int64_t c) const {
    return normalized(x, c) * scale(c) + (biases_ ? static_cast<double>(biases_(c)) : 0.0);
  }
  double apply(double x, std::int64_t c) const {
    const double y = straight(x, c);
    return y < 0 ? slope_ * y : y;
  }
  // The gradient that comes through the slope.
  double through(double dy, double x, std::int64_t c) const {
    return slope_ == 1 || straight(x, c) > 0 ? dy : slope_ * dy;
  }

 private:
  Elements<const T> means_, variances_, scales_, biases_;
  double epsilon_, slope_;
};

}  // namespace

void ReferenceDevice::batch_norm_apply(const ConstView& x, const BatchNorm& norm,
                                       const View& y) const {
  require_same(y, x, "batch norm output");
  check_batch_norm(x, norm);
  with_float(x.dtype, "batch_norm_apply", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    const Norm<T> of(norm);
    std::int64_t elements = 0;
    for_each(x.shape, [&](const Index& i) {
      put(ys[i], of.apply(static_cast<double>(xs[i]), i[1]), false);
      ++elements;
    });
    count_->norm += elements;
  });
}

void ReferenceDevice::batch_norm_backward(const ConstView& x, const ConstView& dy,
                                          const BatchNorm& norm,
                                          const BatchNormGradients& out) const {
  require_same(dy, x, "batch norm gradient");
  if (out.dx) require_same(out.dx, x, "batch norm gradient");
  check_batch_norm(x, norm);
  with_float(x.dtype, "batch_norm_backward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto dys = read<T>(dy);
    const Norm<T> of(norm);
    const auto channels = static_cast<std::size_t>(x.shape[1]);
    const double count = static_cast<double>(x.shape.elements()) / static_cast<double>(channels);
    const auto value = [&](const Index& i) { return static_cast<double>(xs[i]); };
    const auto gradient = [&](const Index& i) {
      return of.through(static_cast<double>(dys[i]), value(i), i[1]);
    };
    std::vector<double> dbias(channels);
    std::vector<double> dscale(channels);
    for_each(x.shape, [&](const Index& i) {
      const auto c = static_cast<std::size_t>(i[1]);
      dbias[c] += gradient(i);
      dscale[c] += gradient(i) * of.normalized(value(i), i[1]);
    });
    if (out.dx) {
      const auto dxs = write<T>(out.dx);
      for_each(x.shape, [&](const Index& i) {
        const auto c = static_cast<std::size_t>(i[1]);
        const double centered =
            gradient(i) - (dbias[c] + of.normalized(value(i), i[1]) * dscale[c]) / count;
        put(dxs[i], of.scale(i[1]) * of.inverse(i[1]) * centered, out.accumulate_dx);
      });
    }
    for (std::size_t c = 0; c < channels; ++c) {
      if (out.dscale) put(write<T>(out.dscale)(c), dscale[c], out.accumulate_dscale);
      if (out.dbias) put(write<T>(out.dbias)(c), dbias[c], out.accumulate_dbias);
    }
  });
}

}  // namespace striate
