#include "striate/nn/preprocessing.h"

#include <array>
#include <cmath>
#include <utility>

#include "striate/base/error.h"

namespace striate {
namespace {

bool fits(const Image& picture, const Preprocessing& p) {
  return picture.channels == p.channels && picture.height == p.height && picture.width == p.width;
}

}  // namespace

void check(const Preprocessing& p) {
  if (p.channels != 1 && p.channels != 3) {
    fail<InputError>("preprocessing: channels: expected 1 or 3, got {}", p.channels);
  }
  if (p.height < 1 || p.width < 1 || p.height > kMaxPixels / p.width) {
    fail<InputError>("preprocessing: size: expected 1 to {} pixels, got {}x{}", kMaxPixels,
                     p.height, p.width);
  }
  const auto wanted = static_cast<std::size_t>(p.channels);
  for (const auto& [name, values] : {std::pair("mean", &p.mean), {"deviation", &p.deviation}}) {
    if (values->size() != wanted) {
      fail<InputError>("preprocessing: {}: expected {} values, one a channel, got {}", name, wanted,
                       values->size());
    }
  }
  for (std::size_t c = 0; c < wanted; ++c) {
    if (!std::isfinite(p.mean[c])) {
      fail<InputError>("preprocessing: mean: expected a finite number, got {}", p.mean[c]);
    }
    if (!std::isfinite(p.deviation[c]) || p.deviation[c] <= 0) {
      fail<InputError>("preprocessing: deviation: expected a positive number, got {}",
                       p.deviation[c]);
    }
  }
}

Image fit(Image picture, const Preprocessing& p) {
  // Fewer channels are resized faster.
  if (p.channels == 1) picture = to_grey(std::move(picture));
  if (picture.width != p.width || picture.height != p.height) {
    picture = resize_bilinear(picture, static_cast<int>(p.width), static_cast<int>(p.height));
  }
  return p.channels == 3 ? to_rgb(std::move(picture)) : picture;
}

void preprocess(const Image& picture, const Preprocessing& p, float* chw) {
  if (!fits(picture, p)) {
    preprocess(fit(picture, p), p, chw);
    return;
  }
  const std::size_t pixels =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height);
  const auto channels = static_cast<std::size_t>(picture.channels);
  for (std::size_t c = 0; c < channels; ++c) {
    // A byte has 256 values: each is computed once.
    std::array<float, 256> value_of;
    for (std::size_t byte = 0; byte < value_of.size(); ++byte) {
      const double value = static_cast<double>(byte) / 255.0;
      value_of[byte] = static_cast<float>((value - p.mean[c]) / p.deviation[c]);
    }
    const std::uint8_t* from = picture.pixels.data() + c;
    float* to = chw + c * pixels;
    for (std::size_t i = 0; i < pixels; ++i) to[i] = value_of[from[i * channels]];
  }
}

}  // namespace striate
