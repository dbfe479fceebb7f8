#pragma once

#include <cstdint>

#include "striate/base/threads.h"

namespace striate {

/// Runs `rounds` rounds of fused multiply-adds of float32 on registers alone, in the widest
/// instruction set, and returns how many floating-point operations they were.
double burn(std::int64_t rounds);

/// What this machine can do, to measure kernels against: GFLOP/s of `burn` on all the threads at
/// once, the median of several tries of some milliseconds each.
double peak_gflops(const Threads& threads);

}  // namespace striate
