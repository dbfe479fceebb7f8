#pragma once

#include <cstdint>

#include "striate/tensor/tensor.h"

namespace striate {

/// Regions of maps, each brought to oh by ow values a channel.
struct RegionGeometry {
  std::int64_t n = 1, c = 1, h = 1, w = 1;  ///< the maps
  std::int64_t regions = 0;
  std::int64_t oh = 1, ow = 1;
  double scale = 1;  ///< pixels of the map for one of the boxes
};

/// Which regions: boxes [regions, 4] as x1, y1, x2, y2, and the map that each lies in, images
/// [regions], int64 or whole floating numbers. Any strides.
struct Regions {
  ConstView boxes, images;
};

/// How RoIAlign samples (He et al., "Mask R-CNN", arXiv:1703.06870, section 3; ONNX's RoiAlign).
/// Each of the oh by ow bins of a box is sampled at a grid of points, bilinearly. A point further
/// than a pixel outside the map counts as zero.
struct RegionSampling {
  std::int64_t ratio = 0;   ///< points along each side of a bin; 0: as many as it has pixels
  bool half_pixel = false;  ///< pixel centres lie at .5, and boxes may be smaller than a pixel
  bool maximum = false;     ///< the largest of the points' four weighted pixels, not the mean
};

}  // namespace striate
