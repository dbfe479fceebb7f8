#include "striate/draw/overlay.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "draw/palette.h"
#include "striate/base/error.h"
#include "striate/draw/canvas.h"

namespace striate::draw {
namespace {

constexpr double kMargin = 14;
constexpr double kLine = 22;
constexpr double kSwatch = 14;
constexpr double kTextAt = kMargin + kSwatch + 8;
constexpr double kShare = 58;  // room for "100.0 %"
constexpr TextStyle kName{.size = 12, .color = kInk};
constexpr TextStyle kNumber{.size = 12, .color = kSoftInk, .align = Align::kRight};

bool is_clear(const std::string& name) { return name == "background"; }

// The classes on the picture, the largest first, as a strip of at least this height.
Image legend_of(const Image& labels, std::span<const std::string> classes, int height) {
  std::vector<std::int64_t> pixels(256);
  for (const std::uint8_t label : labels.pixels) ++pixels[label];
  std::vector<std::size_t> order(classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return pixels[a] > pixels[b]; });
  std::erase_if(order, [&](std::size_t label) { return pixels[label] == 0; });

  Canvas measure(1, 1);
  double widest = 0;
  for (const std::size_t label : order) {
    widest = std::max(widest, measure.measure(classes[label], kName).width);
  }
  constexpr double kMost = 200;
  widest = std::min(widest, kMost);
  const int width = static_cast<int>(kTextAt + widest + kShare + kMargin);
  const double needed = 2 * kMargin + kLine * static_cast<double>(order.size());
  Canvas canvas(width, std::clamp(static_cast<int>(needed), height, Canvas::kMaxSide));
  const auto palette = class_palette(static_cast<std::int64_t>(classes.size()));
  double y = kMargin + kLine / 2;
  for (const std::size_t label : order) {
    const auto& [red, green, blue] = palette[label];
    const Box swatch{kMargin, y - kSwatch / 2, kSwatch, kSwatch};
    if (!is_clear(classes[label])) {
      canvas.fill(swatch, {red / 255.0, green / 255.0, blue / 255.0}, 2);
    }
    canvas.outline(swatch, kGrid, 1, 2);
    canvas.text_middle(canvas.fitted(classes[label], widest, kName), {kTextAt, y}, kName);
    const double share = static_cast<double>(pixels[label]) /
                         static_cast<double>(std::max<std::size_t>(labels.pixels.size(), 1));
    canvas.text_middle(fmt::format("{:.1f} %", 100 * share), {width - kMargin, y}, kNumber);
    y += kLine;
  }
  return canvas.image();
}

}  // namespace

std::vector<std::array<std::uint8_t, 3>> class_palette(std::int64_t classes) {
  std::vector<std::array<std::uint8_t, 3>> palette;
  for (std::int64_t label = 0; label < classes; ++label) {
    // VOC's development kit: bits 0, 3, 6 of the label from the top of red, and so on.
    std::array<std::uint8_t, 3> colour{};
    for (int bit = 0; bit < 8; ++bit) {
      for (int channel = 0; channel < 3; ++channel) {
        const auto set = static_cast<unsigned>(label >> (3 * bit + channel)) & 1U;
        colour[static_cast<std::size_t>(channel)] = static_cast<std::uint8_t>(
            colour[static_cast<std::size_t>(channel)] | (set << (7 - bit)));
      }
    }
    palette.push_back(colour);
  }
  return palette;
}

Image overlay(const Image& picture, const Image& labels, std::span<const std::string> classes,
              const OverlayOptions& options) {
  invariant(
      labels.channels == 1 && labels.width == picture.width && labels.height == picture.height,
      "overlay: a label for each pixel");
  const auto palette = class_palette(static_cast<std::int64_t>(classes.size()));
  const Image legend = options.legend ? legend_of(labels, classes, picture.height) : Image(0, 0, 3);
  const Image colours = to_rgb(picture);
  Image result(picture.width + legend.width, std::max(picture.height, legend.height), 3);
  std::fill(result.pixels.begin(), result.pixels.end(), std::uint8_t{255});
  const auto strength = static_cast<int>(std::clamp(options.strength, 0.0, 1.0) * 256);
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* from = colours.row(y);
    const std::uint8_t* label = labels.row(y);
    std::uint8_t* to = result.row(y);
    for (int x = 0; x < picture.width; ++x, from += 3, to += 3) {
      const bool tinted = label[x] < classes.size() && !is_clear(classes[label[x]]);
      for (std::size_t c = 0; c < 3; ++c) {
        const int own = from[c];
        to[c] = static_cast<std::uint8_t>(
            tinted ? (own * (256 - strength) + palette[label[x]][c] * strength) / 256 : own);
      }
    }
  }
  for (int y = 0; y < legend.height; ++y) {
    std::copy_n(legend.row(y), legend.row_bytes(), result.row(y) + 3 * picture.width);
  }
  return result;
}

}  // namespace striate::draw
