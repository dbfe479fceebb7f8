#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace striate {

struct ImageSize {
  std::int64_t width = 0, height = 0;
};

/// Width and height of a PNG or JPEG as its head says, without decoding it. Throws InputError naming
/// `name` where there is none.
ImageSize image_size(std::span<const std::uint8_t> content, std::string_view name);
/// The same of a file.
ImageSize image_size(const std::filesystem::path& path);

}  // namespace striate
