#include <cmath>
#include <vector>

#include "device/cpu/pixel_rows.h"
#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

#ifndef STRIATE_DEVICE_CPU_NORM
#define STRIATE_DEVICE_CPU_NORM
namespace striate {

// One norm's vectors, each with one number a channel.
struct NormVectors {
  const float* mean;
  const float* slope;
  const float* bias;
  float leak;  // multiplies what is below zero
};

}  // namespace striate
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/norm.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// sums[c] += sum of x - shift, squares[c] += sum of (x - shift)^2 over the rows. In double: with a
// shift taken from the data, nothing is lost however far the mean is from zero.
void moments(const RowBlock& x, std::int64_t rows, std::int64_t channels, const float* shift,
             double* sums, double* squares) {
  const hn::ScalableTag<double> d;
  using V = hn::Vec<decltype(d)>;
  for_strips(d, static_cast<std::size_t>(channels),
             [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
               constexpr int kVectors = decltype(vectors)::value;
               const std::size_t lanes = hn::Lanes(d);
               V center[kVectors], sum[kVectors], square[kVectors];
               for (int k = 0; k < kVectors; ++k) {
                 const std::size_t at = c + static_cast<std::size_t>(k) * lanes;
                 center[k] = hn::PromoteTo(d, load(shift + at));
                 sum[k] = load(sums + at);
                 square[k] = load(squares + at);
               }
               for (std::int64_t row = 0; row < rows; ++row) {
                 const float* source = x.data + row * x.stride + c;
                 for (int k = 0; k < kVectors; ++k) {
                   const V value =
                       hn::PromoteTo(d, load(source + static_cast<std::size_t>(k) * lanes));
                   const V centered = hn::Sub(value, center[k]);
                   sum[k] = hn::Add(sum[k], centered);
                   square[k] = hn::MulAdd(centered, centered, square[k]);
                 }
               }
               for (int k = 0; k < kVectors; ++k) {
                 const std::size_t at = c + static_cast<std::size_t>(k) * lanes;
                 store(sum[k], sums + at);
                 store(square[k], squares + at);
               }
             });
}

// y = (x - mean) * slope + bias, and what `leak` makes of a value below zero.
template <class V>
HWY_INLINE V straight(V x, V mean, V slope, V bias) {
  return hn::MulAdd(hn::Sub(x, mean), slope, bias);
}

// sums[c] += sum of dy, products[c] += sum of dy * (x - mean) over the rows, dy as it comes through
// the leak.
template <bool kLeaks>
HWY_INLINE void add_gradient_moments(const RowBlock& x, const RowBlock& dy, std::int64_t rows,
                                     std::int64_t channels, const NormVectors& norm, double* sums,
                                     double* products) {
  const float* mean = norm.mean;
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> f;
  const auto leak = hn::Set(f, norm.leak);
  using V = hn::Vec<decltype(d)>;
  for_strips(d, static_cast<std::size_t>(channels),
             [&](auto vectors, auto load, auto store, std::size_t c) HWY_ATTR {
               constexpr int kVectors = decltype(vectors)::value;
               const std::size_t lanes = hn::Lanes(d);
               V center[kVectors], sum[kVectors], product[kVectors];
               for (int k = 0; k < kVectors; ++k) {
                 const std::size_t at = c + static_cast<std::size_t>(k) * lanes;
                 center[k] = hn::PromoteTo(d, load(mean + at));
                 sum[k] = load(sums + at);
                 product[k] = load(products + at);
               }
               for (std::int64_t row = 0; row < rows; ++row) {
                 const float* values = x.data + row * x.stride + c;
                 const float* slopes = dy.data + row * dy.stride + c;
                 for (int k = 0; k < kVectors; ++k) {
                   const std::size_t at = static_cast<std::size_t>(k) * lanes;
                   auto gradient = load(slopes + at);
                   if constexpr (kLeaks) {
                     const auto y = straight(load(values + at), load(mean + c + at),
                                             load(norm.slope + c + at), load(norm.bias + c + at));
                     gradient =
                         hn::IfThenElse(hn::Gt(y, hn::Zero(f)), gradient, hn::Mul(leak, gradient));
                   }
                   const V slope = hn::PromoteTo(d, gradient);
                   const V centered = hn::Sub(hn::PromoteTo(d, load(values + at)), center[k]);
                   sum[k] = hn::Add(sum[k], slope);
                   product[k] = hn::MulAdd(slope, centered, product[k]);
                 }
               }
               for (int k = 0; k < kVectors; ++k) {
                 const std::size_t at = c + static_cast<std::size_t>(k) * lanes;
                 store(sum[k], sums + at);
                 store(product[k], products + at);
               }
             });
}

void gradient_moments(const RowBlock& x, const RowBlock& dy, std::int64_t rows,
                      std::int64_t channels, const NormVectors& norm, double* sums,
                      double* products) {
  if (norm.leak == 1) {
    add_gradient_moments<false>(x, dy, rows, channels, norm, sums, products);
  } else {
    add_gradient_moments<true>(x, dy, rows, channels, norm, sums, products);
  }
}

// y = leak((x - mean) * slope + bias).
void normalize(const RowBlock& x, const RowBlock& y, std::int64_t rows, std::int64_t channels,
               const NormVectors& norm) {
  const hn::ScalableTag<float> d;
  const auto leak = hn::Set(d, norm.leak);
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* from = x.data + row * x.stride;
    float* to = y.data + row * y.stride;
    for_lanes(
        d, static_cast<std::size_t>(channels), [&](auto load, auto store, std::size_t c) HWY_ATTR {
          const auto value = straight(load(from + c), load(norm.mean + c), load(norm.slope + c),
                                      load(norm.bias + c));
          store(hn::IfThenElse(hn::Lt(value, hn::Zero(d)), hn::Mul(leak, value), value), to + c);
        });
  }
}

// dx = (dy - offset - (x - mean) * tilt) * slope, dy as it comes through the leak.
void normalize_backward(const RowBlock& x, const RowBlock& dy, const RowBlock& dx,
                        std::int64_t rows, std::int64_t channels, const NormVectors& norm,
                        const float* tilt, const float* offset, bool accumulate) {
  const hn::ScalableTag<float> d;
  const auto leak = hn::Set(d, norm.leak);
  const bool leaks = norm.leak != 1;
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* values = x.data + row * x.stride;
    const float* slopes = dy.data + row * dy.stride;
    float* to = dx.data + row * dx.stride;
    for_lanes(
        d, static_cast<std::size_t>(channels), [&](auto load, auto store, std::size_t c) HWY_ATTR {
          const auto centered = hn::Sub(load(values + c), load(norm.mean + c));
          auto gradient = load(slopes + c);
          if (leaks) {
            const auto y = hn::MulAdd(centered, load(norm.slope + c), load(norm.bias + c));
            gradient = hn::IfThenElse(hn::Gt(y, hn::Zero(d)), gradient, hn::Mul(leak, gradient));
          }
          const auto rest =
              hn::NegMulAdd(centered, load(tilt + c), hn::Sub(gradient, load(offset + c)));
          const auto old = accumulate ? load(to + c) : hn::Zero(d);
          store(hn::MulAdd(rest, load(norm.slope + c), old), to + c);
        });
  }
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(moments);
HWY_EXPORT(gradient_moments);
HWY_EXPORT(normalize);
HWY_EXPORT(normalize_backward);

constexpr std::int64_t kMaxBlocks = 64;

// The elements of a [C] operand, one behind another.
std::vector<float> channel_values(const ConstView& view) {
  std::vector<float> values(static_cast<std::size_t>(view.shape[0]));
  const float* source = view.as<float>();
  for (std::size_t c = 0; c < values.size(); ++c) {
    values[c] = source[static_cast<std::int64_t>(c) * view.stride(0)];
  }
  return values;
}

// A norm's operands, with scale / sqrt(variance + epsilon) as the slope.
class ChannelValues {
 public:
  explicit ChannelValues(const Device::BatchNorm& norm)
      : mean_(channel_values(norm.mean)),
        variance_(channel_values(norm.variance)),
        slope_(channel_values(norm.scale)),
        epsilon_(norm.epsilon),
        leak_(static_cast<float>(norm.slope)) {
    if (norm.bias) bias_ = channel_values(norm.bias);
    for (std::size_t c = 0; c < slope_.size(); ++c) {
      slope_[c] = static_cast<float>(static_cast<double>(slope_[c]) * inverse(c));
    }
  }

  double inverse(std::size_t c) const {
    return 1.0 / std::sqrt(static_cast<double>(variance_[c]) + epsilon_);
  }
  NormVectors vectors() const { return {mean_.data(), slope_.data(), bias_.data(), leak_}; }

 private:
  std::vector<float> mean_, variance_, slope_, bias_;
  double epsilon_;
  float leak_;
};

void put_channel(const View& view, std::size_t c, double value, bool accumulate) {
  float& target = view.as<float>()[static_cast<std::int64_t>(c) * view.stride(0)];
  target = static_cast<float>(accumulate ? static_cast<double>(target) + value : value);
}

// Two sums for each channel over all rows: block(first, count, a, b) adds those of some rows. The
// blocks depend on the shape alone, and their sums are added in their order.
struct Sums {
  std::vector<double> a, b;
};
template <class Block>
Sums sum_rows(const Threads& threads, std::int64_t rows, std::int64_t channels, Block&& block) {
  const std::int64_t each =
      std::max({std::int64_t{16}, ceil_div(2 * kItemElements, std::max<std::int64_t>(channels, 1)),
                ceil_div(rows, kMaxBlocks)});
  const std::int64_t blocks = ceil_div(rows, each);
  const auto width = static_cast<std::size_t>(channels);
  std::vector<double> partial(static_cast<std::size_t>(blocks) * 2 * width);
  threads.run(blocks, [&](std::int64_t item) {
    double* sums = partial.data() + static_cast<std::size_t>(item) * 2 * width;
    const std::int64_t first = item * each;
    block(first, std::min(each, rows - first), sums, sums + width);
  });
  Sums total{std::vector<double>(width), std::vector<double>(width)};
  for (std::size_t item = 0; item < static_cast<std::size_t>(blocks); ++item) {
    const double* sums = partial.data() + item * 2 * width;
    for (std::size_t c = 0; c < width; ++c) {
      total.a[c] += sums[c];
      total.b[c] += sums[width + c];
    }
  }
  return total;
}

}  // namespace

void cpu_batch_norm_statistics(const Threads& threads, const ConstView& x, const View& mean,
                               const View& variance) {
  const PixelRows pixels(x);
  const std::int64_t channels = pixels.channels();
  const double count = static_cast<double>(std::max<std::int64_t>(1, pixels.rows()));
  // The first pixel shifts each channel near to its mean.
  std::vector<float> shift(static_cast<std::size_t>(channels));
  if (pixels.rows() > 0) {
    const float* first = x.as<float>();
    for (std::size_t c = 0; c < shift.size(); ++c) {
      shift[c] = first[static_cast<std::int64_t>(c) * x.stride(1)];
    }
  }
  const auto kernel = HWY_DYNAMIC_DISPATCH(moments);
  const Sums sums = sum_rows(threads, pixels.rows(), channels,
                             [&](std::int64_t first, std::int64_t rows, double* a, double* b) {
                               std::vector<float> buffer;
                               const RowBlock block = pixels.open(first, rows, true, buffer);
                               kernel(block, rows, channels, shift.data(), a, b);
                             });
  for (std::size_t c = 0; c < shift.size(); ++c) {
    const double shifted = sums.a[c] / count;
    const double square = sums.b[c] / count - shifted * shifted;
    put_channel(mean, c, static_cast<double>(shift[c]) + shifted, false);
    put_channel(variance, c, square < 0 ? 0 : square, false);
  }
}

void cpu_batch_norm_apply(const Threads& threads, const ConstView& x, const Device::BatchNorm& norm,
                          const View& y) {
  const PixelRows from(x);
  const PixelRows to(y);
  const std::int64_t channels = from.channels();
  const ChannelValues values(norm);
  const auto kernel = HWY_DYNAMIC_DISPATCH(normalize);
  for_ranges(threads, from.rows(), channels, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> x_buffer, y_buffer;
    const std::int64_t rows = last - first;
    const RowBlock source = from.open(first, rows, true, x_buffer);
    const RowBlock target = to.open(first, rows, false, y_buffer);
    kernel(source, target, rows, channels, values.vectors());
    to.close(first, rows, target);
  });
}

void cpu_batch_norm_backward(const Threads& threads, const ConstView& x, const ConstView& dy,
                             const Device::BatchNorm& norm, const Device::BatchNormGradients& out) {
  const PixelRows values(x);
  const PixelRows slopes(dy);
  const std::int64_t channels = values.channels();
  const double count = static_cast<double>(std::max<std::int64_t>(1, values.rows()));
  const ChannelValues of(norm);

  const auto sum_kernel = HWY_DYNAMIC_DISPATCH(gradient_moments);
  const Sums sums = sum_rows(threads, values.rows(), channels,
                             [&](std::int64_t first, std::int64_t rows, double* a, double* b) {
                               std::vector<float> x_buffer, dy_buffer;
                               sum_kernel(values.open(first, rows, true, x_buffer),
                                          slopes.open(first, rows, true, dy_buffer), rows, channels,
                                          of.vectors(), a, b);
                             });

  // With q = 1 / sqrt(variance + epsilon): dscale = q * sum of dy (x - mean), and
  // dx = scale q (dy - dbias / count - (x - mean) q dscale / count).
  const auto width = static_cast<std::size_t>(channels);
  std::vector<float> tilt(width), offset(width);
  for (std::size_t c = 0; c < width; ++c) {
    const double q = of.inverse(c);
    const double dscale = q * sums.b[c];
    tilt[c] = static_cast<float>(q * dscale / count);
    offset[c] = static_cast<float>(sums.a[c] / count);
    if (out.dscale) put_channel(out.dscale, c, dscale, out.accumulate_dscale);
    if (out.dbias) put_channel(out.dbias, c, sums.a[c], out.accumulate_dbias);
  }
  if (!out.dx) return;
  const PixelRows targets(out.dx);
  const auto kernel = HWY_DYNAMIC_DISPATCH(normalize_backward);
  for_ranges(threads, values.rows(), channels, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> x_buffer, dy_buffer, dx_buffer;
    const std::int64_t rows = last - first;
    const RowBlock target = targets.open(first, rows, out.accumulate_dx, dx_buffer);
    kernel(values.open(first, rows, true, x_buffer), slopes.open(first, rows, true, dy_buffer),
           target, rows, channels, of.vectors(), tilt.data(), offset.data(), out.accumulate_dx);
    targets.close(first, rows, target);
  });
}

}  // namespace striate
#endif  // HWY_ONCE
