#include <vector>

#include "device/cpu/pixel_rows.h"
#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

// Local response normalization: channels of a pixel lie side by side, so that a window's sum is as
// many loads, each one channel further on, from a row with zeros at both ends.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/lrn.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/power-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// The sum of `count` loads from p on.
template <class Load>
HWY_INLINE auto sum_of_window(const Load& load, const float* p, std::int64_t count) {
  auto sum = load(p);
  for (std::int64_t i = 1; i < count; ++i) sum = hn::Add(sum, load(p + i));
  return sum;
}

// Rows of the table of functions take three operands, whichever they use.
template <class D, class V>
HWY_INLINE V power_of(D d, V base, float exponent) {
  const V in[3] = {base, hn::Zero(d), hn::Zero(d)};
  return row::power::of(d, in, &exponent);
}

HWY_INLINE void put_squares(const float* x, std::size_t n, float* to) {
  for_lanes(hn::ScalableTag<float>(), n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto value = load(x + i);
    store(hn::Mul(value, value), to + i);
  });
}

// `padded` holds zeros before and behind the n numbers that are written here.
void lrn_forward_row(const LocalNorm& norm, const float* x, float* y, std::size_t n,
                     float* padded) {
  const hn::ScalableTag<float> d;
  const auto share = hn::Set(d, static_cast<float>(norm.share));
  const auto bias = hn::Set(d, static_cast<float>(norm.bias));
  const auto exponent = static_cast<float>(-norm.beta);
  put_squares(x, n, padded + norm.before);
  for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto s = hn::MulAdd(share, sum_of_window(load, padded + i, norm.window()), bias);
    store(hn::Mul(load(x + i), power_of(d, s, exponent)), y + i);
  });
}

// dx = dy s^-beta - 2 share beta x (sum of dy x s^(-beta - 1) over the windows that see x).
void lrn_backward_row(const LocalNorm& norm, const float* x, const float* dy, float* dx,
                      std::size_t n, bool accumulate, float* padded, float* terms) {
  const hn::ScalableTag<float> d;
  const auto share = hn::Set(d, static_cast<float>(norm.share));
  const auto bias = hn::Set(d, static_cast<float>(norm.bias));
  const auto exponent = static_cast<float>(-norm.beta);
  const auto factor = hn::Set(d, static_cast<float>(2 * norm.share * norm.beta));
  put_squares(x, n, padded + norm.before);
  // A window that sees channel c belongs to one of c - after to c + before.
  float* first = terms + norm.after;
  for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto s = hn::MulAdd(share, sum_of_window(load, padded + i, norm.window()), bias);
    const auto slope = hn::Mul(load(dy + i), power_of(d, s, exponent));
    store(hn::Div(hn::Mul(slope, load(x + i)), s), first + i);
    auto result = slope;
    if (accumulate) result = hn::Add(result, load(dx + i));
    store(result, dx + i);
  });
  for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto sum = sum_of_window(load, terms + i, norm.window());
    store(hn::NegMulAdd(hn::Mul(factor, load(x + i)), sum, load(dx + i)), dx + i);
  });
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(lrn_forward_row);
HWY_EXPORT(lrn_backward_row);

// The same norm with no more of a window than there are channels: a file may ask for any size.
LocalNorm within(LocalNorm norm, std::int64_t channels) {
  norm.before = std::min(norm.before, channels - 1);
  norm.after = std::min(norm.after, channels - 1);
  return norm;
}

// n numbers with zeros before and behind, as far as a window reaches.
std::vector<float> padded_row(const LocalNorm& norm, std::int64_t n) {
  return std::vector<float>(static_cast<std::size_t>(n + norm.window()));
}

}  // namespace

void cpu_lrn_forward(const Threads& threads, const LocalNorm& asked, const ConstView& x,
                     const View& y) {
  const PixelRows from(x);
  const PixelRows to(y);
  const std::int64_t channels = from.channels();
  if (channels == 0) return;
  const LocalNorm norm = within(asked, channels);
  const auto kernel = HWY_DYNAMIC_DISPATCH(lrn_forward_row);
  for_ranges(threads, from.rows(), channels * 4, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> x_buffer, y_buffer;
    std::vector<float> padded = padded_row(norm, channels);
    const RowBlock source = from.open(first, last - first, true, x_buffer);
    const RowBlock target = to.open(first, last - first, false, y_buffer);
    for (std::int64_t row = 0; row < last - first; ++row) {
      kernel(norm, source.data + row * source.stride, target.data + row * target.stride,
             static_cast<std::size_t>(channels), padded.data());
    }
    to.close(first, last - first, target);
  });
}

void cpu_lrn_backward(const Threads& threads, const LocalNorm& asked, const ConstView& x,
                      const ConstView& dy, const View& dx, bool accumulate) {
  const PixelRows values(x);
  const PixelRows slopes(dy);
  const PixelRows targets(dx);
  const std::int64_t channels = values.channels();
  if (channels == 0) return;
  const LocalNorm norm = within(asked, channels);
  const auto kernel = HWY_DYNAMIC_DISPATCH(lrn_backward_row);
  for_ranges(threads, values.rows(), channels * 4, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> x_buffer, dy_buffer, dx_buffer;
    std::vector<float> padded = padded_row(norm, channels);
    std::vector<float> terms = padded_row(norm, channels);
    const std::int64_t rows = last - first;
    const RowBlock value = values.open(first, rows, true, x_buffer);
    const RowBlock slope = slopes.open(first, rows, true, dy_buffer);
    const RowBlock target = targets.open(first, rows, accumulate, dx_buffer);
    for (std::int64_t row = 0; row < rows; ++row) {
      kernel(norm, value.data + row * value.stride, slope.data + row * slope.stride,
             target.data + row * target.stride, static_cast<std::size_t>(channels), accumulate,
             padded.data(), terms.data());
    }
    targets.close(first, rows, target);
  });
}

}  // namespace striate
#endif  // HWY_ONCE
