#include "striate/draw/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>
#include <utility>
#include <vector>

#include <cairo-svg.h>
#include <cairo.h>

#include "draw/svg.h"
#include "draw/text.h"
#include "striate/base/error.h"

namespace striate::draw {
namespace {

struct Release {
  void operator()(cairo_t* pen) const { cairo_destroy(pen); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
};
using Pen = std::unique_ptr<cairo_t, Release>;
using Surface = std::unique_ptr<cairo_surface_t, Release>;
using FontOptions = std::unique_ptr<cairo_font_options_t, Release>;

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  if (status == CAIRO_STATUS_NO_MEMORY) fail<SystemError>("drawing: out of memory");
  throw BugError(std::string("internal error: drawing: ") + cairo_status_to_string(status));
}

void check_size(double width, double height) {
  const bool fits = width >= 1 && height >= 1 && width <= Canvas::kMaxSide &&
                    height <= Canvas::kMaxSide &&
                    width * height <= static_cast<double>(Canvas::kMaxPixels);
  if (!fits) {
    fail<InputError>("drawing: expected sides of 1 to {} and at most {} pixels, got {} x {}",
                     Canvas::kMaxSide, Canvas::kMaxPixels, width, height);
  }
}

void set_color(cairo_t* pen, const Color& color) {
  cairo_set_source_rgba(pen, color.red, color.green, color.blue, color.alpha);
}

void set_font(cairo_t* pen, const TextStyle& style) {
  cairo_select_font_face(pen, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(pen, style.size);
}

// Letters are placed by their true widths, so a text measures the same at every scale.
void set_letters(cairo_t* pen) {
  const FontOptions options(cairo_font_options_create());
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(pen, options.get());
}

void box_path(cairo_t* pen, const Box& box, double radius) {
  const double r = std::min({radius, box.width / 2, box.height / 2});
  if (r <= 0) return cairo_rectangle(pen, box.x, box.y, box.width, box.height);
  constexpr double kQuarter = std::numbers::pi / 2;
  cairo_new_sub_path(pen);
  cairo_arc(pen, box.right() - r, box.y + r, r, -kQuarter, 0);
  cairo_arc(pen, box.right() - r, box.bottom() - r, r, 0, kQuarter);
  cairo_arc(pen, box.x + r, box.bottom() - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(pen, box.x + r, box.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(pen);
}

void points_path(cairo_t* pen, std::span<const Point> points) {
  for (const Point& point : points) cairo_line_to(pen, point.x, point.y);
}

// The picture as Cairo's 32-bit words, each pixel repeated `factor` times both ways: an exact copy,
// where a filter at the time of painting would differ between outputs.
Surface enlarged(const Image& picture, int factor) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture.width * factor,
                                             picture.height * factor));
  check(cairo_surface_status(surface.get()));
  cairo_surface_flush(surface.get());
  unsigned char* out = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  const int green = picture.channels == 3 ? 1 : 0;
  std::vector<std::uint32_t> words(static_cast<std::size_t>(picture.width) * factor);
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* pixel = picture.row(y);
    for (int x = 0; x < picture.width; ++x, pixel += picture.channels) {
      const std::uint32_t red = pixel[0];
      const std::uint32_t word = red << 16 | std::uint32_t{pixel[green]} << 8 | pixel[2 * green];
      std::fill_n(words.begin() + static_cast<std::ptrdiff_t>(x) * factor, factor, word);
    }
    for (int copy = 0; copy < factor; ++copy, out += stride) {
      std::memcpy(out, words.data(), words.size() * sizeof(words[0]));
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

cairo_status_t append(void* text, const unsigned char* data, unsigned int length) {
  try {
    static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(data), length);
  } catch (const std::exception&) {  // must not pass through Cairo's C frames
    return CAIRO_STATUS_NO_MEMORY;
  }
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

Color blend(const Color& from, const Color& to, double share) {
  return {std::lerp(from.red, to.red, share), std::lerp(from.green, to.green, share),
          std::lerp(from.blue, to.blue, share), std::lerp(from.alpha, to.alpha, share)};
}

// What is drawn is a list of strokes, played onto the surface of the output that is asked for.
// (Cairo's own recording surface, painted onto SVG, leaks its pictures as of 1.16.)
struct Canvas::State {
  using Stroke = std::function<void(cairo_t*)>;

  int width, height;
  std::string name;
  std::vector<std::string> texts;
  std::vector<Stroke> strokes;
  Pen ruler;  // measures texts

  void add(Stroke stroke) { strokes.push_back(std::move(stroke)); }
  void replay(cairo_surface_t* target, double scale) const {
    const Pen pen(cairo_create(target));
    set_letters(pen.get());
    cairo_scale(pen.get(), scale, scale);
    for (const Stroke& stroke : strokes) stroke(pen.get());
    check(cairo_status(pen.get()));
  }
};

Canvas::Canvas(int width, int height, std::string_view name) {
  check_size(width, height);
  const Surface nothing(cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1));
  Pen ruler(cairo_create(nothing.get()));
  set_letters(ruler.get());
  check(cairo_status(ruler.get()));
  state_ = std::make_unique<State>(State{width, height, printable(name), {}, {}, std::move(ruler)});
  fill({0, 0, static_cast<double>(width), static_cast<double>(height)}, Color::rgb(0xffffff));
}

Canvas::~Canvas() = default;
Canvas::Canvas(Canvas&&) noexcept = default;
Canvas& Canvas::operator=(Canvas&&) noexcept = default;

int Canvas::width() const { return state_->width; }
int Canvas::height() const { return state_->height; }

void Canvas::fill(const Box& box, const Color& color, double radius) {
  state_->add([=](cairo_t* pen) {
    set_color(pen, color);
    box_path(pen, box, radius);
    cairo_fill(pen);
  });
}

void Canvas::outline(const Box& box, const Color& color, double width, double radius) {
  const double half = width / 2;
  const Box middle{box.x + half, box.y + half, box.width - width, box.height - width};
  state_->add([=](cairo_t* pen) {
    set_color(pen, color);
    cairo_set_line_width(pen, width);
    cairo_set_dash(pen, nullptr, 0, 0);
    cairo_set_line_join(pen, CAIRO_LINE_JOIN_MITER);
    box_path(pen, middle, radius - half);
    cairo_stroke(pen);
  });
}

void Canvas::line(Point from, Point to, const LineStyle& style) {
  const Point points[] = {from, to};
  polyline(points, style);
}

void Canvas::polyline(std::span<const Point> points, const LineStyle& style) {
  state_->add([path = std::vector(points.begin(), points.end()), color = style.color,
               width = style.width,
               dashes = std::vector(style.dashes.begin(), style.dashes.end())](cairo_t* pen) {
    set_color(pen, color);
    cairo_set_line_width(pen, width);
    cairo_set_dash(pen, dashes.data(), static_cast<int>(dashes.size()), 0);
    cairo_set_line_join(pen, CAIRO_LINE_JOIN_ROUND);
    points_path(pen, path);
    cairo_stroke(pen);
  });
}

void Canvas::polygon(std::span<const Point> points, const Color& color) {
  state_->add([path = std::vector(points.begin(), points.end()), color](cairo_t* pen) {
    set_color(pen, color);
    points_path(pen, path);
    cairo_fill(pen);
  });
}

void Canvas::disc(Point center, double radius, const Color& color) {
  state_->add([=](cairo_t* pen) {
    set_color(pen, color);
    cairo_new_sub_path(pen);
    cairo_arc(pen, center.x, center.y, radius, 0, 2 * std::numbers::pi);
    cairo_fill(pen);
  });
}

void Canvas::text(std::string_view text, Point at, const TextStyle& style) {
  std::string line = printable(text);
  if (line.empty()) return;
  state_->texts.push_back(line);
  const double share = style.align == Align::kLeft ? 0 : style.align == Align::kCenter ? 0.5 : 1;
  const double shift = share == 0 ? 0 : share * measure(line, style).width;
  state_->add([=, line = std::move(line)](cairo_t* pen) {
    cairo_save(pen);
    cairo_translate(pen, at.x, at.y);
    cairo_rotate(pen, -style.angle * std::numbers::pi / 180);
    set_color(pen, style.color);
    set_font(pen, style);
    cairo_move_to(pen, -shift, 0);
    cairo_show_text(pen, line.c_str());
    cairo_new_path(pen);
    cairo_restore(pen);
  });
}

void Canvas::text_middle(std::string_view line, Point at, const TextStyle& style) {
  // Half the height of a capital letter: the same for every text, so that neighbours line up.
  constexpr double kHalfCapital = 0.36;
  const double turn = style.angle * std::numbers::pi / 180;
  const double drop = kHalfCapital * style.size;
  text(line, {at.x + drop * std::sin(turn), at.y + drop * std::cos(turn)}, style);
}

TextSize Canvas::measure(std::string_view text, const TextStyle& style) const {
  cairo_t* ruler = state_->ruler.get();
  set_font(ruler, style);
  cairo_text_extents_t extents;
  cairo_font_extents_t font;
  cairo_text_extents(ruler, printable(text).c_str(), &extents);
  cairo_font_extents(ruler, &font);
  return {extents.x_advance, font.ascent, font.descent};
}

std::string Canvas::fitted(std::string_view text, double width, const TextStyle& style) const {
  std::string whole = printable(text);
  if (measure(whole, style).width <= width) return whole;
  // Far longer than could fit is cut at once, or the loop below would be quadratic.
  std::string_view kept = std::string_view(whole).substr(0, 1024);
  std::string cut;
  do {
    kept = without_last(kept);
    cut = std::string(kept) + "…";
  } while (!kept.empty() && measure(cut, style).width > width);
  return cut;
}

Box Canvas::picture(const Image& picture, const Box& box) {
  const bool sound =
      picture.width > 0 && picture.height > 0 && picture.width <= kMaxSide &&
      picture.height <= kMaxSide && (picture.channels == 1 || picture.channels == 3) &&
      picture.pixels.size() == static_cast<std::size_t>(picture.height) * picture.row_bytes();
  if (!sound) {
    fail<InputError>("drawing: expected a picture of 1 or 3 channels, got {} x {} x {} in {} bytes",
                     picture.width, picture.height, picture.channels, picture.pixels.size());
  }
  const double fit = std::min(box.width / picture.width, box.height / picture.height);
  if (fit <= 0) return {box.center().x, box.center().y, 0, 0};
  const double scale = fit >= 1 ? std::floor(fit) : fit;
  const int factor = fit >= 1 ? static_cast<int>(scale) : 1;
  const double width = picture.width * scale;
  const double height = picture.height * scale;
  const Box covered{std::round(box.x + (box.width - width) / 2),
                    std::round(box.y + (box.height - height) / 2), width, height};
  const std::shared_ptr<cairo_surface_t> surface = enlarged(picture, factor);
  state_->add([=](cairo_t* pen) {
    cairo_save(pen);
    cairo_translate(pen, covered.x, covered.y);
    if (fit < 1) cairo_scale(pen, scale, scale);
    cairo_set_source_surface(pen, surface.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(pen),
                             fit < 1 ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
    // Edges of a shrunk picture do not fade into the background.
    cairo_pattern_set_extend(cairo_get_source(pen), CAIRO_EXTEND_PAD);
    cairo_rectangle(pen, 0, 0, cairo_image_surface_get_width(surface.get()),
                    cairo_image_surface_get_height(surface.get()));
    cairo_fill(pen);
    cairo_restore(pen);
  });
  return covered;
}

Canvas::Clip::Clip(Canvas& canvas, const Box& box) : canvas_(canvas) {
  canvas_.state_->add([box](cairo_t* pen) {
    cairo_save(pen);
    cairo_rectangle(pen, box.x, box.y, box.width, box.height);
    cairo_clip(pen);
  });
}

Canvas::Clip::~Clip() { canvas_.state_->add(cairo_restore); }

Image Canvas::image(double scale) const {
  const double wide = std::round(width() * scale);
  const double tall = std::round(height() * scale);
  check_size(wide, tall);
  Image result(static_cast<int>(wide), static_cast<int>(tall), 3);
  const Surface surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, result.width, result.height));
  check(cairo_surface_status(surface.get()));
  state_->replay(surface.get(), scale);
  cairo_surface_flush(surface.get());
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  std::uint8_t* out = result.pixels.data();
  for (int y = 0; y < result.height; ++y) {
    const unsigned char* row = data + static_cast<std::ptrdiff_t>(y) * stride;
    for (int x = 0; x < result.width; ++x) {
      std::uint32_t word;  // native order of bytes, so read as a whole
      std::memcpy(&word, row + static_cast<std::ptrdiff_t>(x) * 4, sizeof(word));
      *out++ = static_cast<std::uint8_t>(word >> 16);
      *out++ = static_cast<std::uint8_t>(word >> 8);
      *out++ = static_cast<std::uint8_t>(word);
    }
  }
  return result;
}

Bytes Canvas::png(double scale) const { return encode_png(image(scale)); }

std::string Canvas::svg() const {
  std::string result;
  {
    const Surface surface(cairo_svg_surface_create_for_stream(append, &result, width(), height()));
    check(cairo_surface_status(surface.get()));
    cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
    state_->replay(surface.get(), 1);
    cairo_surface_finish(surface.get());
    check(cairo_surface_status(surface.get()));
  }
  return described(renumbered(result), state_->name, state_->texts);
}

}  // namespace striate::draw
