#include "striate/codec/image.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/ranges.h>

#include "codec/picture_codecs.h"
#include "striate/base/error.h"

namespace striate {
namespace {

template <std::size_t N>
bool starts_with(std::span<const std::uint8_t> content, const std::array<std::uint8_t, N>& magic) {
  return content.size() >= N && std::equal(magic.begin(), magic.end(), content.begin());
}

}  // namespace

void check_picture_size(std::int64_t width, std::int64_t height, std::string_view name) {
  if (width < 1 || height < 1 || width > kMaxPixels / height) {
    fail<InputError>("{}: a picture of {}x{} pixels; expected 1 to {} pixels", name, width, height,
                     kMaxPixels);
  }
}

Image decode_image(std::span<const std::uint8_t> content, std::string_view name) {
  constexpr std::array<std::uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  constexpr std::array<std::uint8_t, 3> kJpeg{0xff, 0xd8, 0xff};
  if (starts_with(content, kPng)) return decode_png(content, name);
  if (starts_with(content, kJpeg)) return decode_jpeg(content, name);
  if (content.empty()) fail<InputError>("{}: expected a PNG or JPEG picture, got no bytes", name);
  fail<InputError>("{}: expected a PNG or JPEG picture, got a file that begins with {:02x}", name,
                   fmt::join(content.first(std::min<std::size_t>(content.size(), 4)), " "));
}

Image read_image(const std::filesystem::path& path) {
  // No picture within kMaxPixels needs more than this.
  constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
  return decode_image(read_file(path, kMaxFile), path.string());
}

Image decode_numbers(std::span<const std::uint8_t> content, std::string_view name) {
  constexpr std::array<std::uint8_t, 4> kPng{0x89, 'P', 'N', 'G'};
  if (!starts_with(content, kPng)) fail<InputError>("{}: expected a PNG file", name);
  return decode_png(content, name, PngPixels::numbers);
}

Image read_numbers(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
  return decode_numbers(read_file(path, kMaxFile), path.string());
}

Image cut(const Image& image, int x, int y, int width, int height) {
  invariant(x >= 0 && y >= 0 && width > 0 && height > 0 && x <= image.width - width &&
                y <= image.height - height,
            "cut: the part lies within the picture");
  Image part(width, height, image.channels);
  for (int row = 0; row < height; ++row) {
    std::copy_n(image.row(y + row) + x * image.channels, part.row_bytes(), part.row(row));
  }
  return part;
}

void mirror(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    std::reverse(row, row + image.row_bytes());
    // Reversed byte by byte, an RGB pixel is now blue, green, red.
    if (image.channels == 3) {
      for (int x = 0; x < image.width; ++x) std::swap(row[3 * x], row[3 * x + 2]);
    }
  }
}

Image to_grey(Image image) {
  if (image.channels == 1) return image;
  invariant(image.channels == 3, "to_grey: a picture is grey or RGB");
  Image grey(image.width, image.height, 1);
  const std::uint8_t* p = image.pixels.data();
  for (std::uint8_t& value : grey.pixels) {
    // 0.299, 0.587 and 0.114 in 65536ths.
    value =
        static_cast<std::uint8_t>((19595U * p[0] + 38470U * p[1] + 7471U * p[2] + 32768U) >> 16);
    p += 3;
  }
  return grey;
}

Image to_rgb(Image image) {
  if (image.channels == 3) return image;
  invariant(image.channels == 1, "to_rgb: a picture is grey or RGB");
  Image rgb(image.width, image.height, 3);
  std::uint8_t* p = rgb.pixels.data();
  for (const std::uint8_t value : image.pixels) {
    p[0] = p[1] = p[2] = value;
    p += 3;
  }
  return rgb;
}

}  // namespace striate
