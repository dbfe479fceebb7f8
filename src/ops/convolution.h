#pragma once

#include <cstdint>
#include <span>

#include "ops/spatial.h"

namespace striate {

/// Products of a convolution whose input pixel lies in the input, not in the padding.
std::int64_t products_inside(const ConvGeometry& g);

/// The attributes of a convolution, and what they come to for an input and kernels O,I,R,S (or
/// N,C,W and O,I,S).
struct Convolution {
  SpatialFields spatial;
  std::int64_t group = 1;
  STRIATE_FIELDS(spatial.fields(visit); visit("group", group, "independent sets of channels");)

  /// Checks X, W and, where it is there, B; returns what Y is. Throws ModelError.
  ValueInfo infer(std::span<const ValueInfo> inputs) const;
  Cost cost(std::span<const ValueInfo> inputs, const ValueInfo& y) const;
  Window window(std::span<const ValueInfo> inputs) const;
  ConvGeometry geometry(const Shape& x, const Shape& w) const;

 private:
  Spatial resolved(const Shape& x, const Shape& w) const;
};

}  // namespace striate
