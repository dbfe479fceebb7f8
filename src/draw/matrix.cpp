#include "striate/draw/matrix.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "draw/palette.h"
#include "striate/base/error.h"

namespace striate::draw {
namespace {

constexpr double kMargin = 24;
constexpr double kLongestName = 160;
constexpr double kBlock = 10;  // a stronger line after so many cells guides the eye
constexpr TextStyle kTitle{.size = 16, .bold = true, .color = kInk};
constexpr TextStyle kLabel{.size = 12, .color = kSoftInk};

constexpr const char* kPrecision = "precision";

// Sizes of everything, fixed before the canvas is made.
struct Layout {
  TextStyle cell_text;
  TextStyle name_text;
  double cell = 0;
  bool turned = false;  // column names stand upright
  double rate_width = 0;
  double rate_height = 0;
  Box table;
  int width = 0;
  int height = 0;

  Box box(std::size_t row, std::size_t column) const {
    return {table.x + static_cast<double>(column) * cell, table.y + static_cast<double>(row) * cell,
            cell, cell};
  }
};

void check(const Matrix& matrix) {
  if (matrix.counts.size() != matrix.rows.size() * matrix.columns.size()) {
    fail<InputError>("matrix \"{}\": expected {} x {} counts, got {}", matrix.title,
                     matrix.rows.size(), matrix.columns.size(), matrix.counts.size());
  }
  for (const std::int64_t count : matrix.counts) {
    if (count < 0) {
      fail<InputError>("matrix \"{}\": expected counts from 0, got {}", matrix.title, count);
    }
  }
}

double widest(const Canvas& canvas, const std::vector<std::string>& texts, const TextStyle& style) {
  double width = 0;
  for (const std::string& text : texts) {
    width = std::max(width, canvas.measure(text, style).width);
  }
  return width;
}

Layout layout_of(const Matrix& matrix) {
  const Canvas ruler(1, 1);
  const std::size_t classes = std::max(matrix.rows.size(), matrix.columns.size());
  Layout layout;
  layout.cell_text = {.size = classes <= 12   ? 13.0
                              : classes <= 30 ? 11.0
                                              : 9.5,
                      .align = Align::kCenter};
  layout.name_text = {.size = classes <= 30 ? 12.0 : 10.5, .color = kInk};
  const double least = classes <= 12 ? 48 : classes <= 30 ? 28 : 18;
  const std::int64_t largest =
      matrix.counts.empty() ? 0 : *std::max_element(matrix.counts.begin(), matrix.counts.end());
  const double count_width = ruler.measure(fmt::format("{}", largest), layout.cell_text).width;
  layout.cell = std::ceil(std::max(least, count_width + 6));

  const double row_names = std::min(widest(ruler, matrix.rows, layout.name_text), kLongestName);
  // The word "precision" stands below the rows' names.
  const double names =
      matrix.confusion() ? std::max(row_names, ruler.measure(kPrecision, kLabel).width) : row_names;
  const double column_names = widest(ruler, matrix.columns, layout.name_text);
  layout.turned = column_names > layout.cell - 6;
  const double above = layout.turned ? std::min(column_names, kLongestName) : layout.name_text.size;
  if (matrix.confusion()) {
    layout.rate_width = 60;
    layout.rate_height = layout.turned ? 46 : 26;
  }
  const double title = matrix.title.empty() ? 0 : 30;
  layout.table = {std::ceil(kMargin + 22 + names + 8), std::ceil(kMargin + title + 22 + above + 10),
                  static_cast<double>(matrix.columns.size()) * layout.cell,
                  static_cast<double>(matrix.rows.size()) * layout.cell};
  constexpr double kKey = 30;
  constexpr double kLeastWidth = 440;  // the key below must fit
  const double width = std::max(layout.table.right() + layout.rate_width + kMargin, kLeastWidth);
  const double height =
      std::max(layout.table.bottom(), layout.table.y + 40) + layout.rate_height + kKey + kMargin;
  if (width > Canvas::kMaxSide || height > Canvas::kMaxSide ||
      width * height > static_cast<double>(Canvas::kMaxPixels)) {
    fail<InputError>("matrix \"{}\": {} x {} classes need {:.0f} x {:.0f} pixels, more than {}",
                     matrix.title, matrix.rows.size(), matrix.columns.size(), width, height,
                     Canvas::kMaxSide);
  }
  layout.width = static_cast<int>(width);
  layout.height = static_cast<int>(height);
  return layout;
}

// The root makes the few errors of a good classifier visible: 1 % is a tenth of the full color.
Color cell_color(double share, bool right) {
  return blend(kPaper, right ? kRight : kWrong, share > 0 ? 0.04 + 0.96 * std::sqrt(share) : 0);
}

// Relative luminance as in the Web Content Accessibility Guidelines 2.1, which the choice between
// dark and white letters goes by.
double luminance(const Color& color) {
  const auto linear = [](double part) {
    return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

Color letters_on(const Color& ground) {
  const double light = luminance(ground) + 0.05;
  return (luminance(kPaper) + 0.05) / light > light / (luminance(kInk) + 0.05) ? kPaper : kInk;
}

void draw_names(Canvas& canvas, const Matrix& matrix, const Layout& layout) {
  const Box& table = layout.table;
  TextStyle style = layout.name_text;
  style.align = Align::kRight;
  for (std::size_t r = 0; r < matrix.rows.size(); ++r) {
    const double y = layout.box(r, 0).center().y;
    canvas.text_middle(canvas.fitted(matrix.rows[r], kLongestName, style), {table.x - 8, y}, style);
  }
  style.align = layout.turned ? Align::kLeft : Align::kCenter;
  style.angle = layout.turned ? 90 : 0;
  for (std::size_t c = 0; c < matrix.columns.size(); ++c) {
    const double x = layout.box(0, c).center().x;
    const double y = table.y - (layout.turned ? 8 : 8 + style.size * 0.36);
    canvas.text_middle(canvas.fitted(matrix.columns[c], kLongestName, style), {x, y}, style);
  }
  TextStyle label = kLabel;
  const double top = kMargin + (matrix.title.empty() ? 0 : 30);
  canvas.text(matrix.column_label + " →", {table.x, top + 11}, label);
  label.angle = 90;
  label.align = Align::kRight;
  canvas.text("← " + matrix.row_label, {kMargin + 11, table.y}, label);
}

void draw_cells(Canvas& canvas, const Matrix& matrix, const Layout& layout) {
  const bool confusion = matrix.confusion();
  const std::size_t columns = matrix.columns.size();
  // Zeros only distract; in a large table they would bury the rest.
  const bool zeros = columns <= 12;
  for (std::size_t r = 0; r < matrix.rows.size(); ++r) {
    const auto row = matrix.counts.begin() + static_cast<std::ptrdiff_t>(r * columns);
    const double total = std::accumulate(row, row + static_cast<std::ptrdiff_t>(columns), 0.0);
    for (std::size_t c = 0; c < columns; ++c) {
      const std::int64_t count = matrix.counts[r * columns + c];
      const double share = total > 0 ? static_cast<double>(count) / total : 0;
      const Box box = layout.box(r, c);
      const Color color = cell_color(share, !confusion || r == c);
      if (count > 0) canvas.fill(box, color);
      if (count == 0 && !zeros) continue;
      TextStyle style = layout.cell_text;
      style.color = count == 0 ? Color::rgb(0xb6bec8) : letters_on(color);
      style.bold = confusion && r == c;
      canvas.text_middle(fmt::format("{}", count), box.center(), style);
    }
  }
}

void draw_lines(Canvas& canvas, const Matrix& matrix, const Layout& layout) {
  const Box& table = layout.table;
  const auto style = [&](std::size_t i, std::size_t count) {
    const bool strong = i == 0 || i == count || (count > 12 && std::fmod(i, kBlock) == 0);
    return LineStyle{.color = strong ? Color::rgb(0xaeb7c2) : kGrid};
  };
  for (std::size_t r = 0; r <= matrix.rows.size(); ++r) {
    const double y = table.y + static_cast<double>(r) * layout.cell + 0.5;
    canvas.line({table.x, y}, {table.right() + 1, y}, style(r, matrix.rows.size()));
  }
  for (std::size_t c = 0; c <= matrix.columns.size(); ++c) {
    const double x = table.x + static_cast<double>(c) * layout.cell + 0.5;
    canvas.line({x, table.y}, {x, table.bottom() + 1}, style(c, matrix.columns.size()));
  }
}

std::string rate(double right, double total) {
  return total > 0 ? fmt::format("{:.1f}%", 100 * right / total) : "–";
}

// How much of each row, and of each column, lies on the diagonal.
void draw_rates(Canvas& canvas, const Matrix& matrix, const Layout& layout) {
  const std::size_t classes = matrix.rows.size();
  const Box& table = layout.table;
  TextStyle style = layout.name_text;
  style.color = kSoftInk;
  style.size = std::min(style.size, 11.0);
  TextStyle below = style;
  below.align = layout.turned ? Align::kRight : Align::kCenter;
  below.angle = layout.turned ? 90 : 0;
  const double drop = layout.turned ? 7 : 14;
  for (std::size_t i = 0; i < classes; ++i) {
    double row = 0;
    double column = 0;
    for (std::size_t j = 0; j < classes; ++j) {
      row += static_cast<double>(matrix.counts[i * classes + j]);
      column += static_cast<double>(matrix.counts[j * classes + i]);
    }
    const auto right = static_cast<double>(matrix.counts[i * classes + i]);
    const Point center = layout.box(i, i).center();
    canvas.text_middle(rate(right, row), {table.right() + 8, center.y}, style);
    canvas.text_middle(rate(right, column), {center.x, table.bottom() + drop}, below);
  }
  canvas.text("recall", {table.right() + 8, table.y - 8}, kLabel);
  TextStyle label = kLabel;
  label.align = Align::kRight;
  canvas.text_middle(kPrecision, {table.x - 8, table.bottom() + 14}, label);
}

void draw_key(Canvas& canvas, const Matrix& matrix, const Layout& layout) {
  const double middle = layout.height - kMargin - 6;
  double x = kMargin;
  const auto ramp = [&](bool right, const char* words) {
    constexpr double kShares[] = {0.01, 0.05, 0.2, 0.5, 1};
    for (const double share : kShares) {
      canvas.fill({x, middle - 6, 14, 12}, cell_color(share, right));
      x += 14;
    }
    canvas.text_middle(words, {x + 6, middle}, kLabel);
    x += 6 + canvas.measure(words, kLabel).width + 18;
  };
  ramp(true, matrix.confusion() ? "right" : "1 to 100% of the row");
  if (matrix.confusion()) ramp(false, "wrong, 1 to 100% of the row");
}

}  // namespace

Canvas draw_matrix(const Matrix& matrix) {
  check(matrix);
  const Layout layout = layout_of(matrix);
  Canvas canvas(layout.width, layout.height, matrix.title);
  if (!matrix.title.empty()) {
    canvas.text(canvas.fitted(matrix.title, layout.width - 2 * kMargin, kTitle),
                {kMargin, kMargin + 13}, kTitle);
  }
  draw_cells(canvas, matrix, layout);
  if (!matrix.counts.empty()) {
    draw_lines(canvas, matrix, layout);
  } else {
    canvas.text_middle("no classes", {layout.table.x, layout.table.y + 20}, kLabel);
  }
  draw_names(canvas, matrix, layout);
  if (matrix.confusion()) draw_rates(canvas, matrix, layout);
  draw_key(canvas, matrix, layout);
  return canvas;
}

}  // namespace striate::draw
