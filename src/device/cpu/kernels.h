#pragma once

#include <array>
#include <cstdint>

// The register-blocked micro-kernel behind every convolution and matrix product, and the data
// movement around it, compiled once per instruction set. Pointers and sizes only: where a row's
// pointer comes from is the caller's business.
//
// A product multiplies rows (of which one element at a time is broadcast) with panels: the right
// operand, cut into strips of one or two vectors of columns, packed as [k][width] and padded with
// zeros. Each element of the result is one chain of fused multiply-adds in the order of k, so its
// bits do not depend on how the rows and columns are cut into tiles.

namespace striate::cpu {

inline constexpr int kMaxVectors = 2;
inline constexpr int kMaxLanes = 16;
inline constexpr int kMaxRows = 16;
inline constexpr int kMaxDotRows = 8;

/// What each result becomes when its sum is complete: scale[j] * sum + shift[j] (+ residual), then
/// `slope` times what is below zero. The vectors are readable for whole panels.
struct Finish {
  const float* scale = nullptr;  ///< null: 1
  const float* shift = nullptr;  ///< null: 0
  float slope = 1;

  Finish from(std::int64_t column) const {
    return {scale ? scale + column : nullptr, shift ? shift + column : nullptr, slope};
  }
};

/// What happens to a tile while it is in registers:
/// rows[i][column + j] = alpha * sum (+ what was there) for j < columns; nothing beyond is touched.
/// The finish, where there is one, comes last.
struct TileOutput {
  float* const* rows = nullptr;
  std::int64_t column = 0;
  std::int64_t columns = 0;
  float alpha = 1;
  bool accumulate = false;
  const Finish* finish = nullptr;    ///< from the tile's column on
  const float* residual = nullptr;   ///< row i's residuals lie at residual + i * residual_stride
  std::int64_t residual_stride = 0;  ///< from the tile's column on
};

/// sum over t < taps, k < depth of rows[t][i][offset + k] * panel[t * depth + k][j].
struct RowsTile {
  const float* const* rows = nullptr;  ///< [taps][count of rows]
  std::int64_t offset = 0;
  std::int64_t taps = 0;
  std::int64_t depth = 0;
  const float* panel = nullptr;
  TileOutput out;
};

/// A run of consecutive k: element i of step k lies at a[k * stride + offset + i].
struct Run {
  const float* a = nullptr;
  std::int64_t first = 0;  ///< the panel's k of the first step
  std::int64_t count = 0;
};

/// sum over the runs and their steps of a_step[i] * panel[first + step][j]: the product with the
/// left operand transposed.
struct RunsTile {
  const Run* runs = nullptr;
  std::int64_t run_count = 0;
  std::int64_t stride = 0;
  std::int64_t offset = 0;
  const float* panel = nullptr;
  TileOutput out;
};

/// Kernel taps as two arithmetic progressions: tap (j, i) of a row at (y, x) sees source pixel
/// (y + first_y + j * step_y, x + first_x + i * step_x).
struct TapGrid {
  std::int64_t rows = 0, columns = 0;
  std::int64_t first_y = 0, first_x = 0;
  std::int64_t step_y = 1, step_x = 1;

  std::int64_t count() const { return rows * columns; }
};

/// The pixels of a channels-last map; `pixel` elements lie between neighbours.
struct Pixels {
  const float* data = nullptr;
  std::int64_t h = 0, w = 0, pixel = 0;
};

/// A tile's rows before its taps are looked up: source coordinates, and the image's index.
struct RowOrigins {
  alignas(64) std::array<std::int64_t, kMaxRows> y{}, x{}, image{};
};

using RowsKernel = void (*)(const RowsTile&);
using RunsKernel = void (*)(const RunsTile&);
using DotKernel = void (*)(const float* const* x, const float* b, std::int64_t stride,
                           std::int64_t depth, std::int64_t columns, float* const* out);

struct Kernels {
  const char* name;  ///< the instruction set
  int lanes;         ///< floats in a vector
  /// Most rows of a tile that is 1 or 2 vectors wide, for either form of the kernel. A product of
  /// mixed panels takes the limits of its widest.
  std::array<int, kMaxVectors> rows_limit, runs_limit;
  std::array<std::array<RowsKernel, kMaxRows>, kMaxVectors> rows;  ///< [vectors - 1][rows - 1]
  std::array<std::array<RunsKernel, kMaxRows>, kMaxVectors> runs;

  /// out[tap][row] = address of the tap's pixel, or `zeros` where it lies outside the map. `out`
  /// has room for kMaxRows addresses more.
  void (*find_taps)(const Pixels& source, const TapGrid& taps, const RowOrigins& origins,
                    std::int64_t count, const float* zeros, const float** out);

  /// panel[k][j] = source[k * stride + j] for k < count, j < columns; zero up to `width`.
  void (*pack_rows)(const float* source, std::int64_t stride, std::int64_t count,
                    std::int64_t columns, std::int64_t width, float* panel);
  /// panel[at(q)][j] = source[j * stride + q] for q < count, j < columns, where at(q) is at[q], or q
  /// without a table. Columns up to `width` become zero.
  void (*pack_transposed)(const float* source, std::int64_t stride, std::int64_t count,
                          std::int64_t columns, const std::int64_t* at, std::int64_t width,
                          float* panel);
  /// The way back, summing: out[j * stride + q] (+)= sum over p < parts of the p-th panel's
  /// [at[q]][j]; the panels are part_stride apart.
  void (*unpack_transposed)(const float* panel, std::int64_t parts, std::int64_t part_stride,
                            std::int64_t width, const std::int64_t* at, std::int64_t count,
                            std::int64_t columns, bool accumulate, float* out, std::int64_t stride);

  /// [rows - 1]: out[i][j] = sum over k of x[i][k] * b[j * stride + k] for j < columns.
  std::array<DotKernel, kMaxDotRows> dot_rows;
  /// out[j] = sum over k of x[k] * b[k * stride + j] for j < columns.
  void (*sum_rows)(const float* x, const float* b, std::int64_t stride, std::int64_t depth,
                   std::int64_t columns, float* out);

  /// Winograd's transforms of 4 by 4 outputs of a 3 by 3 kernel; the 36 transformed values of a
  /// channel are `stride` apart.
  /// to[36][count up to whole vectors] from the 6 by 6 pixels that the outputs see, channels from
  /// `first` on.
  void (*winograd_input)(const float* const* pixels, std::int64_t first, std::int64_t count,
                         float* to, std::int64_t stride);
  /// to[i] = the finish of from[i] for i < count, without residual.
  void (*map_channels)(const float* from, std::int64_t count, const Finish& finish, float* to);
  /// to[36][count] from taps[9][count], tap_stride apart; count is a multiple of the lanes.
  void (*winograd_weights)(const float* taps, std::int64_t tap_stride, std::int64_t count,
                           float* to, std::int64_t stride);
  /// pixels[16][columns] (+)= the outputs from[36][columns up to whole vectors] stands for,
  /// finished. Pixels that are null are left out; residuals[16] lie as the pixels do (null: none).
  void (*winograd_output)(const float* from, std::int64_t stride, std::int64_t columns,
                          const Finish& finish, bool accumulate, const float* const* residuals,
                          float* const* pixels);
  /// The way back of winograd_output and of winograd_weights, for the gradient of the weights:
  /// to[36][count up to whole vectors] from 4 by 4 outputs, channels from `first` on;
  void (*winograd_output_adjoint)(const float* const* pixels, std::int64_t first,
                                  std::int64_t count, float* to, std::int64_t stride);
  /// taps[9][count], tap_stride apart, from the sum of `parts` from[36][count], part_stride apart;
  /// count is a multiple of the lanes.
  void (*winograd_weights_adjoint)(const float* from, std::int64_t stride, std::int64_t parts,
                                   std::int64_t part_stride, std::int64_t count, float* taps,
                                   std::int64_t tap_stride);
};

/// The table for the best instruction set of this processor.
const Kernels& kernels();

}  // namespace striate::cpu
