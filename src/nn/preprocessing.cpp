#include "striate/nn/preprocessing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "striate/base/error.h"

namespace striate {
namespace {

Image with_channels(Image picture, const Preprocessing& p) {
  return p.channels == 3 ? to_rgb(std::move(picture)) : to_grey(std::move(picture));
}

// The shorter side at `resize`, the longer one rounded down, as torchvision's Resize has it.
template <class Resize>
Image resized(const Image& picture, std::int64_t resize, Resize to_size) {
  const std::int64_t w = picture.width;
  const std::int64_t h = picture.height;
  const auto longer = [&](std::int64_t side, std::int64_t by) {
    return std::min(kMaxPixels / resize, resize * side / by);
  };
  const std::int64_t width = w <= h ? resize : longer(w, h);
  const std::int64_t height = w <= h ? longer(h, w) : resize;
  return to_size(picture, static_cast<int>(width), static_cast<int>(height));
}

// Half of an odd margin goes to the even neighbour, as Python's round has it in CenterCrop.
int half(std::int64_t margin) {
  return static_cast<int>(std::nearbyint(0.5 * static_cast<double>(margin)));
}

template <class Resize>
Image brought_to_size(Image picture, const Preprocessing& p, Resize to_size) {
  const int width = static_cast<int>(p.width);
  const int height = static_cast<int>(p.height);
  if (p.resize != 0) {
    picture = resized(picture, p.resize, to_size);
    picture =
        cut(picture, half(picture.width - width), half(picture.height - height), width, height);
  }
  if (picture.width == width && picture.height == height) return picture;
  return to_size(picture, width, height);
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
  if (p.resize != 0 &&
      (p.resize < std::max(p.height, p.width) || p.resize > kMaxPixels / p.resize)) {
    fail<InputError>(
        "preprocessing: resize: expected 0 or at least the network's input of {}x{}, got {}",
        p.height, p.width, p.resize);
  }
  if (p.order != "rgb" && p.order != "bgr") {
    fail<InputError>("preprocessing: order: expected rgb or bgr, got {}", p.order);
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
  picture = brought_to_size(std::move(picture), p, resize_bilinear);
  return p.channels == 3 ? to_rgb(std::move(picture)) : picture;
}

Image fit_mask(Image mask, const Preprocessing& p) {
  return brought_to_size(std::move(mask), p, resize_nearest);
}

void check_crops(const Preprocessing& p, int count) {
  if (count != 1 && count != 10) fail<InputError>("crops: expected 1 or 10, got {}", count);
  if (count == 10 && p.resize <= std::max(p.height, p.width)) {
    fail<InputError>(
        "crops: ten of them need pictures larger than the network's input of {}x{}: give a resize "
        "above that",
        p.height, p.width);
  }
}

std::vector<Image> crops(Image picture, const Preprocessing& p, int count) {
  check_crops(p, count);
  std::vector<Image> views;
  if (count == 1) {
    views.push_back(fit(std::move(picture), p));
    return views;
  }
  picture = resized(with_channels(std::move(picture), p), p.resize, resize_bilinear);
  const int width = static_cast<int>(p.width);
  const int height = static_cast<int>(p.height);
  const int right = picture.width - width;
  const int bottom = picture.height - height;
  const std::pair<int, int> places[] = {
      {0, 0}, {right, 0}, {0, bottom}, {right, bottom}, {half(right), half(bottom)}};
  for (int side = 0; side < 2; ++side) {
    for (const auto& [x, y] : places) views.push_back(cut(picture, x, y, width, height));
    mirror(picture);
  }
  return views;
}

void preprocess(Image picture, const Preprocessing& p, float* chw) {
  normalize(fit(std::move(picture), p), p, chw);
}

void normalize(const Image& picture, const Preprocessing& p, float* chw) {
  invariant(
      picture.channels == p.channels && picture.height == p.height && picture.width == p.width,
      "normalize: the picture has the network's size");
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
    const std::uint8_t* from = picture.pixels.data() + (p.order == "bgr" ? channels - 1 - c : c);
    float* to = chw + c * pixels;
    for (std::size_t i = 0; i < pixels; ++i) to[i] = value_of[from[i * channels]];
  }
}

}  // namespace striate
