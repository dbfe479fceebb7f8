#pragma once

#include <span>
#include <vector>

#include "ops/spatial.h"

namespace striate {

/// What MaxPool and AveragePool share: attributes and the shape rule.
struct PoolFields {
  SpatialFields window;
  bool ceil_mode = false;
  STRIATE_FIELDS(window.fields(visit);
                 visit("ceil_mode", ceil_mode, "whether the last window may reach past the end");)

  Spatial spatial(const Shape& input) const;
  PoolGeometry geometry(const Shape& input) const { return pool_geometry(input, spatial(input)); }
  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const;
};

}  // namespace striate
