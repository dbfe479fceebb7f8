#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "device/cpu/kernels.h"
#include "striate/base/threads.h"

// The loops around the micro-kernel: blocks that fit the caches, and their share-out over threads.
// How k is cut depends on the shape alone; rows and columns may be cut in any way, because each
// element is summed in the order of k.

namespace striate::cpu {

/// How many columns a panel is wide and how many panels there are.
struct Panels {
  explicit Panels(std::int64_t columns_of_product);

  std::int64_t columns = 0;
  std::int64_t lanes = 0;
  std::int64_t width = 0;  ///< of every panel but the last
  std::int64_t count = 0;

  std::int64_t first(std::int64_t panel) const { return panel * width; }
  std::int64_t columns_of(std::int64_t panel) const;
  /// The last panel is one vector wide where that suffices.
  int vectors_of(std::int64_t panel) const;
  std::int64_t width_of(std::int64_t panel) const;
  /// Columns rounded up to whole vectors: what a row of all panels takes.
  std::int64_t padded() const { return first(count - 1) + width_of(count - 1); }
};

/// `count` things cut into `parts` nearly equal ranges.
struct Parts {
  std::int64_t count = 0;
  std::int64_t parts = 0;

  std::int64_t begin(std::int64_t part) const { return count * part / parts; }
  std::int64_t end(std::int64_t part) const { return begin(part + 1); }
};
/// The fewest parts of at most `most` things.
Parts parts_of(std::int64_t count, std::int64_t most);

/// out = alpha * left right (+ out), finished. The left operand is [rows, taps * depth], seen through
/// an index; the right one is [taps * depth, columns] in panels.
struct Product {
  std::int64_t rows = 0, columns = 0;
  std::int64_t taps = 1, depth = 0;

  /// Where rows [first, first + count) lie: in[tap * count + i] points at `depth` floats, out[i] at
  /// the row's first result; `in` has room for kMaxRows more. `in` is null where left_transposed is given.
  std::function<void(std::int64_t first, std::int64_t count, const float** in, float** out)> find;
  /// Or the left operand as it lies, transposed (one tap): element (i, k) at [k * stride + i].
  const float* left_transposed = nullptr;
  std::int64_t left_stride = 0;

  /// The right operand: packed panels, `panel_stride` apart, of which the product takes k from
  /// packed_first on, …
  const float* packed = nullptr;
  std::int64_t panel_stride = 0;
  std::int64_t packed_first = 0;
  /// … or how to pack k in [first, last) of one panel, as [k][width of the panel]. Less than the
  /// whole of k is asked for only where there is one tap.
  std::function<void(std::int64_t panel, std::int64_t first, std::int64_t last, float* to)> pack;

  float alpha = 1;
  bool accumulate = false;
  /// Applied to the left operand's rows (one tap; with scale and shift of `depth`), and to results
  /// (of whole panels).
  const Finish* prepare = nullptr;
  const Finish* finish = nullptr;
  const float* residual = nullptr;  ///< row i's at residual + i * residual_stride; null: none
  std::int64_t residual_stride = 0;
};

/// The right operand of a product of `steps` = taps * depth, packed: what Product::packed takes, with a
/// panel_stride of width * steps. `pack` is Product::pack.
std::size_t packed_bytes(const Panels& panels, std::int64_t steps);
void pack_panels(const Threads& threads, const Panels& panels, std::int64_t taps,
                 std::int64_t depth,
                 const std::function<void(std::int64_t panel, std::int64_t first, std::int64_t last,
                                          float* to)>& pack,
                 float* packed);

/// Bytes `multiply` takes on this many threads for a product of these sizes.
std::size_t multiply_scratch(int threads, std::int64_t rows, std::int64_t columns,
                             std::int64_t taps, std::int64_t depth, bool left_transposed,
                             bool prepares = false);
void multiply(const Threads& threads, const Product& product, std::span<std::byte> scratch);

}  // namespace striate::cpu
