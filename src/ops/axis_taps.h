#pragma once

#include <cstdint>
#include <vector>

#include "ops/views.h"
#include "striate/device/device.h"

namespace striate {

/// A linear map along one axis in which every output element is a weighted sum of a few input
/// elements: resampling, and paddings that repeat the data.
struct AxisTaps {
  int axis = 0;
  std::int64_t out = 0;
  /// Tap t of output element i sees input element indices[t * out + i] with weights[t * out + i].
  std::vector<std::int64_t> indices;
  /// Empty: all weights are 1, and there is one tap.
  std::vector<double> weights;

  std::int64_t taps() const {
    return weights.empty() ? 1 : static_cast<std::int64_t>(weights.size()) / out;
  }
};

/// Bytes of scratch memory that either pass over maps along several axes takes.
std::size_t taps_scratch(DType dtype, const Shape& input, const std::vector<AxisTaps>& maps);

/// y = the maps, one after another, of x.
void apply_taps(const Device& device, const std::vector<AxisTaps>& maps, const ConstView& x,
                const View& y, std::span<std::byte> memory);
/// dx from dy: the adjoint of apply_taps.
void apply_taps_backward(const Device& device, const std::vector<AxisTaps>& maps,
                         const ConstView& dy, const View& dx, bool accumulate,
                         std::span<std::byte> memory);

}  // namespace striate
