#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "device/cpu/groups.h"
#include "device/cpu/winograd.h"

// What Winograd's convolution and the gradient of its weights have in common: the tiles.

namespace striate::cpu {

inline constexpr std::int64_t kSide = 4;                // of a tile of outputs
inline constexpr std::int64_t kSeen = kSide + 2;        // of the pixels it sees
inline constexpr std::int64_t kValues = kSeen * kSeen;  // products a tile takes
inline constexpr std::int64_t kTaps = 9;
// Channels whose weights are transformed at a time.
inline constexpr std::int64_t kTogether = 16;
// Transformed values that lie side by side are this much further apart than they need, so that
// they do not meet in the cache's sets.
inline constexpr std::int64_t kApart = 16;

constexpr std::int64_t divide_up(std::int64_t value, std::int64_t by) {
  return (value + by - 1) / by;
}

// The tiles of all images, those of one interleaved image after those of another.
struct Tiles {
  explicit Tiles(const WinogradShape& s)
      : phases_y(std::min(s.step_y, s.h)),
        phases_x(std::min(s.step_x, s.w)),
        rows(divide_up(divide_up(s.h, s.step_y), kSide)),
        columns(divide_up(divide_up(s.w, s.step_x), kSide)),
        step_y(s.step_y),
        step_x(s.step_x),
        count(s.n * phases_y * phases_x * rows * columns) {}

  struct Origin {
    std::int64_t image, y, x;
  };
  Origin origin(std::int64_t tile) const {
    const std::int64_t x = tile % columns;
    tile /= columns;
    const std::int64_t y = tile % rows;
    tile /= rows;
    const std::int64_t phase_x = tile % phases_x;
    tile /= phases_x;
    return {tile / phases_y, tile % phases_y + y * kSide * step_y, phase_x + x * kSide * step_x};
  }

  std::int64_t phases_y, phases_x, rows, columns, step_y, step_x, count;
};

/// pixels[kCount][kCount] of an image from (y, x) on, step_y and step_x apart; `zeros` stands for
/// those outside.
template <std::int64_t kCount>
void find_pixels(const Pixels& source, const Tiles::Origin& from, const WinogradShape& step,
                 const float* zeros, const float** pixels) {
  for (std::int64_t j = 0; j < kCount; ++j) {
    const std::int64_t y = from.y + j * step.step_y;
    const bool inside = y >= 0 && y < source.h;
    const float* line = source.data + (from.image * source.h + y) * source.w * source.pixel;
    for (std::int64_t i = 0; i < kCount; ++i) {
      const std::int64_t x = from.x + i * step.step_x;
      *pixels++ = inside && x >= 0 && x < source.w ? line + x * source.pixel : zeros;
    }
  }
}

}  // namespace striate::cpu
