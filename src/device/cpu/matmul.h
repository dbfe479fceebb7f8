#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "striate/base/threads.h"
#include "striate/tensor/tensor.h"

// The matrix product of the cpu device, as Device describes it, for float32 operands that have
// already been checked.

namespace striate {

std::size_t cpu_matmul_scratch(const Threads& threads, std::int64_t m, std::int64_t n,
                               std::int64_t k);

void cpu_matmul(const Threads& threads, const ConstView& a, const ConstView& b,
                const ConstView& bias, const View& c, double alpha, bool accumulate,
                std::span<std::byte> scratch);

}  // namespace striate
