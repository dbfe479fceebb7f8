#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "striate/codec/image.h"

namespace striate::draw {

/// A colour for each of so many classes, neighbours unlike one another; the first 21 are those of
/// Pascal VOC's masks.
std::vector<std::array<std::uint8_t, 3>> class_palette(std::int64_t classes);

struct OverlayOptions {
  double strength = 0.55;  ///< of the classes' colours, 0 to 1
  bool legend = true;      ///< beside the picture: the classes on it and their shares
};

/// The picture with each pixel tinted by its class; a class called "background" is left clear. What
/// is no class (255) stays as it is. REQUIRES: `labels` has one channel, the picture's size, and no
/// label without a name but 255.
Image overlay(const Image& picture, const Image& labels, std::span<const std::string> classes,
              const OverlayOptions& options = {});

}  // namespace striate::draw
