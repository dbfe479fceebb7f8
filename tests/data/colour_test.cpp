#include "data/colour.h"

#include <cmath>

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

// Made with Pillow 9.4.0: ImageEnhance.Brightness(…).enhance(factor).tobytes(), Contrast, Color.
TEST(Colour, ChangesAsPillowDoes) {
  struct Case {
    int channels;
    double factor;
    std::uint32_t brightness, contrast, saturation;
  };
  for (const Case& c : {Case{3, 0.0, 0x76607c79, 0x1815f8a7, 0x1b2f3b38},
                        Case{3, 0.6, 0x893f8636, 0x3309e0b4, 0xe847dc7d},
                        Case{3, 1.0, 0x3e5f7f7e, 0x3e5f7f7e, 0x3e5f7f7e},
                        Case{3, 1.37, 0x66ab8922, 0xc627dccb, 0x7a722ec3},
                        Case{1, 0.0, 0xf782e2e0, 0x7b8383d3, 0xc51b4944},
                        Case{1, 0.6, 0xa780b5c7, 0x11825bb2, 0xc51b4944},
                        Case{1, 1.37, 0xc527001b, 0x2dcd978e, 0xc51b4944}}) {
    const auto after = [&](void (*change)(Image&, double)) {
      Image image = noise(13, 9, c.channels);
      change(image, c.factor);
      return checksum(image);
    };
    EXPECT_EQ(after(change_brightness), c.brightness) << c.channels << " " << c.factor;
    EXPECT_EQ(after(change_contrast), c.contrast) << c.channels << " " << c.factor;
    EXPECT_EQ(after(change_saturation), c.saturation) << c.channels << " " << c.factor;
  }
}

Image flat(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Image image(2, 2, 3);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = red;
    image.pixels[i + 1] = green;
    image.pixels[i + 2] = blue;
  }
  return image;
}

// Over many draws, a flat grey picture's shifts have the covariance that the paper means: p times
// (0.1 l)² times p transposed.
TEST(Lighting, ShiftsAlongTheComponents) {
  constexpr double kValues[3] = {0.2175, 0.0188, 0.0045};
  constexpr double kVectors[3][3] = {
      {-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
  const Augmentation augment = Augmentation::parse("lighting");
  const Preprocessing target{3, 2, 2, {}, {}};
  constexpr int kDraws = 20000;
  double sums[3][3] = {};
  for (std::uint64_t index = 0; index < kDraws; ++index) {
    Image image = flat(128, 128, 128);
    augment.apply(image, target, {.seed = 1, .epoch = 0, .index = index});
    EXPECT_EQ(image, flat(image.pixels[0], image.pixels[1], image.pixels[2]));
    for (std::size_t a = 0; a < 3; ++a) {
      for (std::size_t b = 0; b < 3; ++b) {
        sums[a][b] += (image.pixels[a] - 128.0) * (image.pixels[b] - 128.0) / (255.0 * 255.0);
      }
    }
  }
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 3; ++b) {
      double expected = 0;
      for (int i = 0; i < 3; ++i) {
        expected += kVectors[a][i] * kVectors[b][i] * std::pow(0.1 * kValues[i], 2);
      }
      EXPECT_NEAR(sums[a][b] / kDraws, expected, 0.04 * expected + 2e-6) << a << b;
    }
  }
}

TEST(Jitter, StaysWithinItsFactorsInEveryOrder) {
  const Augmentation augment = Augmentation::parse("jitter:20");
  const Preprocessing target{3, 2, 2, {}, {}};
  std::vector<int> seen(256);
  for (std::uint64_t index = 0; index < 2000; ++index) {
    Image image = flat(100, 100, 100);  // neither contrast nor saturation changes it
    augment.apply(image, target, {.seed = 1, .epoch = 0, .index = index});
    ++seen[image.pixels[0]];
  }
  int within = 0;
  for (std::size_t i = 79; i <= 120; ++i) within += seen[i];
  EXPECT_EQ(within, 2000);
  EXPECT_GT(seen[80] + seen[81] + seen[82], 50);
  EXPECT_GT(seen[117] + seen[118] + seen[119], 50);
}

}  // namespace
}  // namespace striate
