#include <algorithm>
#include <cmath>
#include <limits>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// Calls body(at) for every place of x without its axis 1; at(c) is the index with channel c.
template <class Body>
void for_each_place(const Shape& shape, Body&& body) {
  Shape places = shape;
  places[1] = 1;
  for_each(places, [&](const Index& place) {
    body([&](std::int64_t c) {
      Index index = place;
      index[1] = c;
      return index;
    });
  });
}

// The index of a place in a view that has no axis 1.
Index drop_axis_1(Index index) {
  for (std::size_t axis = 1; axis + 1 < index.size(); ++axis) index[axis] = index[axis + 1];
  index.back() = 0;
  return index;
}

}  // namespace

void ReferenceDevice::softmax_forward(const ConstView& x, const View& y, bool logarithm) const {
  invariant(x.shape.rank() >= 2, "softmax: the operand has no channel axis");
  require_same(y, x, "softmax");
  const std::int64_t channels = x.shape[1];
  with_float(x.dtype, "softmax_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ys = write<T>(y);
    for_each_place(x.shape, [&](auto at) {
      double largest = -std::numeric_limits<double>::infinity();
      for (std::int64_t c = 0; c < channels; ++c) {
        largest = std::max(largest, static_cast<double>(xs[at(c)]));
      }
      double sum = 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        sum += std::exp(static_cast<double>(xs[at(c)]) - largest);
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        const double shifted = static_cast<double>(xs[at(c)]) - largest;
        put(ys[at(c)], logarithm ? shifted - std::log(sum) : std::exp(shifted) / sum, false);
      }
    });
  });
}

void ReferenceDevice::softmax_backward(const ConstView& y, const ConstView& dy, const View& dx,
                                       bool logarithm, bool accumulate) const {
  invariant(y.shape.rank() >= 2, "softmax: the operand has no channel axis");
  require_same(dy, y, "softmax gradient");
  require_same(dx, y, "softmax gradient");
  const std::int64_t channels = y.shape[1];
  with_float(y.dtype, "softmax_backward", [&]<class T>(T) {
    const auto ys = read<T>(y);
    const auto dys = read<T>(dy);
    const auto dxs = write<T>(dx);
    for_each_place(y.shape, [&](auto at) {
      double sum = 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        const double weight = logarithm ? 1.0 : static_cast<double>(ys[at(c)]);
        sum += static_cast<double>(dys[at(c)]) * weight;
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        const double value = static_cast<double>(ys[at(c)]);
        const double slope = static_cast<double>(dys[at(c)]);
        put(dxs[at(c)], logarithm ? slope - std::exp(value) * sum : value * (slope - sum),
            accumulate);
      }
    });
  });
}

double ReferenceDevice::nll_forward(const ConstView& log_probability, const ConstView& labels,
                                    const ConstView& weight, std::int64_t ignore_index,
                                    const View& loss) const {
  check_nll(log_probability, labels, weight, loss);
  const std::int64_t channels = log_probability.shape[1];
  double total = 0;
  with_float(log_probability.dtype, "nll_forward", [&]<class T>(T) {
    const auto logs = read<T>(log_probability);
    const auto classes = read<std::int64_t>(labels);
    const auto weights = read<T>(weight);
    const auto losses = write<T>(loss);
    std::int64_t position = 0;
    for_each(labels.shape, [&](const Index& i) {
      const std::int64_t label = classes[i];
      if (label != ignore_index && (label < 0 || label >= channels)) {
        fail_label(label, position, channels);
      }
      ++position;
    });
    for_each_place(log_probability.shape, [&](auto at) {
      const Index place = drop_axis_1(at(0));
      const std::int64_t label = classes[place];
      if (label == ignore_index) {
        losses[place] = 0;
        return;
      }
      const double factor = weights ? static_cast<double>(weights(label)) : 1.0;
      put(losses[place], -factor * static_cast<double>(logs[at(label)]), false);
      total += factor;
    });
  });
  return total;
}

void ReferenceDevice::softmax_nll_backward(const ConstView& log_probability,
                                           const ConstView& labels, const ConstView& weight,
                                           std::int64_t ignore_index, const ConstView& dloss,
                                           const View& dx, bool accumulate) const {
  check_nll(log_probability, labels, weight, dloss);
  require_same(dx, log_probability, "nll gradient");
  const std::int64_t channels = log_probability.shape[1];
  with_float(log_probability.dtype, "softmax_nll_backward", [&]<class T>(T) {
    const auto logs = read<T>(log_probability);
    const auto classes = read<std::int64_t>(labels);
    const auto weights = read<T>(weight);
    const auto dlosses = read<T>(dloss);
    const auto dxs = write<T>(dx);
    for_each_place(log_probability.shape, [&](auto at) {
      const Index place = drop_axis_1(at(0));
      const std::int64_t label = classes[place];
      // A label out of range has been refused by nll_forward; here it counts as ignored.
      const bool counted = label != ignore_index && label >= 0 && label < channels;
      const double factor = !counted ? 0.0 : weights ? static_cast<double>(weights(label)) : 1.0;
      const double slope = factor * static_cast<double>(dlosses[place]);
      for (std::int64_t c = 0; c < channels; ++c) {
        const double target = c == label ? 1.0 : 0.0;
        const double difference = std::exp(static_cast<double>(logs[at(c)])) - target;
        put(dxs[at(c)], counted ? slope * difference : 0.0, accumulate);
      }
    });
  });
}

}  // namespace striate
