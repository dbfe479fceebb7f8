#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "striate/boxes/box.h"

namespace striate {

/// Greedy non-maximum suppression: by falling score (of equal ones the first comes first, NaN comes
/// last), a box is kept unless its IoU with one that was kept is above `overlap`. Gives the indices of
/// those kept in that order. Empty, inverted and infinite boxes overlap nothing. Kept boxes are found
/// through grids, one for each size of boxes, so the time grows with those near each other, not with
/// the square of all. REQUIRES: as many scores as boxes.
std::vector<std::int64_t> suppress(std::span<const Box> boxes, std::span<const double> scores,
                                   double overlap);

/// Each class for itself; what is kept by falling score, at most `most` (below 0: all).
std::vector<Detection> suppress(std::span<const Detection> detections, double overlap,
                                std::int64_t most = -1);

/// Bodla et al., "Soft-NMS: improving object detection with one line of code", 2017: scores of boxes
/// that overlap a better one fall instead of vanishing.
struct SoftSuppression {
  /// Their equation 3, times exp(-IoU^2 / sigma); 0 for their equation 2: times 1 - IoU where the IoU
  /// is above `overlap`.
  double sigma = 0.5;
  double overlap = 0.3;
  double least = 0.001;  ///< what falls below is gone
};

/// Each class for itself; by falling score as it is in the end, at most `most` (below 0: all).
std::vector<Detection> soft_suppress(std::span<const Detection> detections,
                                     const SoftSuppression& how = {}, std::int64_t most = -1);

}  // namespace striate
