#pragma once

#include "formats/darknet_sections.h"
#include "striate/formats/darknet.h"
#include "striate/nn/builder.h"

namespace striate {

/// [detection], [region] or [yolo] behind answers of this shape; `output` is left open. Throws
/// InputError where they are not as many as the section says.
DarknetHead read_darknet_head(DarknetSection& section, const Shape& answers);

/// [reorg] as darknet computes it, which is no rearrangement of squares of pixels: the numbers of a map
/// C,H,W are read as if they were a map C / s^2, H * s, W * s.
Value reorganized(Builder& builder, const Value& x, DarknetSection& section);

}  // namespace striate
