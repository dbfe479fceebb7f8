#include "striate/draw/contact_sheet.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "draw/palette.h"
#include "striate/base/error.h"

namespace striate::draw {
namespace {

constexpr double kMargin = 24;
constexpr double kHeader = 40;
constexpr double kGap = 12;      // between tiles
constexpr double kPadding = 10;  // around the picture in its tile
constexpr double kText = 40;     // two lines below the picture
constexpr int kLeastPicture = 16;

constexpr TextStyle kHeading{.size = 18, .bold = true, .color = kInk};
constexpr TextStyle kTitle{.size = 12, .bold = true, .color = kInk};
constexpr TextStyle kSubtitle{.size = 11, .color = kSoftInk};
constexpr Color kCard = Color::rgb(0xf6f7f9);
constexpr Color kWrongCard = Color::rgb(0xfdeadd);
// The vermilion of the marks, darker where it colors text.
constexpr Color kWrongInk = Color::rgb(0xa84600);

// A tick in a quiet circle or a cross in a loud one.
void draw_mark(Canvas& canvas, Point center, double radius, bool good) {
  canvas.disc(center, radius, good ? kRight : kWrong);
  const LineStyle stroke{.color = kPaper, .width = radius * 0.3};
  const auto at = [&](double x, double y) {
    return Point{center.x + x * radius, center.y + y * radius};
  };
  if (good) {
    const Point tick[] = {at(-0.45, 0.02), at(-0.12, 0.36), at(0.46, -0.32)};
    canvas.polyline(tick, stroke);
  } else {
    canvas.line(at(-0.38, -0.38), at(0.38, 0.38), stroke);
    canvas.line(at(-0.38, 0.38), at(0.38, -0.38), stroke);
  }
}

void draw_tile(Canvas& canvas, const Tile& tile, const Box& box, const Box& well, bool marks) {
  const bool wrong = marks && !tile.good;
  canvas.fill(box, wrong ? kWrongCard : kCard, 6);
  if (wrong) canvas.outline(box, kWrong, 2, 6);
  canvas.picture(tile.picture, well);

  // On the corner, where it hides none of the picture.
  if (marks) draw_mark(canvas, {box.right() - 3, box.y + 3}, 8, tile.good);

  constexpr double kSide = 8;  // text may be a little wider than the picture
  const double width = box.width - 2 * kSide;
  const double baseline = well.bottom() + 18;
  TextStyle title = kTitle;
  if (wrong) title.color = kWrongInk;
  canvas.text(canvas.fitted(tile.title, width, title), {box.x + kSide, baseline}, title);
  canvas.text(canvas.fitted(tile.subtitle, width, kSubtitle), {box.x + kSide, baseline + 16},
              kSubtitle);
}

void draw_header(Canvas& canvas, std::span<const Tile> tiles, const SheetOptions& options) {
  constexpr double kRadius = 8;
  const double middle = kMargin + 10;
  double right = canvas.width() - kMargin;
  const auto count = [&](bool good) {
    const auto number =
        std::count_if(tiles.begin(), tiles.end(), [&](const Tile& t) { return t.good == good; });
    const std::string words = fmt::format("{} {}", number, good ? "right" : "wrong");
    right -= canvas.measure(words, kTitle).width;
    canvas.text_middle(words, {right, middle}, kTitle);
    right -= kRadius + 6;
    draw_mark(canvas, {right, middle}, kRadius, good);
    right -= kRadius + 16;
  };
  const double count_room = 200;
  const bool counted = options.marks && !tiles.empty() &&
                       (options.heading.empty() || canvas.width() >= 2 * count_room);
  if (counted) {
    count(false);
    count(true);
  }
  canvas.text_middle(canvas.fitted(options.heading, right - kMargin, kHeading), {kMargin, middle},
                     kHeading);
}

bool has_header(const SheetOptions& options) { return options.marks || !options.heading.empty(); }

}  // namespace

Box SheetLayout::tile(int index) const {
  const double wide = picture + 2 * kPadding;
  const double tall = picture + kPadding + kText + 6;
  const int row = index / columns;
  return {kMargin + index % columns * (wide + kGap), top + row * (tall + kGap), wide, tall};
}

Box SheetLayout::picture_box(int index) const {
  const Box box = tile(index);
  return {box.x + kPadding, box.y + kPadding, static_cast<double>(picture),
          static_cast<double>(picture)};
}

SheetLayout sheet_layout(int tiles, const SheetOptions& options) {
  if (tiles < 0 || options.picture < kLeastPicture || options.picture > Canvas::kMaxSide) {
    fail<InputError>("contact sheet: expected pictures of {} to {} pixels, got {}", kLeastPicture,
                     Canvas::kMaxSide, options.picture);
  }
  SheetLayout layout;
  layout.picture = options.picture;
  const int shown = std::max(tiles, 1);
  const int automatic = static_cast<int>(std::ceil(std::sqrt(shown * 2.0)));
  layout.columns = std::min(shown, options.columns > 0 ? options.columns : automatic);
  layout.rows = (shown + layout.columns - 1) / layout.columns;
  layout.top = kMargin + (has_header(options) ? kHeader : 0);
  const double right = layout.tile(layout.columns - 1).right() + kMargin;
  const double bottom = layout.tile(shown - 1).bottom() + kMargin;
  if (right > Canvas::kMaxSide || bottom > Canvas::kMaxSide ||
      right * bottom > static_cast<double>(Canvas::kMaxPixels)) {
    fail<InputError>("contact sheet: {} pictures in {} columns need {} x {} pixels, more than {}",
                     tiles, layout.columns, right, bottom, Canvas::kMaxSide);
  }
  layout.width = static_cast<int>(right);
  layout.height = static_cast<int>(bottom);
  return layout;
}

Canvas contact_sheet(std::span<const Tile> tiles, const SheetOptions& options) {
  const SheetLayout layout = sheet_layout(static_cast<int>(tiles.size()), options);
  Canvas canvas(layout.width, layout.height, options.heading);
  if (has_header(options)) draw_header(canvas, tiles, options);
  for (int i = 0; i < static_cast<int>(tiles.size()); ++i) {
    draw_tile(canvas, tiles[static_cast<std::size_t>(i)], layout.tile(i), layout.picture_box(i),
              options.marks);
  }
  if (tiles.empty()) {
    TextStyle style = kSubtitle;
    style.align = Align::kCenter;
    canvas.text_middle("no pictures", layout.tile(0).center(), style);
  }
  return canvas;
}

}  // namespace striate::draw
