#include "cli/window_picture.h"

#include <algorithm>

#include <fmt/format.h>

#include "striate/base/error.h"

namespace striate {
namespace {

constexpr std::int64_t kWidest = 100;  // characters of a line, cells of a picture

bool contains(const std::vector<std::int64_t>& list, std::int64_t item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Cells before and behind the input: a transposed convolution reads none.
std::int64_t border(const ConvAnswer& answer, bool transposed) {
  return transposed ? 0 : answer.padding;
}

// Input pixels at the end that no output sees.
std::int64_t first_unused(const ConvAnswer& answer, bool transposed) {
  return transposed ? answer.input : answer.input + answer.padding - answer.unused;
}

}  // namespace

std::string window_lines(const ConvAnswer& answer, std::int64_t dilation, bool transposed,
                         std::int64_t most) {
  const std::int64_t pad = border(answer, transposed);
  const std::int64_t end = std::min(answer.input + pad, kWidest - pad);
  const std::int64_t unused = first_unused(answer, transposed);
  const auto line = [&](const std::string& title, const auto& mark) {
    std::string cells;
    for (std::int64_t at = -pad; at < end; ++at) cells += mark(at);
    return fmt::format("{:<10}  {}{}\n", title, cells, end < answer.input + pad ? " …" : "");
  };
  std::string text = line("input", [&](std::int64_t at) {
    if (at < 0 || at >= answer.input) return "p";
    return at >= unused ? "-" : "o";
  });
  const std::int64_t shown = std::min(answer.output, most);
  for (std::int64_t pixel = 0; pixel < shown; ++pixel) {
    const auto seen = seen_by(answer, dilation, transposed, pixel);
    text += line(fmt::format("output {}", pixel),
                 [&](std::int64_t at) { return contains(seen, at) ? "█" : "·"; });
  }
  if (shown < answer.output) text += fmt::format("… to output {}\n", answer.output - 1);
  return text;
}

draw::Canvas window_picture(const ConvAnswer& answer, std::int64_t dilation, bool transposed) {
  using draw::Color;
  const std::int64_t pad = border(answer, transposed);
  const std::int64_t cells = answer.input + 2 * pad;
  if (std::max(cells, answer.output) > kWidest) {
    fail<InputError>("a drawing has room for {} pixels along a side, got {}", kWidest,
                     std::max(cells, answer.output));
  }
  const double cell =
      std::clamp(480.0 / static_cast<double>(std::max(cells, answer.output)), 8.0, 40.0);
  const double margin = 24;
  const double top = 52;
  const double left = static_cast<double>(cells) * cell;
  const double right = static_cast<double>(answer.output) * cell;
  const double gap = 64;
  draw::Canvas canvas(static_cast<int>(2 * margin + left + gap + right),
                      static_cast<int>(top + std::max(left, right) + margin),
                      fmt::format("input {} and output {}", answer.input, answer.output));
  const std::int64_t middle = answer.output / 2;
  const auto seen = seen_by(answer, dilation, transposed, middle);
  const Color line = Color::rgb(0x8a94a0);
  const Color padded = Color::rgb(0xe4e7eb);
  const Color spare = Color::rgb(0xf3d9b1);
  const Color strong = Color::rgb(0x2f6fb5);
  const Color paper = Color::rgb(0xffffff);
  const std::int64_t unused = first_unused(answer, transposed);
  const auto grid = [&](double x0, std::int64_t first, std::int64_t end, const auto& color) {
    for (std::int64_t y = first; y < end; ++y) {
      for (std::int64_t x = first; x < end; ++x) {
        const draw::Box box{x0 + static_cast<double>(x - first) * cell,
                            top + static_cast<double>(y - first) * cell, cell, cell};
        canvas.fill(box, color(y, x));
        canvas.outline(box, line, 0.5);
      }
    }
  };
  const draw::TextStyle title{.size = 14, .bold = true};
  canvas.text(fmt::format("input {0}x{0}{1}", answer.input,
                          pad > 0 ? fmt::format(", padding {}", pad) : std::string()),
              {margin, margin + 10}, title);
  canvas.text(fmt::format("output {0}x{0}", answer.output), {margin + left + gap, margin + 10},
              title);
  grid(margin, -pad, answer.input + pad, [&](std::int64_t y, std::int64_t x) {
    const bool outside = std::min(y, x) < 0 || std::max(y, x) >= answer.input;
    if (contains(seen, y) && contains(seen, x))
      return outside ? blend(strong, padded, 0.5) : strong;
    if (outside) return padded;
    return std::max(y, x) >= unused ? spare : paper;
  });
  grid(margin + left + gap, 0, answer.output,
       [&](std::int64_t y, std::int64_t x) { return y == middle && x == middle ? strong : paper; });
  return canvas;
}

}  // namespace striate
