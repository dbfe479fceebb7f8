#include "striate/draw/canvas.h"

#include <cstdlib>
#include <limits>
#include <utility>

#include <gtest/gtest.h>

#include "draw/helpers.h"
#include "striate/base/error.h"

// Fontconfig keeps what it has looked up until the process ends.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig\n"; }

namespace striate::draw {
namespace {

constexpr Color kRed = Color::rgb(0xff0000);

TEST(Canvas, StartsWhiteInItsSize) {
  const Image image = Canvas(7, 5).image();
  EXPECT_EQ(image.width, 7);
  EXPECT_EQ(image.height, 5);
  EXPECT_EQ(image.channels, 3);
  EXPECT_EQ(image.pixels, std::vector<std::uint8_t>(7 * 5 * 3, 255));
}

TEST(Canvas, PngDecodesToTheSamePixels) {
  Canvas canvas(31, 17);
  canvas.fill({3, 4, 10, 5}, Color::rgb(0x123456));
  canvas.text("Ag", {12, 14});
  const Bytes png = canvas.png();
  EXPECT_EQ(decode_image(png, "canvas"), canvas.image());
}

TEST(Canvas, ScaleMultipliesTheSize) {
  Canvas canvas(10, 6);
  canvas.fill({2, 1, 3, 2}, kRed);
  const Image image = canvas.image(2);
  EXPECT_EQ(image.width, 20);
  EXPECT_EQ(image.height, 12);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const bool inside = x >= 4 && x < 10 && y >= 2 && y < 6;
      EXPECT_EQ(pixel(image, x, y), inside ? 0xff0000U : 0xffffffU) << x << ',' << y;
    }
  }
}

TEST(Canvas, RefusesSizesItCannotHold) {
  EXPECT_THROW(Canvas(0, 5), InputError);
  EXPECT_THROW(Canvas(5, -1), InputError);
  EXPECT_THROW(Canvas(Canvas::kMaxSide + 1, 1), InputError);
  EXPECT_THROW(Canvas(30000, 30000), InputError);
  const Canvas canvas(1000, 1000);
  EXPECT_THROW(canvas.image(100), InputError);
  EXPECT_THROW(canvas.image(0), InputError);
  EXPECT_THROW(canvas.image(std::numeric_limits<double>::quiet_NaN()), InputError);
}

TEST(Canvas, OutlineLiesInsideItsBox) {
  Canvas canvas(12, 12);
  canvas.outline({2, 2, 8, 8}, kRed, 2);
  const Image image = canvas.image();
  EXPECT_EQ(pixel(image, 1, 5), 0xffffffU);
  EXPECT_EQ(pixel(image, 2, 5), 0xff0000U);
  EXPECT_EQ(pixel(image, 3, 5), 0xff0000U);
  EXPECT_EQ(pixel(image, 4, 5), 0xffffffU);
  EXPECT_EQ(pixel(image, 9, 9), 0xff0000U);
  EXPECT_EQ(pixel(image, 10, 10), 0xffffffU);
}

TEST(Canvas, ClipsNestAndEnd) {
  Canvas canvas(10, 10);
  {
    const auto outer = canvas.clip({0, 0, 6, 10});
    const auto inner = canvas.clip({4, 0, 6, 10});
    canvas.fill({0, 0, 10, 5}, kRed);
  }
  canvas.fill({0, 8, 10, 1}, kRed);
  const Image image = canvas.image();
  EXPECT_EQ(pixel(image, 3, 2), 0xffffffU);
  EXPECT_EQ(pixel(image, 4, 2), 0xff0000U);
  EXPECT_EQ(pixel(image, 5, 2), 0xff0000U);
  EXPECT_EQ(pixel(image, 6, 2), 0xffffffU);
  EXPECT_EQ(pixel(image, 9, 8), 0xff0000U);
}

TEST(Canvas, SmallPicturesAreEnlargedExactly) {
  for (const int channels : {1, 3}) {
    const Image picture = noise(5, 4, channels);
    Canvas canvas(40, 40);
    const Box covered = canvas.picture(picture, {3, 2, 18, 19});
    EXPECT_EQ(covered, (Box{5, 6, 15, 12}));
    const Image image = canvas.image();
    for (int y = 0; y < 12; ++y) {
      for (int x = 0; x < 15; ++x) {
        ASSERT_EQ(pixel(image, 5 + x, 6 + y), pixel(picture, x / 3, y / 3)) << x << ',' << y;
      }
    }
    EXPECT_EQ(pixel(image, 4, 6), 0xffffffU);
    EXPECT_EQ(pixel(image, 20, 6), 0xffffffU);
  }
}

TEST(Canvas, LargePicturesAreShrunkIntoTheBox) {
  Image picture(300, 150, 3);
  for (int y = 0; y < 150; ++y) {
    for (int x = 150; x < 300; ++x) picture.row(y)[3 * x] = 200;
  }
  Canvas canvas(100, 100);
  EXPECT_EQ(canvas.picture(picture, {0, 0, 100, 100}), (Box{0, 25, 100, 50}));
  const Image image = canvas.image();
  EXPECT_EQ(pixel(image, 10, 50), 0x000000U);
  EXPECT_EQ(pixel(image, 90, 50), 0xc80000U);
  EXPECT_EQ(pixel(image, 99, 74), 0xc80000U);
  EXPECT_EQ(pixel(image, 50, 10), 0xffffffU);
}

TEST(Canvas, RefusesPicturesWhoseSizesDisagree) {
  Canvas canvas(10, 10);
  Image picture(4, 4, 3);
  picture.pixels.pop_back();
  EXPECT_THROW(canvas.picture(picture, {0, 0, 10, 10}), InputError);
  EXPECT_THROW(canvas.picture(Image(4, 4, 2), {0, 0, 10, 10}), InputError);
  EXPECT_THROW(canvas.picture(Image(), {0, 0, 10, 10}), InputError);
}

TEST(Canvas, TextIsMeasuredAndAligned) {
  Canvas canvas(200, 40);
  const TextSize one = canvas.measure("nn");
  const TextSize two = canvas.measure("nnnn");
  EXPECT_GT(one.width, 0);
  EXPECT_NEAR(two.width, 2 * one.width, 1e-6);
  EXPECT_GT(one.ascent, one.descent);
  EXPECT_NEAR(canvas.measure("nn", {.size = 24}).width, 2 * one.width, 0.1);

  canvas.text("nnnn", {100, 25}, {.align = Align::kRight});
  const Image image = canvas.image();
  EXPECT_GT(ink(image, {100 - two.width - 1, 10, two.width + 2, 20}), 20);
  EXPECT_EQ(ink(image, {101, 0, 99, 40}), 0);
  EXPECT_EQ(ink(image, {0, 0, 98 - two.width, 40}), 0);
}

TEST(Canvas, FittedTextIsNoWiderThanItMayBe) {
  const Canvas canvas(10, 10);
  EXPECT_EQ(canvas.fitted("short", 500), "short");
  const std::string cut = canvas.fitted("größte Überschrift überhaupt", 90);
  EXPECT_LE(canvas.measure(cut).width, 90);
  EXPECT_TRUE(cut.ends_with("…"));
  EXPECT_TRUE(cut.starts_with("größte"));
  EXPECT_EQ(canvas.fitted(std::string(100000, 'x'), 0), "…");
}

TEST(Canvas, BadTextDoesNotStopTheDrawing) {
  Canvas canvas(60, 30);
  canvas.text("a\xff\xc0\x80 \x01\n", {2, 20});
  canvas.fill({50, 0, 10, 10}, kRed);
  EXPECT_EQ(pixel(canvas.image(), 55, 5), 0xff0000U);
  expect_well_formed(canvas.svg());
}

TEST(Canvas, SvgKeepsNamesAndTextsEscaped) {
  Canvas canvas(40, 30, "cats & <dogs>");
  canvas.text("R&D <1>", {2, 20});
  canvas.picture(noise(3, 3, 3), {0, 0, 9, 9});
  const std::string svg = canvas.svg();
  expect_well_formed(svg);
  EXPECT_NE(svg.find("<title>cats &amp; &lt;dogs&gt;</title>"), std::string::npos);
  EXPECT_NE(svg.find("R&amp;D &lt;1&gt;"), std::string::npos);
  EXPECT_NE(svg.find("viewBox=\"0 0 40 30\""), std::string::npos);
}

TEST(Canvas, SameDrawingSameBytes) {
  const auto drawn = [] {
    Canvas canvas(80, 40, "twice");
    canvas.text("twice", {5, 20}, {.size = 15, .bold = true});
    canvas.picture(noise(3, 3, 3), {40, 0, 30, 30});
    return std::pair(canvas.svg(), canvas.png());
  };
  EXPECT_EQ(drawn(), drawn());
}

// In a process of its own, since the fonts are looked up only once in each.
TEST(Canvas, DrawsTextWithoutAnyFont) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string empty = testing::TempDir() + "striate-no-fonts.conf";
  write_file(empty, std::string_view("<?xml version=\"1.0\"?><fontconfig></fontconfig>\n"));
  const auto draw_without_fonts = [&] {
    ::setenv("FONTCONFIG_FILE", empty.c_str(), 1);
    Canvas canvas(120, 30);
    canvas.text("hello …", {5, 20});
    canvas.fill({110, 0, 10, 10}, kRed);
    const Image image = canvas.image();
    const bool drawn = ink(image, {0, 0, 100, 30}) > 10 && pixel(image, 115, 5) == 0xff0000U;
    std::_Exit(drawn && !canvas.svg().empty() && canvas.measure("hello").width > 0 ? 0 : 1);
  };
  EXPECT_EXIT(draw_without_fonts(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace striate::draw
