#pragma once

#include <cstddef>
#include <span>

#include "striate/base/threads.h"
#include "striate/device/device.h"

// The convolutions of the cpu device, as Device describes them, for float32 operands that have
// already been checked.

namespace striate {

std::size_t cpu_conv_scratch(const Threads& threads, const ConvGeometry& g, ConvPass pass);

void cpu_conv_forward(const Threads& threads, const ConvGeometry& g, const ConstView& x,
                      const ConstView& w, const ConstView& bias, const View& y,
                      std::span<std::byte> scratch);
void cpu_conv_backward_data(const Threads& threads, const ConvGeometry& g, const ConstView& dy,
                            const ConstView& w, const View& dx, bool accumulate,
                            std::span<std::byte> scratch);
void cpu_conv_backward_weights(const Threads& threads, const ConvGeometry& g, const ConstView& x,
                               const ConstView& dy, const View& dw, bool accumulate,
                               std::span<std::byte> scratch);

}  // namespace striate
