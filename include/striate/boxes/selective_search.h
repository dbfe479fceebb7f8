#pragma once

#include <cstdint>
#include <vector>

#include "striate/base/threads.h"
#include "striate/boxes/box.h"
#include "striate/codec/image.h"

namespace striate {

struct SelectiveSearch {
  /// Two colour spaces, two ways of comparing and two scales, or five, four and four: slower, and
  /// less is missed.
  enum class Mode : std::uint8_t { fast, quality } mode = Mode::fast;
  std::int64_t most = 2000;  ///< boxes, the most promising first; 0: all
  double least_side = 8;     ///< narrower and lower boxes are left out, in pixels
  std::uint64_t seed = 1;    ///< boxes are ordered by their place in the hierarchy times a draw
};

/// Uijlings et al., "Selective search for object recognition", International journal of computer
/// vision 104, 2013: segments (Felzenszwalb and Huttenlocher) are joined pair by pair, the most
/// alike in colour, texture, size and fill first; every union's box is a region where an object may
/// be, of any aspect ratio. No box comes twice. The result depends on picture and options alone.
/// Departure: textures are histograms of Gaussian derivatives of deviation 1 in eight directions.
std::vector<Box> selective_search(const Image& picture, const SelectiveSearch& options = {},
                                  const Threads* threads = nullptr);

}  // namespace striate
