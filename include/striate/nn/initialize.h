#pragma once

#include <cstdint>

#include "striate/graph/graph.h"

namespace striate {

/// Turns the shape of a weight (O,I,R,S or out,in) into how its first values are drawn.
using InitialRule = Initial (*)(const Shape& weight);

/// Normal, variance 2 / fan_in (He et al., arXiv:1502.01852, equation 10).
Initial he_normal(const Shape& weight);
/// Uniform, variance 2 / (fan_in + fan_out) (Glorot and Bengio, AISTATS 2010, equation 16).
Initial glorot_uniform(const Shape& weight);
/// Uniform in +-2.4 / fan_in (LeCun et al., "Gradient-based learning applied to document
/// recognition", 1998, appendix A).
Initial lecun_uniform(const Shape& weight);

/// Uniform in +-1 / sqrt(fan_in), variance 1 / (3 fan_in): PyTorch's default for both kinds of layer.
Initial fan_in_uniform(const Shape& weight);

/// Bilinear interpolation as a transposed convolution: kernel k = 2f - f mod 2 for the factor f, map i
/// to map i alone (Long, Shelhamer, Darrell, arXiv:1411.4038, section 3.3).
constexpr Initial bilinear_initial() { return {.kind = Initial::Kind::bilinear}; }

constexpr Initial constant_initial(double value) {
  return {.kind = Initial::Kind::constant, .a = value};
}

/// First values of every parameter, in tensors of their own. Each is a function of seed, parameter name and position alone.
Weights initialize(const Graph& graph, std::uint64_t seed);

}  // namespace striate
