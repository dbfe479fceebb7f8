#pragma once

#include <cstdint>
#include <vector>

#include "striate/base/fields.h"
#include "striate/codec/image.h"

namespace striate {

/// How a picture becomes a network's input. It travels with the weights: a value is
/// ((byte / 255) - mean[c]) / deviation[c].
struct Preprocessing {
  std::int64_t channels = 3;  ///< 1 (grey) or 3 (RGB)
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<double> mean;       ///< one a channel
  std::vector<double> deviation;  ///< one a channel, positive

  STRIATE_FIELDS(visit("channels", channels, "1 for grey, 3 for red, green and blue");
                 visit("height", height, "rows of the network's input");
                 visit("width", width, "columns of the network's input");
                 visit("mean", mean, "subtracted from each channel, of values 0 to 1");
                 visit("deviation", deviation, "divides each channel after that");)
};

/// Throws InputError where the numbers cannot be used: they come from files and flags.
void check(const Preprocessing& preprocessing);

/// The picture with the channels and the size that the network takes: grey and RGB converted into
/// each other, resized (bilinear) where the size differs.
Image fit(Image picture, const Preprocessing& preprocessing);

/// Writes the network's input for one picture to `chw`: channels * height * width values, channel
/// by channel, each exactly the formula above in float64 rounded once. `preprocessing` must pass
/// check.
void preprocess(const Image& picture, const Preprocessing& preprocessing, float* chw);

}  // namespace striate
