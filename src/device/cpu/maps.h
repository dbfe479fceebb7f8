#pragma once

#include <cstdint>

#include "device/cpu/kernels.h"
#include "striate/tensor/tensor.h"

namespace striate::cpu {

/// Elements between neighbouring pixels of a map. A dimension of one element has no say.
inline std::int64_t pixel_stride(const ConstView& map) {
  if (map.shape[3] > 1) return map.stride(3);
  if (map.shape[2] > 1) return map.stride(2);
  if (map.shape[0] > 1) return map.stride(0);
  return map.shape[1];
}

/// A map by image, row and pixel.
template <class T>
struct Map {
  T* data = nullptr;
  std::int64_t image = 0, row = 0, pixel = 0;

  T* at(std::int64_t n, std::int64_t y, std::int64_t x) const {
    return data + n * image + y * row + x * pixel;
  }
  explicit operator bool() const { return data != nullptr; }
};

template <class T, class SomeView>
Map<T> map_of(const SomeView& view) {
  if (!view) return {};
  invariant(view.shape.rank() == 4 && (view.shape[1] <= 1 || view.stride(1) == 1),
            "the operands are channels-last maps");
  return {view.template as<std::remove_const_t<T>>(), view.stride(0), view.stride(2),
          view.stride(3)};
}

/// A rectangle of grid points in each of n images, as rows of a product: point (y, x) sees source
/// pixels from (y * step_y, x * step_x) on, and writes target pixel (first_y + y * target_step_y,
/// first_x + x * target_step_x).
struct RowGrid {
  const Kernels& kernels;
  std::int64_t n = 0, h = 0, w = 0;

  Pixels source;
  TapGrid taps;
  std::int64_t step_y = 1, step_x = 1;

  float* target = nullptr;
  std::int64_t target_h = 0, target_w = 0, target_pixel = 0;
  std::int64_t first_y = 0, first_x = 0;
  std::int64_t target_step_y = 1, target_step_x = 1;

  std::int64_t count() const { return n * h * w; }
  /// Product::find for this grid. `zeros` stands for pixels outside the source.
  void find(std::int64_t first, std::int64_t count, const float* zeros, const float** in,
            float** out) const;
};

inline void RowGrid::find(std::int64_t first, std::int64_t count, const float* zeros,
                          const float** in, float** out) const {
  RowOrigins origins;
  std::int64_t image = first / (h * w);
  std::int64_t y = first / w % h;
  std::int64_t x = first % w;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    origins.image[at] = image;
    origins.y[at] = y * step_y;
    origins.x[at] = x * step_x;
    out[i] = target + ((image * target_h + first_y + y * target_step_y) * target_w + first_x +
                       x * target_step_x) *
                          target_pixel;
    if (++x == w) {
      x = 0;
      if (++y == h) {
        y = 0;
        ++image;
      }
    }
  }
  kernels.find_taps(source, taps, origins, count, zeros, in);
}

}  // namespace striate::cpu
