#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "striate/codec/image.h"

namespace striate {

Image decode_png(std::span<const std::uint8_t> content, std::string_view name);
Image decode_jpeg(std::span<const std::uint8_t> content, std::string_view name);

/// Throws InputError where a picture of these sizes is not to be decoded.
void check_picture_size(std::int64_t width, std::int64_t height, std::string_view name);

}  // namespace striate
