#include "striate/draw/contact_sheet.h"

#include <gtest/gtest.h>

#include "draw/helpers.h"
#include "draw/palette.h"
#include "striate/base/error.h"

namespace striate::draw {
namespace {

std::vector<Tile> tiles(int count, int side = 28, int channels = 1) {
  std::vector<Tile> result;
  for (int i = 0; i < count; ++i) {
    result.push_back({.picture = noise(side, side, channels, static_cast<std::uint64_t>(i)),
                      .title = "seven",
                      .subtitle = "truth: seven"});
  }
  return result;
}

TEST(ContactSheet, PngHasTheSizeOfItsLayout) {
  const SheetOptions options{.columns = 4, .heading = "ten"};
  const SheetLayout layout = sheet_layout(10, options);
  EXPECT_EQ(layout.columns, 4);
  EXPECT_EQ(layout.rows, 3);
  const Image image = decode_image(contact_sheet(tiles(10), options).png(), "sheet");
  EXPECT_EQ(image.width, layout.width);
  EXPECT_EQ(image.height, layout.height);
  EXPECT_LT(layout.tile(3).right(), image.width);
  EXPECT_GT(layout.tile(3).right() + 160, image.width);
  EXPECT_LT(layout.tile(9).bottom(), image.height);
}

TEST(ContactSheet, TilesDoNotOverlap) {
  const SheetLayout layout = sheet_layout(12, {.columns = 5});
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < i; ++j) {
      const Box a = layout.tile(i);
      const Box b = layout.tile(j);
      EXPECT_TRUE(a.x >= b.right() || b.x >= a.right() || a.y >= b.bottom() || b.y >= a.bottom());
    }
  }
}

// Every pixel of each picture stands on the sheet as a square of that very color.
TEST(ContactSheet, PicturesAreCrisp) {
  for (const auto& [side, factor] : {std::pair(28, 4), std::pair(32, 4), std::pair(50, 2)}) {
    const std::vector<Tile> shown = tiles(5, side, 3);
    const SheetOptions options{.columns = 3};
    const Image sheet = contact_sheet(shown, options).image();
    for (int i = 0; i < 5; ++i) {
      const Box box = sheet_layout(5, options).picture_box(i);
      const int left = static_cast<int>(box.x) + (128 - factor * side) / 2;
      const int top = static_cast<int>(box.y) + (128 - factor * side) / 2;
      for (int y = 0; y < side * factor; ++y) {
        for (int x = 0; x < side * factor; ++x) {
          ASSERT_EQ(pixel(sheet, left + x, top + y),
                    pixel(shown[static_cast<std::size_t>(i)].picture, x / factor, y / factor))
              << "tile " << i << " at " << x << ',' << y;
        }
      }
    }
  }
}

TEST(ContactSheet, WrongTilesStandOut) {
  std::vector<Tile> shown = tiles(2);
  shown[1].picture = shown[0].picture;
  shown[1].good = false;
  const SheetOptions options{.columns = 2};
  const SheetLayout layout = sheet_layout(2, options);
  const Image sheet = contact_sheet(shown, options).image();
  EXPECT_EQ(count_color(sheet, layout.tile(0), kWrong), 0);
  EXPECT_GT(count_color(sheet, layout.tile(1), kWrong), 600);  // its border and its mark
  EXPECT_GT(count_color(sheet, layout.tile(0), kRight), 50);   // its mark
  EXPECT_EQ(count_color(sheet, layout.tile(1), kRight), 0);

  // Not by color alone: the marks differ in form, here seen as where they are white.
  const auto mark_pixel = [&](int tile, int x, int y) {
    const Box box = layout.tile(tile);
    return pixel(sheet, static_cast<int>(box.right()) - 3 + x, static_cast<int>(box.y) + 3 + y);
  };
  int differing = 0;
  for (int y = -5; y <= 5; ++y) {
    for (int x = -5; x <= 5; ++x) {
      const bool white_good = (mark_pixel(0, x, y) >> 16) > 0xa0;
      const bool white_wrong = (mark_pixel(1, x, y) & 0xff) > 0xa0;
      differing += white_good != white_wrong;
    }
  }
  EXPECT_GT(differing, 10);
}

TEST(ContactSheet, WithoutMarksAllTilesLookAlike) {
  std::vector<Tile> shown = tiles(1);
  const Image good = contact_sheet(shown, {.marks = false}).image();
  shown[0].good = false;
  EXPECT_EQ(contact_sheet(shown, {.marks = false}).image(), good);
  EXPECT_NE(contact_sheet(shown).image(), contact_sheet(tiles(1)).image());
}

TEST(ContactSheet, NoTilesIsASheetToo) {
  const Canvas canvas = contact_sheet({}, {.heading = "nothing"});
  EXPECT_EQ(decode_image(canvas.png(), "sheet").width, canvas.width());
  EXPECT_NE(canvas.svg().find("no pictures"), std::string::npos);
}

TEST(ContactSheet, SvgNamesWhatItShows) {
  std::vector<Tile> shown = tiles(1);
  shown[0].title = "<b> & c";
  const std::string svg = contact_sheet(shown, {.heading = "A & B"}).svg();
  expect_well_formed(svg);
  EXPECT_NE(svg.find("<title>A &amp; B</title>"), std::string::npos);
  EXPECT_NE(svg.find("&lt;b&gt; &amp; c"), std::string::npos);
}

TEST(ContactSheet, RefusesWhatDoesNotFit) {
  EXPECT_THROW(sheet_layout(100000, {.columns = 1}), InputError);
  EXPECT_THROW(sheet_layout(1 << 30, {}), InputError);
  EXPECT_THROW(sheet_layout(4, {.picture = 0}), InputError);
  std::vector<Tile> shown = tiles(1);
  shown[0].picture.pixels.clear();
  EXPECT_THROW(contact_sheet(shown), InputError);
}

}  // namespace
}  // namespace striate::draw
