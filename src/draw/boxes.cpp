#include "striate/draw/boxes.h"

#include <algorithm>

#include <fmt/format.h>

#include "draw/palette.h"
#include "striate/draw/canvas.h"
#include "striate/draw/overlay.h"

namespace striate::draw {
namespace {

constexpr int kReadable = 400;  // pixels of the longer side
constexpr double kText = 12;
constexpr double kPadding = 3;

Color color_of(std::int64_t label) {
  // The palette's first colour is black.
  const auto [red, green, blue] = class_palette(label + 2).back();
  return {red / 255.0, green / 255.0, blue / 255.0};
}

bool is_dark(const Color& color) {
  return 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue < 0.6;
}

}  // namespace

Image boxes(const Image& picture, std::span<const Detection> found,
            std::span<const std::string> classes, const BoxesOptions& options) {
  const int longer = std::max({picture.width, picture.height, 1});
  const int factor = std::max(1, kReadable / longer);
  Canvas canvas(picture.width * factor, picture.height * factor);
  const auto width = static_cast<double>(canvas.width());
  const auto height = static_cast<double>(canvas.height());
  canvas.picture(picture, {0, 0, width, height});
  const double line = std::max(2.0, std::max(width, height) / 400);
  for (std::size_t i = found.size(); i-- > 0;) {
    const Detection& one = found[i];
    const Color color = color_of(one.label);
    const Box frame{one.box.x1 * factor, one.box.y1 * factor, one.box.width() * factor,
                    one.box.height() * factor};
    canvas.outline(frame, color, line);
    if (!options.labels) continue;
    const std::string text =
        fmt::format("{} {:.0f} %", classes[static_cast<std::size_t>(one.label)], 100 * one.score);
    const TextStyle style{.size = kText,
                          .color = is_dark(color) ? Color::rgb(0xffffff) : Color::rgb(0x000000)};
    const Box plate{std::clamp(frame.x, 0.0, width), 0,
                    canvas.measure(text, style).width + 2 * kPadding, kText + 2 * kPadding};
    // Above the box, or inside where there is no room.
    const double top = frame.y >= plate.height ? frame.y - plate.height : std::max(frame.y, 0.0);
    const double left = std::clamp(frame.x, 0.0, std::max(0.0, width - plate.width));
    canvas.fill({left, top, plate.width, plate.height}, color);
    canvas.text_middle(text, {left + kPadding, top + plate.height / 2}, style);
  }
  return canvas.image();
}

}  // namespace striate::draw
