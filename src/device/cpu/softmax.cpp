#include <cmath>
#include <limits>

#include "device/check.h"
#include "device/cpu/pixel_rows.h"
#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/softmax.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// The sum over i of term(load, store, i), whose lanes past the end do not count. Lanes add up in
// float over short pieces, pieces in double.
template <class Term>
HWY_INLINE double sum_terms(std::size_t n, Term&& term) {
  constexpr std::size_t kPiece = 1024;
  const hn::ScalableTag<float> d;
  double total = 0;
  for (std::size_t first = 0; first < n; first += kPiece) {
    const std::size_t count = std::min(kPiece, n - first);
    auto sum = hn::Zero(d);
    for_kept_lanes(d, count, [&](auto load, auto store, auto keep, std::size_t i) HWY_ATTR {
      sum = hn::Add(sum, keep(term(load, store, first + i), hn::Zero(d)));
    });
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

void softmax_row(const float* x, float* y, std::size_t n, bool logarithm) {
  const hn::ScalableTag<float> d;
  const auto lowest = hn::Neg(hn::Inf(d));
  auto largest = lowest;
  for_kept_lanes(d, n, [&](auto load, auto, auto keep, std::size_t i) HWY_ATTR {
    largest = hn::Max(largest, keep(load(x + i), lowest));
  });
  const auto top = hn::MaxOfLanes(d, largest);
  // What is exponentiated is at most zero, or NaN, which Exp may lose.
  const auto term = [&](auto value) HWY_ATTR {
    const auto below = hn::Sub(value, top);
    return hn::IfThenElse(hn::IsNaN(below), below, hn::Exp(d, below));
  };
  if (logarithm) {
    const double sum =
        sum_terms(n, [&](auto load, auto, std::size_t i) HWY_ATTR { return term(load(x + i)); });
    const auto shift = hn::Set(d, static_cast<float>(std::log(sum)));
    for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
      store(hn::Sub(hn::Sub(load(x + i), top), shift), y + i);
    });
  } else {
    const double sum = sum_terms(n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
      const auto value = term(load(x + i));
      store(value, y + i);
      return value;
    });
    const auto factor = hn::Set(d, static_cast<float>(1.0 / sum));
    for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
      store(hn::Mul(load(y + i), factor), y + i);
    });
  }
}

void softmax_backward_row(const float* y, const float* dy, float* dx, std::size_t n, bool logarithm,
                          bool accumulate) {
  const hn::ScalableTag<float> d;
  const double sum = sum_terms(n, [&](auto load, auto, std::size_t i) HWY_ATTR {
    return logarithm ? load(dy + i) : hn::Mul(load(y + i), load(dy + i));
  });
  const auto total = hn::Set(d, static_cast<float>(sum));
  for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto value = load(y + i);
    const auto slope = load(dy + i);
    auto result = logarithm ? hn::NegMulAdd(exp_of(d, value), total, slope)
                            : hn::Mul(value, hn::Sub(slope, total));
    if (accumulate) result = hn::Add(result, load(dx + i));
    store(result, dx + i);
  });
}

// dx = slope * exp(log_probability).
void scaled_exp_row(const float* log_probability, float* dx, std::size_t n, float slope,
                    bool accumulate) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, slope);
  for_lanes(d, n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    const auto probability = exp_of(d, load(log_probability + i));
    const auto old = accumulate ? load(dx + i) : hn::Zero(d);
    store(hn::MulAdd(factor, probability, old), dx + i);
  });
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(softmax_row);
HWY_EXPORT(softmax_backward_row);
HWY_EXPORT(scaled_exp_row);

// A float or label operand without axis 1, and the weights of the classes.
struct Losses {
  const std::int64_t* labels;
  RowOffsets label_at;
  std::int64_t classes;
  std::int64_t ignore_index;
  const float* weights;
  std::int64_t weight_stride;

  Losses(const ConstView& label_view, const ConstView& weight, std::int64_t channels,
         std::int64_t ignored)
      : labels(label_view.as<std::int64_t>()),
        label_at(label_view.shape, label_view.strides),
        classes(channels),
        ignore_index(ignored),
        weights(weight ? weight.as<float>() : nullptr),
        weight_stride(weight ? weight.stride(0) : 0) {}

  std::int64_t label(std::int64_t place) const { return labels[label_at(place)]; }
  bool valid(std::int64_t c) const { return c >= 0 && c < classes; }
  float weight(std::int64_t c) const { return weights ? weights[c * weight_stride] : 1.0F; }
};

}  // namespace

void cpu_softmax_forward(const Threads& threads, const ConstView& x, const View& y,
                         bool logarithm) {
  const PixelRows from(x);
  const PixelRows to(y);
  const std::int64_t channels = from.channels();
  if (channels == 0) return;
  const auto kernel = HWY_DYNAMIC_DISPATCH(softmax_row);
  for_ranges(threads, from.rows(), channels * 4, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> x_buffer, y_buffer;
    const RowBlock source = from.open(first, last - first, true, x_buffer);
    const RowBlock target = to.open(first, last - first, false, y_buffer);
    for (std::int64_t row = 0; row < last - first; ++row) {
      kernel(source.data + row * source.stride, target.data + row * target.stride,
             static_cast<std::size_t>(channels), logarithm);
    }
    to.close(first, last - first, target);
  });
}

void cpu_softmax_backward(const Threads& threads, const ConstView& y, const ConstView& dy,
                          const View& dx, bool logarithm, bool accumulate) {
  const PixelRows values(y);
  const PixelRows slopes(dy);
  const PixelRows targets(dx);
  const std::int64_t channels = values.channels();
  if (channels == 0) return;
  const auto kernel = HWY_DYNAMIC_DISPATCH(softmax_backward_row);
  for_ranges(threads, values.rows(), channels * 4, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> y_buffer, dy_buffer, dx_buffer;
    const std::int64_t rows = last - first;
    const RowBlock value = values.open(first, rows, true, y_buffer);
    const RowBlock slope = slopes.open(first, rows, true, dy_buffer);
    const RowBlock target = targets.open(first, rows, accumulate, dx_buffer);
    for (std::int64_t row = 0; row < rows; ++row) {
      kernel(value.data + row * value.stride, slope.data + row * slope.stride,
             target.data + row * target.stride, static_cast<std::size_t>(channels), logarithm,
             accumulate);
    }
    targets.close(first, rows, target);
  });
}

double cpu_nll_forward(const Threads& threads, const ConstView& log_probability,
                       const ConstView& labels, const ConstView& weight, std::int64_t ignore_index,
                       const View& loss) {
  const RowOffsets rows = places_of(log_probability.shape, log_probability.strides);
  const Losses losses(labels, weight, log_probability.shape[1], ignore_index);
  for (std::int64_t place = 0; place < rows.count(); ++place) {
    const std::int64_t label = losses.label(place);
    if (label != ignore_index && !losses.valid(label)) fail_label(label, place, losses.classes);
  }
  const RowOffsets loss_at(loss.shape, loss.strides);
  const float* logs = log_probability.as<float>();
  float* out = loss.as<float>();
  constexpr std::int64_t kRows = 4096;
  std::vector<double> totals(static_cast<std::size_t>(ceil_div(rows.count(), kRows)));
  threads.run(static_cast<std::int64_t>(totals.size()), [&](std::int64_t item) {
    double total = 0;
    const std::int64_t last = std::min(rows.count(), (item + 1) * kRows);
    for (std::int64_t place = item * kRows; place < last; ++place) {
      const std::int64_t label = losses.label(place);
      float& target = out[loss_at(place)];
      if (label == ignore_index) {
        target = 0;
        continue;
      }
      const float factor = losses.weight(label);
      target = -factor * logs[rows(place) + label * log_probability.stride(1)];
      total += static_cast<double>(factor);
    }
    totals[static_cast<std::size_t>(item)] = total;
  });
  double total = 0;
  for (const double part : totals) total += part;
  return total;
}

void cpu_softmax_nll_backward(const Threads& threads, const ConstView& log_probability,
                              const ConstView& labels, const ConstView& weight,
                              std::int64_t ignore_index, const ConstView& dloss, const View& dx,
                              bool accumulate) {
  const PixelRows values(log_probability);
  const PixelRows targets(dx);
  const std::int64_t channels = values.channels();
  if (channels == 0) return;
  const Losses losses(labels, weight, channels, ignore_index);
  const RowOffsets dloss_at(dloss.shape, dloss.strides);
  const float* slopes = dloss.as<float>();
  const auto kernel = HWY_DYNAMIC_DISPATCH(scaled_exp_row);
  for_ranges(threads, values.rows(), channels * 4, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> value_buffer, dx_buffer;
    const std::int64_t rows = last - first;
    const RowBlock value = values.open(first, rows, true, value_buffer);
    const RowBlock target = targets.open(first, rows, accumulate, dx_buffer);
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* from = value.data + row * value.stride;
      float* to = target.data + row * target.stride;
      const std::int64_t label = losses.label(first + row);
      if (label == ignore_index || !losses.valid(label)) {
        if (!accumulate) std::fill_n(to, channels, 0.0F);
        continue;
      }
      const float slope = losses.weight(label) * slopes[dloss_at(first + row)];
      // p - 1 where p is near 1 comes from expm1, which loses nothing.
      const float old = accumulate ? to[label] : 0.0F;
      const float at_label = old + slope * std::expm1(from[label]);
      kernel(from, to, static_cast<std::size_t>(channels), slope, accumulate);
      to[label] = at_label;
    }
    targets.close(first, rows, target);
  });
}

}  // namespace striate
#endif  // HWY_ONCE
