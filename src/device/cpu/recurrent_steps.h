#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "device/cpu/groups.h"
#include "device/cpu/product.h"
#include "striate/base/memory.h"
#include "striate/device/recurrent.h"

// What both ways through a sequence share: which rows take part in a step, the recurrent weights in
// panels, and the share-out over threads.
//
// A step multiplies the rows of the batch with weights that stay in cache, and the cell's functions
// follow while the sums are there too. Either each thread takes some rows through all steps, and
// nobody waits for anybody; or, where the batch has few rows or the weights are large, each takes
// some of the units through one step at a time. An element's sum is the same chain either way.

namespace striate::cpu {

/// Which rows take part in which steps.
class Turns {
 public:
  Turns(const RecurrentGeometry& g, const ConstView& lengths);

  std::int64_t length(std::int64_t n) const {
    return lengths_.empty() ? steps_ : lengths_[to_size(n)];
  }
  bool active(std::int64_t t, std::int64_t n) const { return t >= 0 && t < length(n); }
  /// The place in time of the step that is number s.
  std::int64_t at(std::int64_t s) const { return reverse_ ? steps_ - 1 - s : s; }
  /// The step whose state step t of row n begins from, or -1: the initial one.
  std::int64_t before(std::int64_t t, std::int64_t n) const {
    const std::int64_t earlier = reverse_ ? t + 1 : t - 1;
    return active(earlier, n) ? earlier : -1;
  }
  bool is_last(std::int64_t t, std::int64_t n) const { return t == (reverse_ ? 0 : length(n) - 1); }
  /// The step that comes first for row n; below 0 where it has none.
  std::int64_t first(std::int64_t n) const { return reverse_ ? length(n) - 1 : 0; }

 private:
  std::int64_t steps_;
  bool reverse_;
  std::vector<std::int64_t> lengths_;
};

/// Rows of the batch and units of the state, in whole panels, that one thread works on.
struct Share {
  std::int64_t item = 0;
  std::int64_t row_begin = 0, row_end = 0;
  std::int64_t panel_begin = 0, panel_end = 0;
};

/// How a batch is shared out.
class Shares {
 public:
  Shares(const Threads& threads, const RecurrentGeometry& g);

  std::int64_t count() const { return parts_.parts; }
  /// Calls work(share, step, phase) for every share and each phase of each step; a phase begins when
  /// those before it are done with the rows that it reads.
  void run(std::int64_t steps, int phases,
           const std::function<void(const Share&, std::int64_t step, int phase)>& work) const;

 private:
  Share share(std::int64_t item) const;

  const Threads& threads_;
  std::int64_t batch_, panels_;
  bool by_rows_;
  Parts parts_;
};

/// The gates' weights in panels of the cell's units, [panel][gate][k][width of the panel], or of the
/// state's before, for the way back.
class GatePanels {
 public:
  GatePanels(std::int64_t columns, std::int64_t depth, std::size_t gates)
      : panels_(columns), depth_(depth), gates_(static_cast<std::int64_t>(gates)) {}

  std::int64_t floats() const { return panels_.padded() * depth_ * gates_; }
  std::int64_t depth() const { return depth_; }
  const Panels& panels() const { return panels_; }
  std::int64_t count() const { return panels_.count; }
  /// The first unit of a panel, or behind the last one.
  std::int64_t first(std::int64_t panel) const {
    return std::min(panels_.columns, panels_.first(panel));
  }
  int most_rows() const { return kernels().rows_limit[to_size(panels_.vectors_of(0) - 1)]; }

  /// `transposed`: the columns are the weights' rows, a gate's units; or as the weights lie.
  void pack(const Threads& threads, const std::array<ConstView, kMaxGates>& weights,
            bool transposed, float* to);
  void use(const float* packed) { packed_ = packed; }
  const float* at(std::int64_t panel, std::size_t gate) const {
    return packed_ + offset(panel, static_cast<std::int64_t>(gate));
  }

 private:
  std::int64_t offset(std::int64_t panel, std::int64_t gate) const {
    return (panels_.first(panel) * gates_ + gate * panels_.width_of(panel)) * depth_;
  }

  Panels panels_;
  std::int64_t depth_, gates_;
  const float* packed_ = nullptr;
};

/// One tile of rows: out[i][column + j] (+)= the sum over taps and k of in[tap][i][k] times the
/// panel's, + bias[j] where there is one.
void multiply_gate_tile(const GatePanels& panels, std::int64_t panel, std::size_t gate,
                        std::int64_t taps, const float* const* in, float* const* out,
                        std::int64_t rows, std::int64_t column, bool accumulate,
                        const float* bias = nullptr);

/// The rows of one step that a share multiplies: each has `taps` addresses to read from, and one to
/// write to.
class StepRows {
 public:
  /// Bytes for a share's rows of up to this many taps.
  static std::size_t bytes(std::int64_t batch, std::int64_t taps);
  StepRows(std::span<std::byte> memory, std::int64_t batch, std::int64_t taps, int most_rows);

  /// Takes the rows of the share that `wanted` says yes to.
  template <class Wanted>
  void choose(const Share& share, const Wanted& wanted) {
    count_ = 0;
    for (std::int64_t n = share.row_begin; n < share.row_end; ++n) {
      if (wanted(n)) rows_[count_++] = n;
    }
    tiles_ = parts_of(count_, most_rows_);
  }
  std::int64_t count() const { return count_; }
  std::int64_t row(std::int64_t i) const { return rows_[i]; }
  /// The first address of the only row of a step of one, and where it goes to.
  const float* source(std::int64_t tap) const { return in_[tap]; }
  float* target(std::int64_t i) const { return out_[i]; }
  /// source(row, tap) and target(row) give addresses.
  template <class Source, class Target>
  void address(const Source& source, const Target& target) {
    for (std::int64_t tile = 0; count_ > 0 && tile < tiles_.parts; ++tile) {
      const std::int64_t begin = tiles_.begin(tile);
      const std::int64_t rows = tiles_.end(tile) - begin;
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t n = rows_[begin + i];
        out_[begin + i] = target(n);
        for (std::int64_t tap = 0; tap < taps_; ++tap) {
          in_[begin * taps_ + tap * rows + i] = source(n, tap);
        }
      }
    }
  }
  /// out[column + the panel's units] (+)= the products with a gate's panel, and those behind it as
  /// more taps.
  void multiply(const GatePanels& panels, std::int64_t panel, std::size_t gate, std::int64_t column,
                bool accumulate) const;

 private:
  std::int64_t taps_;
  std::int64_t most_rows_;
  const float** in_ = nullptr;
  float** out_ = nullptr;
  std::int64_t* rows_ = nullptr;
  std::int64_t count_ = 0;
  Parts tiles_;
};

/// Rows of floats, `step` apart.
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t step = 0;

  explicit operator bool() const { return data != nullptr; }
  T* operator[](std::int64_t i) const { return data + i * step; }
};
/// Those of a [batch, hidden] or [steps, batch, hidden] operand, all steps' rows behind one another.
inline Rows<const float> rows_of(const ConstView& view) {
  if (!view) return {};
  return {view.as<float>(), view.stride(view.shape.rank() - 2)};
}
inline Rows<float> rows_of(const View& view) {
  if (!view) return {};
  return {view.as<float>(), view.stride(view.shape.rank() - 2)};
}

/// The matrix of `count` gates from `first` on where their operands lie one behind another, as a
/// node that keeps all gates in one tensor has them; else an absent view.
template <class SomeView>
SomeView joined(const std::array<SomeView, kMaxGates>& gates, std::size_t first,
                std::size_t count) {
  SomeView all = gates[first];
  const auto size = static_cast<std::ptrdiff_t>(all.shape[0] * all.stride(0));
  for (std::size_t i = 1; all && i < count; ++i) {
    const SomeView& gate = gates[first + i];
    if (!gate || gate.strides != all.strides ||
        gate.template as<float>() !=
            all.template as<float>() + size * static_cast<std::ptrdiff_t>(i)) {
      return {};
    }
  }
  if (all) all.shape[0] *= static_cast<std::int64_t>(count);
  return all;
}

}  // namespace striate::cpu
