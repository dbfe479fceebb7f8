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

/// pixels[kCount][kCount] of an image of h by w from (y, x) on, step_y and step_x apart; `outside`
/// stands for those beyond it.
template <std::int64_t kCount, class T>
void find_pixels(T* data, std::int64_t h, std::int64_t w, std::int64_t pixel,
                 const Tiles::Origin& from, const WinogradShape& step, T* outside, T** pixels) {
  const std::int64_t last_y = from.y + (kCount - 1) * step.step_y;
  const std::int64_t last_x = from.x + (kCount - 1) * step.step_x;
  const std::int64_t offset = ((from.image * h + from.y) * w + from.x) * pixel;
  const std::int64_t step_y = step.step_y * w * pixel;
  const std::int64_t step_x = step.step_x * pixel;
  if (from.y >= 0 && from.x >= 0 && last_y < h && last_x < w) {
    for (std::int64_t j = 0; j < kCount; ++j) {
      T* line = data + offset + j * step_y;
      for (std::int64_t i = 0; i < kCount; ++i) pixels[j * kCount + i] = line + i * step_x;
    }
    return;
  }
  for (std::int64_t j = 0; j < kCount; ++j) {
    const std::int64_t y = from.y + j * step.step_y;
    for (std::int64_t i = 0; i < kCount; ++i) {
      const std::int64_t x = from.x + i * step.step_x;
      const bool inside = y >= 0 && y < h && x >= 0 && x < w;
      pixels[j * kCount + i] = inside ? data + offset + j * step_y + i * step_x : outside;
    }
  }
}
template <std::int64_t kCount>
void find_pixels(const Pixels& source, const Tiles::Origin& from, const WinogradShape& step,
                 const float* zeros, const float** pixels) {
  find_pixels<kCount>(source.data, source.h, source.w, source.pixel, from, step, zeros, pixels);
}

}  // namespace striate::cpu
