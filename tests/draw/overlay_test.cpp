#include "striate/draw/overlay.h"

#include <gtest/gtest.h>

namespace striate::draw {
namespace {

const std::vector<std::string> kClasses{"background", "road", "car"};

// The first colours of VOC's masks.
TEST(Overlay, PaletteIsVocs) {
  const auto palette = class_palette(16);
  using Colour = std::array<std::uint8_t, 3>;
  EXPECT_EQ(palette[0], (Colour{0, 0, 0}));
  EXPECT_EQ(palette[1], (Colour{128, 0, 0}));
  EXPECT_EQ(palette[2], (Colour{0, 128, 0}));
  EXPECT_EQ(palette[3], (Colour{128, 128, 0}));
  EXPECT_EQ(palette[8], (Colour{64, 0, 0}));
  EXPECT_EQ(palette[15], (Colour{192, 128, 128}));
}

TEST(Overlay, TintsClassesAndLeavesTheRest) {
  Image picture(3, 1, 1);
  picture.pixels = {100, 100, 100};
  Image labels(3, 1, 1);
  labels.pixels = {0, 1, 255};
  const Image seen = overlay(picture, labels, kClasses, {.strength = 0.5, .legend = false});
  EXPECT_EQ(seen.pixels, (std::vector<std::uint8_t>{100, 100, 100, 114, 50, 50, 100, 100, 100}));
}

TEST(Overlay, LegendStandsBesideThePicture) {
  Image picture(40, 30, 3);
  Image labels(40, 30, 1);
  std::fill_n(labels.pixels.begin(), 600, std::uint8_t{1});
  const Image two = overlay(picture, labels, kClasses);
  EXPECT_GT(two.width, 40 + 60);
  EXPECT_GE(two.height, 2 * 22);
  // The road's swatch; the background has none.
  bool red = false;
  for (int y = 0; y < two.height; ++y) {
    for (int x = 40; x < two.width; ++x) {
      const std::uint8_t* p = two.row(y) + 3 * x;
      red = red || (p[0] == 128 && p[1] == 0 && p[2] == 0);
    }
  }
  EXPECT_TRUE(red);
}

}  // namespace
}  // namespace striate::draw
