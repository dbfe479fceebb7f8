#include <gtest/gtest.h>
#include <zlib.h>

#include "codec/pictures.h"

namespace striate {
namespace {

using testing_pictures::noise;

std::uint32_t checksum(const Image& image) {
  return static_cast<std::uint32_t>(
      crc32(0, image.pixels.data(), static_cast<uInt>(image.pixels.size())));
}

// Made with Pillow 9.4.0: Image.frombytes(…).resize((w, h), Image.BILINEAR).tobytes().
TEST(Resize, GivesPillowsBytes) {
  struct Case {
    int width, height, channels, to_width, to_height;
    std::uint32_t checksum;
  };
  for (const Case& c : {
           Case{13, 9, 3, 5, 4, 0xb0ec1bc8},
           Case{13, 9, 3, 20, 17, 0x75559135},
           Case{13, 9, 1, 13, 4, 0x740dc304},
           Case{13, 9, 1, 7, 9, 0xdabefa94},
           Case{64, 48, 3, 1, 1, 0xa0c24272},
           Case{1, 1, 3, 6, 5, 0x9fc6dcc7},
           Case{320, 240, 3, 224, 224, 0xb109397e},
           Case{101, 67, 1, 28, 28, 0x9ef34e45},
       }) {
    const Image resized =
        resize_bilinear(noise(c.width, c.height, c.channels), c.to_width, c.to_height);
    EXPECT_EQ(resized.width, c.to_width);
    EXPECT_EQ(resized.height, c.to_height);
    EXPECT_EQ(checksum(resized), c.checksum) << c.width << "x" << c.height << "x" << c.channels
                                             << " to " << c.to_width << "x" << c.to_height;
  }
}

TEST(Resize, GreyIsPillowsLuma) { EXPECT_EQ(checksum(to_grey(noise(13, 9, 3))), 0x1f67a3d4U); }

TEST(Resize, KeepsAFlatPictureFlat) {
  Image flat(31, 17, 3);
  std::fill(flat.pixels.begin(), flat.pixels.end(), 201);
  for (const int size : {1, 7, 31, 100}) {
    for (const auto value : resize_bilinear(flat, size, size).pixels) ASSERT_EQ(value, 201);
  }
}

TEST(Resize, SameSizeIsTheSamePicture) {
  const Image image = noise(9, 5, 3);
  EXPECT_EQ(resize_bilinear(image, 9, 5), image);
}

TEST(Resize, GreyToRgbAndBack) {
  const Image grey = noise(6, 4, 1);
  const Image rgb = to_rgb(grey);
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(to_grey(rgb), grey);
}

TEST(ResizeNearest, TakesThePixelUnderEachCentre) {
  Image image(4, 1, 1);
  image.pixels = {10, 20, 30, 40};
  EXPECT_EQ(resize_nearest(image, 2, 2).pixels, (std::vector<std::uint8_t>{20, 40, 20, 40}));
  EXPECT_EQ(resize_nearest(image, 8, 1).pixels,
            (std::vector<std::uint8_t>{10, 10, 20, 20, 30, 30, 40, 40}));
  EXPECT_EQ(resize_nearest(image, 3, 1).pixels, (std::vector<std::uint8_t>{10, 30, 40}));
  EXPECT_EQ(resize_nearest(image, 4, 1), image);
}

}  // namespace
}  // namespace striate
