#pragma once

#include "striate/base/threads.h"
#include "striate/device/device.h"

// The cpu device's recurrent sequences, as Device describes them, for float32 operands that have
// already been checked.

namespace striate {

std::size_t cpu_recurrent_scratch(const Threads& threads, const RecurrentGeometry& g,
                                  Device::RecurrentPass pass);
void cpu_recurrent_forward(const Threads& threads, const RecurrentGeometry& g,
                           const RecurrentInputs& in, const RecurrentOutputs& out,
                           std::span<std::byte> scratch, std::span<const std::byte> prepared);
std::size_t cpu_recurrent_prepared(const RecurrentGeometry& g);
void cpu_recurrent_prepare(const Threads& threads, const RecurrentGeometry& g,
                           const RecurrentWeights& weights, std::span<std::byte> prepared);

namespace cpu {
std::size_t recurrent_backward_scratch(const Threads& threads, const RecurrentGeometry& g);
}  // namespace cpu
void cpu_recurrent_backward(const Threads& threads, const RecurrentGeometry& g,
                            const RecurrentInputs& in, const RecurrentGradients& gradients,
                            std::span<std::byte> scratch);

}  // namespace striate
