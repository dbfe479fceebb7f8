#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "striate/base/threads.h"
#include "striate/data/dataset.h"

namespace striate {

/// What the masks of a dataset hold, over all pixels.
struct MaskCensus {
  std::vector<std::int64_t> pixels;    ///< of each class
  std::vector<std::int64_t> together;  ///< labelled pixels of the masks that have the class
  std::int64_t void_pixels = 0;
  std::vector<std::int64_t> all_void;  ///< examples whose masks have no class anywhere
};

/// Reads every mask. REQUIRES: the dataset is masked. Throws what its `get` throws, for the first
/// example at fault.
MaskCensus count_masks(const Dataset& dataset, const Threads& threads);

/// Weights that make rare classes count as much as frequent ones: the median of the classes'
/// frequencies over each one's own, a frequency being the class's share of the pixels of masks that
/// have it (Eigen and Fergus, arXiv:1411.4734, section 6.3.2). A class that no mask has gets 1.
std::vector<double> median_frequency_weights(const MaskCensus& census);

}  // namespace striate
