#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "striate/base/files.h"
#include "striate/codec/image.h"

namespace striate::draw {

/// Parts in [0, 1], alpha not premultiplied.
struct Color {
  double red = 0, green = 0, blue = 0, alpha = 1;

  /// From 0xRRGGBB.
  static constexpr Color rgb(std::uint32_t hex, double alpha = 1) {
    return {((hex >> 16) & 0xff) / 255.0, ((hex >> 8) & 0xff) / 255.0, (hex & 0xff) / 255.0, alpha};
  }
  bool operator==(const Color&) const = default;
};

/// The color `share` of the way from `from` to `to`.
Color blend(const Color& from, const Color& to, double share);

/// In pixels; y grows downwards.
struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};

struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
  Point center() const { return {x + width / 2, y + height / 2}; }
  bool operator==(const Box&) const = default;
};

enum class Align { kLeft, kCenter, kRight };

struct TextStyle {
  double size = 12;  ///< pixels
  bool bold = false;
  Color color = Color::rgb(0x20262e);
  Align align = Align::kLeft;  ///< which part of the text lies at the given point
  double angle = 0;            ///< degrees, counter-clockwise about the given point
};

struct TextSize {
  double width = 0;
  double ascent = 0;   ///< of the font, above the base line
  double descent = 0;  ///< of the font, below the base line
};

struct LineStyle {
  Color color = Color::rgb(0x20262e);
  double width = 1;
  std::span<const double> dashes = {};  ///< lengths of dash, gap, dash, …; solid when empty
};

/// A white sheet that remembers what is drawn on it and gives it back as pixels or as SVG, at any
/// scale. Coordinates must be finite. Text may hold any bytes: what is not UTF-8 shows as U+FFFD
/// and control characters as spaces. Without an installed font, text is drawn in Cairo's own
/// simple strokes. One canvas belongs to one thread at a time; different canvases are independent.
class Canvas {
 public:
  /// The largest side, and the most pixels in all, of a canvas and of what `image` returns.
  static constexpr int kMaxSide = 32767;
  static constexpr std::int64_t kMaxPixels = striate::kMaxPixels;

  /// `name` is what a reader of the SVG that cannot see it is told. Throws InputError when the
  /// size is not in [1, kMaxSide] or exceeds kMaxPixels.
  Canvas(int width, int height, std::string_view name = "");
  ~Canvas();
  Canvas(Canvas&&) noexcept;
  Canvas& operator=(Canvas&&) noexcept;
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  int width() const;
  int height() const;

  void fill(const Box& box, const Color& color, double radius = 0);
  /// The line lies inside the box.
  void outline(const Box& box, const Color& color, double width = 1, double radius = 0);
  void line(Point from, Point to, const LineStyle& style = {});
  void polyline(std::span<const Point> points, const LineStyle& style = {});
  void polygon(std::span<const Point> points, const Color& color);
  void disc(Point center, double radius, const Color& color);

  /// One line of text with its base line at `at`.
  void text(std::string_view text, Point at, const TextStyle& style = {});
  /// One line of text, its capital letters centered vertically on `at`.
  void text_middle(std::string_view text, Point at, const TextStyle& style = {});
  TextSize measure(std::string_view text, const TextStyle& style = {}) const;
  /// `text`, its end replaced by "…" where it is wider than `width`.
  std::string fitted(std::string_view text, double width, const TextStyle& style = {}) const;

  /// Puts `picture` in the middle of `box`: enlarged by the largest whole factor that fits, so that
  /// its pixels stay sharp, or shrunk smoothly where it is larger than the box. Returns the box
  /// that it covers. Throws InputError for a picture that is empty or whose size and pixels
  /// disagree.
  Box picture(const Image& picture, const Box& box);

  /// While it lives, only what lies within the box is drawn on. Clips nest.
  class [[nodiscard]] Clip {
   public:
    Clip(Canvas& canvas, const Box& box);
    ~Clip();
    Clip(const Clip&) = delete;
    Clip& operator=(const Clip&) = delete;

   private:
    Canvas& canvas_;
  };
  Clip clip(const Box& box) { return {*this, box}; }

  /// Red, green, blue; `scale` output pixels for each pixel of the canvas.
  Image image(double scale = 1) const;
  Bytes png(double scale = 1) const;
  /// Letters become outlines; the name and every text drawn are kept in <title> and <desc>.
  std::string svg() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace striate::draw
