#pragma once

#include <cstdint>
#include <vector>

#include "striate/codec/image.h"

namespace striate {

/// Channels of a picture as numbers of 0 to 255, pixel by pixel.
struct Planes {
  int width = 0, height = 0, channels = 0;
  std::vector<float> values;

  std::size_t pixels() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};

enum class ColourSpace : std::uint8_t { hsv, lab, rgi, hue, intensity };

/// REQUIRES: three channels.
Planes in_colour_space(const Image& picture, ColourSpace space);

/// Gaussian of this deviation, edges repeated.
Planes smoothed(const Planes& planes, double sigma);

/// Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", 2004, over eight
/// neighbours. The sorted edges serve any scale. Departure: they are sorted by weights in steps of
/// 1/64, equal ones in the order of their pixels.
class GraphSegmentation {
 public:
  /// REQUIRES: both sides are at least 1, fewer than 2^29 pixels.
  explicit GraphSegmentation(const Planes& smooth);

  struct Segments {
    std::vector<std::int32_t> labels;  ///< of each pixel, from 0, in the order of first pixels
    std::int32_t count = 0;
  };
  /// Segments join while their difference is at most what lies within each plus scale / size; those
  /// below `least` pixels join their nearest neighbour.
  Segments segment(double scale, std::int64_t least) const;

 private:
  int width_, height_;
  std::vector<std::uint32_t> edges_;  // pixel * 4 + direction, by rising weight
  std::vector<float> weights_;        // in that order
};

}  // namespace striate
