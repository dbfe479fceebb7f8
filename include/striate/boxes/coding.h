#pragma once

#include <array>

#include "striate/boxes/box.h"

namespace striate {

/// A box as seen from another one (an anchor, a region): how far its centre lies from the other's, in
/// the other's widths and heights, and the logarithms of how many times wider and higher it is.
struct BoxDelta {
  double dx = 0, dy = 0, dw = 0, dh = 0;

  friend bool operator==(const BoxDelta&, const BoxDelta&) = default;
};

/// What each of the four is multiplied by before it is learned, so that they vary alike.
using BoxWeights = std::array<double, 4>;
inline constexpr BoxWeights kNoWeights{1, 1, 1, 1};

/// Girshick et al., "Rich feature hierarchies for accurate object detection and semantic
/// segmentation", 2014, appendix C, equations 6 to 9. REQUIRES: both have an area.
BoxDelta encode(const Box& box, const Box& anchor, const BoxWeights& weights = kNoWeights);

/// The inverse, equations 1 to 4; dw and dh above log(1000 / 16) are taken for that (as torchvision
/// does), so that no box is infinite.
Box decode(const BoxDelta& delta, const Box& anchor, const BoxWeights& weights = kNoWeights);

/// The part inside a picture; empty where there is none.
Box clip(const Box& box, double width, double height);

}  // namespace striate
