#pragma once

#include <cstdint>

namespace striate::bench {

/// Runs `rounds` rounds of fused multiply-adds on registers alone, in the widest instruction set,
/// and returns how many floating-point operations they were.
double burn(std::int64_t rounds);

}  // namespace striate::bench
