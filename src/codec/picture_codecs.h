#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "striate/codec/image.h"

namespace striate {

enum class PngPixels : std::uint8_t {
  colours,  // grey or RGB of 8 bits
  numbers   // grey of up to 8 bits or a palette's indices, as stored
};
Image decode_png(std::span<const std::uint8_t> content, std::string_view name,
                 PngPixels pixels = PngPixels::colours);
Image decode_jpeg(std::span<const std::uint8_t> content, std::string_view name);

/// Throws InputError where a picture of these sizes is not to be decoded.
void check_picture_size(std::int64_t width, std::int64_t height, std::string_view name);

}  // namespace striate
