#include <cmath>
#include <vector>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {

using namespace reference;

void ReferenceDevice::reduce_sum(const ConstView& x, const View& out, double scale,
                                 bool accumulate) const {
  check_reduce(x, out);
  with_float(x.dtype, "reduce_sum", [&]<class T>(T) {
    std::vector<double> sums(static_cast<std::size_t>(out.shape.elements()));
    const Elements<double> dense{sums.data(), dense_strides(out.shape)};
    const auto xs = read<T>(x);
    const auto place = [&](Index i) {
      for (int axis = 0; axis < out.shape.rank(); ++axis) {
        if (out.shape[axis] == 1) i[static_cast<std::size_t>(axis)] = 0;
      }
      return i;
    };
    for_each(x.shape, [&](const Index& i) { dense[place(i)] += static_cast<double>(xs[i]); });
    const auto outs = write<T>(out);
    for_each(out.shape, [&](const Index& i) { put(outs[i], scale * dense[i], accumulate); });
  });
}

void ReferenceDevice::copy(const ConstView& x, const View& out, bool accumulate) const {
  check_copy(x, out, accumulate);
  with_any(out.dtype, [&]<class To>(To) {
    const auto outs = write<To>(out);
    const auto copy_from = [&]<class From>(From) {
      const auto xs = read<From>(x);
      for_each(out.shape, [&](const Index& i) {
        const To value = static_cast<To>(xs[i]);
        outs[i] = accumulate ? static_cast<To>(outs[i] + value) : value;
      });
    };
    if constexpr (std::is_floating_point_v<To>) {
      with_float(x.dtype, "copy", copy_from);
    } else {
      copy_from(To{});
    }
  });
}

void ReferenceDevice::fill(const View& out, double value) const {
  with_any(out.dtype, [&]<class T>(T) {
    const auto outs = write<T>(out);
    for_each(out.shape, [&](const Index& i) { outs[i] = static_cast<T>(value); });
  });
}

double ReferenceDevice::sum_of_squares(const ConstView& x) const {
  double sum = 0;
  with_float(x.dtype, "sum_of_squares", [&]<class T>(T) {
    const auto xs = read<T>(x);
    for_each(x.shape, [&](const Index& i) {
      sum += static_cast<double>(xs[i]) * static_cast<double>(xs[i]);
    });
  });
  return sum;
}

void ReferenceDevice::dropout(const ConstView& x, const View& out, const View& mask, double ratio,
                              const RandomKey& key, bool accumulate) const {
  check_dropout(x, out, mask);
  with_float(x.dtype, "dropout", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto outs = write<T>(out);
    const auto masks = write<bool>(mask);
    std::uint64_t element = 0;
    for_each(x.shape, [&](const Index& i) {
      const std::uint32_t word = random_words(key, element / 4)[element % 4];
      ++element;
      const bool kept = static_cast<double>(word) >= ratio * 0x1p32;
      put(outs[i], kept ? static_cast<double>(xs[i]) / (1.0 - ratio) : 0.0, accumulate);
      if (masks) masks[i] = kept;
    });
  });
}

}  // namespace striate
