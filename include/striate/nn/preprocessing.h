#pragma once

#include <cstdint>
#include <string>
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
  /// The shorter side that a picture is brought to before its centre is cut out; 0: the whole
  /// picture is squeezed to the size.
  std::int64_t resize = 0;
  /// In which order the network takes colours, and has its mean and deviation: rgb, or bgr.
  std::string order = "rgb";

  STRIATE_FIELDS(visit("channels", channels, "1 for grey, 3 for red, green and blue");
                 visit("height", height, "rows of the network's input");
                 visit("width", width, "columns of the network's input");
                 visit("mean", mean, "subtracted from each channel, of values 0 to 1");
                 visit("deviation", deviation, "divides each channel after that");
                 visit("resize", resize, "shorter side before the centre is cut out; 0: squeezed");
                 visit("order", order, "rgb, or bgr: the order of the network's colours");)
};

/// Throws InputError where the numbers cannot be used: they come from files and flags.
void check(const Preprocessing& preprocessing);

/// The picture with the channels and the size that the network takes: grey and RGB converted into
/// each other, resized (bilinear) where the size differs; with `resize`, its centre.
Image fit(Image picture, const Preprocessing& preprocessing);

/// The mask of such a picture, brought to the same place and size; no numbers are mixed.
Image fit_mask(Image mask, const Preprocessing& preprocessing);

/// Views of one picture whose scores are averaged: 1 (what `fit` gives) or 10, the four corners and
/// the centre and their mirror images (Krizhevsky et al., NIPS 2012, section 4.1).
std::vector<Image> crops(Image picture, const Preprocessing& preprocessing, int count);
/// Throws InputError for another count, or where ten views would all be the same.
void check_crops(const Preprocessing& preprocessing, int count);

/// Writes the network's input for one picture to `chw`: channels * height * width values, channel
/// by channel, each exactly the formula above in float64 rounded once. `preprocessing` must pass
/// check.
void preprocess(Image picture, const Preprocessing& preprocessing, float* chw);
/// The same for a picture that has the network's size and channels already: fitted, cut out or
/// augmented.
void normalize(const Image& picture, const Preprocessing& preprocessing, float* chw);

}  // namespace striate
