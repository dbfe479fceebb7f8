#include "data/colour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace striate {
namespace {

// PIL's Image.blend: beyond the two pictures as well, in float32, cut off and not rounded.
std::uint8_t blended(std::uint8_t from, std::uint8_t to, float factor) {
  const float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
}

// Every byte between one grey and itself.
void blend_from(Image& picture, std::uint8_t grey, double factor) {
  std::array<std::uint8_t, 256> table;
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = blended(grey, static_cast<std::uint8_t>(byte), static_cast<float>(factor));
  }
  for (std::uint8_t& value : picture.pixels) value = table[value];
}

}  // namespace

void change_brightness(Image& picture, double factor) { blend_from(picture, 0, factor); }

void change_contrast(Image& picture, double factor) {
  const Image grey = to_grey(picture);
  std::uint64_t sum = 0;
  for (const std::uint8_t value : grey.pixels) sum += value;
  const double mean = static_cast<double>(sum) / static_cast<double>(grey.pixels.size());
  blend_from(picture, static_cast<std::uint8_t>(mean + 0.5), factor);
}

void change_saturation(Image& picture, double factor) {
  if (picture.channels == 1) return;
  const Image grey = to_grey(picture);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = blended(grey.pixels[i / 3], picture.pixels[i], static_cast<float>(factor));
  }
}

void jitter(Example& example, const TransformArgs& args, Random& random) {
  Image& picture = example.picture;
  const double way = static_cast<double>(args.number) / 100;
  std::array<void (*)(Image&, double), 3> changes{change_brightness, change_contrast,
                                                  change_saturation};
  for (std::uint32_t left = 3; left > 0; --left) {
    std::swap(changes[left - 1], changes[random.below(left)]);
    changes[left - 1](picture, random.uniform(1 - way, 1 + way));
  }
}

// Krizhevsky et al., NIPS 2012, section 4.1: to each pixel [p1 p2 p3][a1 l1, a2 l2, a3 l3] is
// added, p and l being the eigenvectors and eigenvalues of the training pixels' covariance, a drawn
// once a picture. The numbers are those of ImageNet as published with fb.resnet.torch, for values
// of 0 to 1. A grey picture takes the mean of the three.
void lighting(Example& example, const TransformArgs& args, Random& random) {
  Image& picture = example.picture;
  constexpr double kValues[3] = {0.2175, 0.0188, 0.0045};
  constexpr double kVectors[3][3] = {
      {-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  double shift[3] = {0, 0, 0};
  for (int i = 0; i < 3; ++i) {
    const double along = random.normal() * static_cast<double>(args.number) / 100 * kValues[i];
    for (int c = 0; c < 3; ++c) shift[c] += 255 * along * kVectors[c][i];
  }
  if (picture.channels == 1) shift[0] = (shift[0] + shift[1] + shift[2]) / 3;
  const auto channels = static_cast<std::size_t>(picture.channels);
  std::array<std::array<std::uint8_t, 256>, 3> tables;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const double value = std::round(static_cast<double>(byte) + shift[c]);
      tables[c][byte] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
    }
  }
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = tables[i % channels][picture.pixels[i]];
  }
}

}  // namespace striate
