#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/cpu/kernels.h"
#include "striate/base/threads.h"

// Winograd's convolution F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308): a tile of 4 by 4 outputs
// is 36 products of transformed pixels and weights where the plain sum takes 144. It rounds a few
// times more coarsely than the plain sum, and an infinity or NaN spreads over its whole tile.

namespace striate::cpu {

/// The sizes of a 3 by 3 convolution of stride 1, in either direction: they alone decide.
struct WinogradShape {
  std::int64_t n = 0, h = 0, w = 0;     ///< pixels to compute
  std::int64_t depth = 0, columns = 0;  ///< channels that are read, and computed
  std::int64_t step_y = 1, step_x = 1;  ///< dilation: that many interleaved images
};

/// target[y][x] = sum over taps (r, s) of source[y + first_y + r * step_y][x + first_x + s * step_x]
/// times the tap's weights (+ what was there), finished; pixels outside the source are zeros.
struct Winograd : WinogradShape {
  Pixels source;
  std::int64_t first_y = 0, first_x = 0;
  float* target = nullptr;
  std::int64_t target_pixel = 0;

  /// Dense weights: [column][depth][tap], or, adjoint, [depth][column][tap] with the taps reversed.
  const float* weights = nullptr;
  bool adjoint = false;
  /// The weights as winograd_prepare made them for these sizes; null: not yet.
  const float* prepared = nullptr;

  const Finish* prepare = nullptr;  ///< of source pixels, `depth` channels; null: none
  Finish finish;                    ///< padded to whole panels
  const float* residual = nullptr;  ///< pixels as the target's, residual_pixel apart; null: none
  std::int64_t residual_pixel = 0;
  bool accumulate = false;
};

/// Whether this is expected to be faster than the plain product, by a count of operations.
bool winograd_wins(const WinogradShape& shape);
/// `prepares`: whether there is a Winograd::prepare.
std::size_t winograd_scratch(int threads, const WinogradShape& shape, bool prepares = false);
void winograd(const Threads& threads, const Winograd& job, std::span<std::byte> scratch);

/// Bytes of a job's transformed weights; of the job only sizes and weights are looked at.
std::size_t winograd_prepared(const WinogradShape& shape);
void winograd_prepare(const Threads& threads, const Winograd& job, float* prepared);

/// The gradient of the weights of such a convolution, with `target`'s gradient for pixels:
/// weights[column][depth][tap] (+)= sum over pixels of source under the tap times gradient.
struct WinogradGradient : WinogradShape {
  Pixels source;
  std::int64_t first_y = 0, first_x = 0;
  Pixels gradient;
  float* weights = nullptr;
  bool accumulate = false;
};

bool winograd_gradient_wins(const WinogradShape& shape);
std::size_t winograd_gradient_scratch(int threads, const WinogradShape& shape);
void winograd_gradient(const Threads& threads, const WinogradGradient& job,
                       std::span<std::byte> scratch);

}  // namespace striate::cpu
