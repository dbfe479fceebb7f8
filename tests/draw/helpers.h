#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "striate/base/random.h"
#include "striate/draw/canvas.h"

namespace striate::draw {

/// 0xRRGGBB of a picture of one or three channels.
inline std::uint32_t pixel(const Image& image, int x, int y) {
  const std::uint8_t* p = image.row(y) + static_cast<std::size_t>(x) * image.channels;
  const int green = image.channels == 3 ? 1 : 0;
  return std::uint32_t{p[0]} << 16 | std::uint32_t{p[green]} << 8 | p[2 * green];
}

inline Image noise(int width, int height, int channels, std::uint64_t seed = 1) {
  Image image(width, height, channels);
  Random random({.seed = seed, .purpose = purpose_of("draw test")}, 0);
  for (auto& byte : image.pixels) byte = static_cast<std::uint8_t>(random.bits());
  return image;
}

/// Pixels within the box that are nearer to `color` than to anything else that is drawn.
inline int count_color(const Image& image, const Box& box, const Color& color) {
  const auto near = [](int a, double b) { return a > b * 255 - 3 && a < b * 255 + 3; };
  int count = 0;
  for (int y = static_cast<int>(box.y); y < static_cast<int>(box.bottom()); ++y) {
    for (int x = static_cast<int>(box.x); x < static_cast<int>(box.right()); ++x) {
      const std::uint8_t* p = image.row(y) + static_cast<std::size_t>(x) * 3;
      count += near(p[0], color.red) && near(p[1], color.green) && near(p[2], color.blue);
    }
  }
  return count;
}

/// Pixels within the box that are not white.
inline int ink(const Image& image, const Box& box) {
  int count = 0;
  for (int y = static_cast<int>(box.y); y < static_cast<int>(box.bottom()); ++y) {
    for (int x = static_cast<int>(box.x); x < static_cast<int>(box.right()); ++x) {
      count += pixel(image, x, y) != 0xffffff;
    }
  }
  return count;
}

/// One element `svg`, every tag closed in order, and no ampersand that is not an entity.
inline void expect_well_formed(const std::string& svg) {
  ASSERT_TRUE(svg.starts_with("<?xml")) << svg.substr(0, 40);
  ASSERT_TRUE(svg.ends_with("</svg>\n")) << svg.substr(svg.size() < 40 ? 0 : svg.size() - 40);
  std::vector<std::string> open;
  std::size_t at = svg.find("?>") + 2;
  while ((at = svg.find('<', at)) != std::string::npos) {
    const std::size_t end = svg.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = svg.substr(at + 1, end - at - 1);
    ASSERT_FALSE(tag.empty());
    ASSERT_EQ(tag.find('<'), std::string::npos) << tag;
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty()) << tag;
      ASSERT_EQ(tag.substr(1), open.back());
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    }
    at = end + 1;
  }
  EXPECT_TRUE(open.empty());
  for (at = 0; (at = svg.find('&', at)) != std::string::npos; ++at) {
    const std::size_t end = svg.find(';', at);
    ASSERT_NE(end, std::string::npos);
    ASSERT_LE(end - at, 6U) << svg.substr(at, 20);
  }
}

}  // namespace striate::draw
