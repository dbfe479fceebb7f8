#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "striate/base/files.h"

namespace striate {

/// A picture of bytes: row by row from the top, each pixel's channels together (H,W,C). One channel
/// is grey, three are red, green and blue.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  /// Black.
  Image(int w, int h, int c)
      : width(w),
        height(h),
        channels(c),
        pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) *
               static_cast<std::size_t>(c)) {}

  std::size_t row_bytes() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * row_bytes(); }
  const std::uint8_t* row(int y) const {
    return pixels.data() + static_cast<std::size_t>(y) * row_bytes();
  }

  friend bool operator==(const Image&, const Image&) = default;
};

/// Pictures of more pixels are refused before memory is taken for them.
inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;

/// Decodes PNG or JPEG, told apart by their first bytes, to grey or RGB of 8 bits. Sixteen bits are
/// scaled to eight, palettes expanded, transparency laid on white, CMYK converted without a colour
/// profile; gamma, profiles and orientation tags are not applied. Throws InputError naming `name`
/// for anything else, for damage of any kind (what the codecs would only warn of, too), for a file
/// cut short, and for more than kMaxPixels.
Image decode_image(std::span<const std::uint8_t> content, std::string_view name);

/// The same of a file; InputError where it cannot be read.
Image read_image(const std::filesystem::path& path);

/// The numbers that a PNG's pixels are: grey of 8 bits or fewer as stored, not scaled to 255, or a
/// palette's indices. One channel. Throws InputError naming `name` for a picture in colours or of
/// 16 bits, and as decode_image does.
Image decode_numbers(std::span<const std::uint8_t> content, std::string_view name);
/// The same of a file.
Image read_numbers(const std::filesystem::path& path);

/// The bytes of a PNG file whose pixels are indices into a palette of red, green and blue. REQUIRES:
/// one channel, sides of at least 1, and at most 256 colours, as many as the largest index needs.
Bytes encode_png(const Image& indices, std::span<const std::array<std::uint8_t, 3>> palette);

/// The bytes of a PNG file. REQUIRES: sides of at least 1, 1 or 3 channels, and as many pixels.
Bytes encode_png(const Image& image);

/// ITU-R 601 luma of RGB, as PIL rounds it; grey stays as it is. REQUIRES: 1 or 3 channels.
Image to_grey(Image image);
Image to_rgb(Image image);

/// The part that begins at column `x` and row `y`. REQUIRES: it lies within the picture.
Image cut(const Image& image, int x, int y, int width, int height);
/// Left and right exchanged.
void mirror(Image& image);

/// Bilinear interpolation whose triangle widens with the reduction (antialiased), in the
/// fixed-point arithmetic of PIL's `Image.resize(…, BILINEAR)`: the same bytes come out. REQUIRES:
/// all four sides are at least 1.
Image resize_bilinear(const Image& image, int width, int height);
/// Each pixel of the result is the one that its centre falls on. REQUIRES: the same.
Image resize_nearest(const Image& image, int width, int height);

}  // namespace striate
