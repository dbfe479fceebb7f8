#pragma once

#include <cstddef>
#include <span>

#include "striate/base/threads.h"
#include "striate/device/device.h"

// The convolutions of the cpu device, as Device describes them, for float32 operands that have
// already been checked.

namespace striate {

/// How a pass is computed. `fastest` is chosen by geometry and instruction set alone; `winograd` is
/// the plain product where the geometry is none of its: other kernels than 3 by 3, other strides
/// than 1.
enum class ConvMethod : std::uint8_t { fastest, plain, winograd };

/// What `method` comes to: plain or winograd.
ConvMethod cpu_conv_method(const ConvGeometry& g, ConvPass pass, ConvMethod method);

bool cpu_conv_maps_input(const ConvGeometry& g, ConvMethod method);

std::size_t cpu_conv_scratch(const Threads& threads, const ConvGeometry& g, ConvPass pass,
                             ConvMethod method = ConvMethod::fastest);

void cpu_conv_forward(const Threads& threads, const ConvGeometry& g, const ConstView& x,
                      const ConstView& w, const ConvFusion& fusion, const View& y,
                      std::span<std::byte> scratch, ConvMethod method = ConvMethod::fastest,
                      std::span<const std::byte> prepared = {});

/// The forward weights as the product or Winograd's algorithm reads them: packed, or transformed.
std::size_t cpu_conv_prepared(const ConvGeometry& g, ConvMethod method = ConvMethod::fastest);
void cpu_conv_prepare(const Threads& threads, const ConvGeometry& g, const ConstView& w,
                      std::span<std::byte> prepared, ConvMethod method = ConvMethod::fastest);
void cpu_conv_backward_data(const Threads& threads, const ConvGeometry& g, const ConstView& dy,
                            const ConstView& w, const View& dx, bool accumulate,
                            std::span<std::byte> scratch, ConvMethod method = ConvMethod::fastest);
void cpu_conv_backward_weights(const Threads& threads, const ConvGeometry& g, const ConstView& x,
                               const ConstView& dy, const View& dw, bool accumulate,
                               std::span<std::byte> scratch,
                               ConvMethod method = ConvMethod::fastest);

}  // namespace striate
