#include "striate/codec/image_size.h"

#include <algorithm>
#include <array>

#include "striate/base/error.h"
#include "striate/base/files.h"

namespace striate {
namespace {

using Content = std::span<const std::uint8_t>;

std::int64_t number(Content bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value * 256 + bytes[at + i];
  return value;
}

// Frame headers are SOF0 to SOF15 without DHT, JPG and DAC.
bool is_frame(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

ImageSize jpeg_size(Content bytes) {
  std::size_t at = 2;
  while (at + 9 <= bytes.size() && bytes[at] == 0xFF) {
    const std::uint8_t marker = bytes[at + 1];
    if (marker == 0xFF) {  // fill
      ++at;
      continue;
    }
    if (is_frame(marker)) {
      return {.width = number(bytes, at + 7, 2), .height = number(bytes, at + 5, 2)};
    }
    at += 2 + static_cast<std::size_t>(number(bytes, at + 2, 2));
  }
  return {};
}

}  // namespace

ImageSize image_size(Content content, std::string_view name) {
  constexpr std::array<std::uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  ImageSize size;
  if (content.size() >= 24 && std::equal(kPng.begin(), kPng.end(), content.begin())) {
    size = {.width = number(content, 16, 4), .height = number(content, 20, 4)};
  } else if (content.size() >= 4 && content[0] == 0xFF && content[1] == 0xD8) {
    size = jpeg_size(content);
  }
  if (size.width <= 0 || size.height <= 0) {
    fail<InputError>("{}: expected the head of a PNG or JPEG picture", name);
  }
  return size;
}

ImageSize image_size(const std::filesystem::path& path) {
  return image_size(read_file(path), path.string());
}

}  // namespace striate
