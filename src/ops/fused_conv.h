#pragma once

#include <span>

#include "ops/convolution.h"

namespace striate {

/// The operator `FusedConv` of the domain striate, for inference: a Conv with the inference batch
/// norms, the residual and the activations around it.
/// Y = leaky(norm(conv(leaky(norm(X)))) + residual).
struct FusedConvolution {
  Convolution conv;
  double in_epsilon = 1e-5, in_slope = 1;
  double epsilon = 1e-5, slope = 1;
  STRIATE_FIELDS(conv.fields(visit); visit("in_epsilon", in_epsilon, "of the norm before");
                 visit("in_slope", in_slope, "of values below zero before");
                 visit("epsilon", epsilon, "of the norm behind");
                 visit("slope", slope, "of values below zero behind");)

  /// The inputs: Conv's three, the residual, and scale, B, mean and variance of either norm, each
  /// four optional together.
  static constexpr std::size_t kResidual = 3, kIn = 4, kOut = 8, kInputs = 12;
};

}  // namespace striate
