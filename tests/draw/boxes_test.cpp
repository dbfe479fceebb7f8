#include "striate/draw/boxes.h"

#include <gtest/gtest.h>

namespace striate::draw {
namespace {

const std::vector<std::string> kClasses{"cell", "plate"};

Image grey() {
  Image picture(500, 400, 3);
  std::fill(picture.pixels.begin(), picture.pixels.end(), std::uint8_t{100});
  return picture;
}

using Colour = std::vector<int>;
Colour at(const Image& image, int x, int y) {
  const std::uint8_t* p = image.row(y) + 3 * x;
  return {p[0], p[1], p[2]};
}

TEST(Boxes, FramesWhatWasFound) {
  const std::vector<Detection> found{{.box = {100, 100, 200, 300}, .label = 0, .score = 0.9},
                                     {.box = {300, 50, 400, 90}, .label = 1, .score = 0.5}};
  const Image drawn = boxes(grey(), found, kClasses, {.labels = false});
  EXPECT_EQ(drawn.width, 500);
  EXPECT_EQ(at(drawn, 100, 200), (Colour{128, 0, 0}));  // the frame lies inside its box
  EXPECT_EQ(at(drawn, 199, 200), (Colour{128, 0, 0}));
  EXPECT_EQ(at(drawn, 350, 50), (Colour{0, 128, 0}));
  EXPECT_EQ(at(drawn, 98, 200), (Colour{100, 100, 100}));
  EXPECT_EQ(at(drawn, 150, 200), (Colour{100, 100, 100}));
}

TEST(Boxes, SayWhatTheyHold) {
  const std::vector<Detection> found{{.box = {100, 100, 200, 300}, .label = 0, .score = 0.9}};
  EXPECT_EQ(at(boxes(grey(), found, kClasses), 102, 84), (Colour{128, 0, 0}));
  // At the upper edge there is room inside alone.
  const std::vector<Detection> high{{.box = {100, 2, 200, 300}, .label = 0, .score = 0.9}};
  EXPECT_EQ(at(boxes(grey(), high, kClasses), 102, 18), (Colour{128, 0, 0}));
}

TEST(Boxes, EnlargesASmallPicture) {
  const std::vector<Detection> found{{.box = {10, 10, 20, 20}, .label = 1, .score = 1}};
  const Image drawn = boxes(Image(64, 48, 1), found, kClasses, {.labels = false});
  EXPECT_EQ(drawn.width, 6 * 64);
  EXPECT_EQ(at(drawn, 60, 90), (Colour{0, 128, 0}));
}

}  // namespace
}  // namespace striate::draw
