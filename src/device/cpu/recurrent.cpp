#include "device/cpu/recurrent.h"

#include <algorithm>
#include <array>

#include "device/cpu/cells.h"
#include "device/cpu/recurrent_steps.h"

namespace striate {
namespace {

using namespace cpu;
using Cell = RecurrentGeometry::Cell;

// Tiles of rows that an item of the inputs' product takes through its panels, and items enough for
// threads to finish together.
constexpr std::int64_t kTiles = 4;
constexpr std::int64_t kItems = 16;

// Values that a step has of each row before and after its cell's functions.
std::int64_t values_of(const RecurrentGeometry& g) {
  return std::max<std::int64_t>(1, g.kept()) * g.hidden;
}

// The weights as steps read them: in panels, and each gate's biases as one vector.
class ReadyWeights {
 public:
  static std::size_t bytes(const RecurrentGeometry& g) {
    const ReadyWeights sizes(g);
    return bytes_of<float>(sizes.biases()) + bytes_of<float>(sizes.w.floats()) +
           bytes_of<float>(sizes.r.floats());
  }
  ReadyWeights(const RecurrentGeometry& g, std::span<std::byte> memory) : ReadyWeights(g) {
    Scratch scratch(memory);
    bias_ = scratch.take<float>(to_size(biases()));
    w_ = scratch.take<float>(to_size(w.floats()));
    r_ = scratch.take<float>(to_size(r.floats()));
    w.use(w_);
    r.use(r_);
  }

  void make(const Threads& threads, const RecurrentWeights& weights) {
    std::fill_n(bias_, biases(), 0.0F);
    const auto add = [&](std::size_t to, const ConstView& b) {
      if (!b) return;
      float* sums = bias_ + static_cast<std::int64_t>(to) * padded();
      for (std::int64_t j = 0; j < g_.hidden; ++j) sums[j] += b.as<float>()[j * b.stride(0)];
    };
    for (std::size_t gate = 0; gate < gates(); ++gate) {
      add(gate, weights.input_bias[gate]);
      add(g_.linear_before_reset && gate == 2 ? gates() : gate, weights.recurrent_bias[gate]);
    }
    w.pack(threads, weights.w, true, w_);
    r.pack(threads, weights.r, true, r_);
  }

  /// Of whole panels. Number `gates` is that of a gru's R h, which has its own.
  const float* bias(std::size_t gate) const {
    return bias_ + static_cast<std::int64_t>(gate) * padded();
  }

 private:
  explicit ReadyWeights(const RecurrentGeometry& g)
      : w(g.hidden, g.inputs, to_size(g.gates())),
        r(g.hidden, g.hidden, to_size(g.gates())),
        g_(g) {}
  std::size_t gates() const { return to_size(g_.gates()); }
  std::int64_t padded() const { return w.panels().padded(); }
  std::int64_t biases() const { return static_cast<std::int64_t>(gates() + 1) * padded(); }

 public:
  GatePanels w, r;

 private:
  const RecurrentGeometry& g_;
  float* bias_ = nullptr;
  float* w_ = nullptr;
  float* r_ = nullptr;
};

// Scratch memory of the forward pass.
struct Memory {
  float* zeros = nullptr;
  float* sums = nullptr;   // [steps, batch, values], where nothing is kept
  float* cells = nullptr;  // of two steps, likewise
  float* reset = nullptr;  // [batch, hidden]
  std::span<std::byte> rows;
  std::span<std::byte> weights;

  static std::size_t bytes(const RecurrentGeometry& g, const Shares& shares) {
    return bytes_of<float>(g.hidden) +
           bytes_of<float>(g.kept() == 0 ? 0 : g.steps * g.batch * values_of(g)) +
           bytes_of<float>(g.cell == Cell::lstm ? 2 * g.batch * g.hidden : 0) +
           bytes_of<float>(g.cell == Cell::gru ? g.batch * g.hidden : 0) +
           to_size(shares.count()) * StepRows::bytes(g.batch, 1) + ReadyWeights::bytes(g);
  }
  Memory(const RecurrentGeometry& g, const Shares& shares, std::span<std::byte> memory) {
    Scratch scratch(memory);
    const auto floats = [&](std::int64_t count) { return scratch.take<float>(to_size(count)); };
    zeros = floats(g.hidden);
    sums = floats(g.kept() == 0 ? 0 : g.steps * g.batch * values_of(g));
    cells = floats(g.cell == Cell::lstm ? 2 * g.batch * g.hidden : 0);
    reset = floats(g.cell == Cell::gru ? g.batch * g.hidden : 0);
    const std::size_t of_rows = to_size(shares.count()) * StepRows::bytes(g.batch, 1);
    rows = scratch.rest().first(of_rows);
    weights = scratch.rest().subspan(of_rows);
  }
  std::span<std::byte> rows_of(const RecurrentGeometry& g, const Share& share) const {
    const std::size_t each = StepRows::bytes(g.batch, 1);
    return rows.subspan(each * to_size(share.item), each);
  }
};

// What is prepared is only read.
std::span<std::byte> weights_memory(std::span<const std::byte> prepared, const Memory& memory) {
  if (prepared.empty()) return memory.weights;
  return {const_cast<std::byte*>(prepared.data()), prepared.size()};
}

class Forward {
 public:
  Forward(const Threads& threads, const RecurrentGeometry& g, const RecurrentInputs& in,
          const RecurrentOutputs& out, std::span<std::byte> scratch,
          std::span<const std::byte> prepared)
      : threads_(threads),
        g_(g),
        in_(in),
        out_(out),
        turns_(g, in.lengths),
        shares_(threads, g),
        memory_(g, shares_, scratch),
        weights_(g, weights_memory(prepared, memory_)),
        kernels_(cell_kernels(g)),
        values_(values_of(g)),
        x_(rows_of(in.x)),
        y_(rows_of(out.y)),
        h_(rows_of(in.h)),
        c_(rows_of(in.c)),
        cells_(rows_of(out.cells)) {
    if (g.kept() == 0) {
      sums_ = y_.data;
    } else {
      sums_ = out.kept ? out.kept.as<float>() : memory_.sums;
    }
    if (prepared.empty()) weights_.make(threads, in.weights);
  }

  void run() {
    std::fill_n(memory_.zeros, g_.hidden, 0.0F);
    keep_empty_sequences();
    if (!single()) multiply_inputs();
    shares_.run(
        g_.steps, kernels_.second == nullptr ? 1 : 2,
        [&](const Share& share, std::int64_t s, int phase) { step(share, turns_.at(s), phase); });
  }

 private:
  std::int64_t place(std::int64_t t, std::int64_t n) const { return t * g_.batch + n; }
  // A live stream's step: its input goes through with it, and nothing is waited for twice.
  bool single() const { return g_.steps * g_.batch == 1; }
  float* sums(std::int64_t t, std::int64_t n) const { return sums_ + place(t, n) * values_; }
  float* cell(std::int64_t t, std::int64_t n) const {
    if (cells_) return cells_[place(t, n)];
    return memory_.cells + place(t % 2, n) * g_.hidden;
  }
  const float* h_before(std::int64_t t, std::int64_t n) const {
    const std::int64_t before = turns_.before(t, n);
    if (before >= 0) return y_[place(before, n)];
    return h_ ? h_[n] : memory_.zeros;
  }
  const float* c_before(std::int64_t t, std::int64_t n) const {
    const std::int64_t before = turns_.before(t, n);
    if (before >= 0) return cell(before, n);
    return c_ ? c_[n] : memory_.zeros;
  }

  // The final states of sequences without steps are their initial ones.
  void keep_empty_sequences() const {
    const auto keep = [&](const Rows<float>& to, const Rows<const float>& from, std::int64_t n) {
      if (to) std::copy_n(from ? from[n] : memory_.zeros, g_.hidden, to[n]);
    };
    for (std::int64_t n = 0; n < g_.batch; ++n) {
      if (turns_.length(n) > 0) continue;
      keep(rows_of(out_.h), h_, n);
      keep(rows_of(out_.c), c_, n);
    }
  }

  // W x + b of all steps, one product: items are some tiles of rows and some panels.
  void multiply_inputs() const {
    const Parts tiles = parts_of(g_.steps * g_.batch, weights_.w.most_rows());
    const Parts groups = parts_of(tiles.parts, kTiles);
    const Parts chunks{weights_.w.count(),
                       std::clamp<std::int64_t>(kItems / groups.parts, 1, weights_.w.count())};
    if (tiles.count == 0) return;
    threads_.run(groups.parts * chunks.parts, [&](std::int64_t item) {
      const std::int64_t group = item / chunks.parts;
      const std::int64_t chunk = item % chunks.parts;
      std::array<std::array<const float*, kMaxRows>, kTiles> from;
      std::array<std::array<float*, kMaxRows>, kTiles> to;
      const std::int64_t first = groups.begin(group);
      for (std::int64_t tile = first; tile < groups.end(group); ++tile) {
        for (std::int64_t row = tiles.begin(tile); row < tiles.end(tile); ++row) {
          from[to_size(tile - first)][to_size(row - tiles.begin(tile))] = x_[row];
          to[to_size(tile - first)][to_size(row - tiles.begin(tile))] = sums_ + row * values_;
        }
      }
      for (std::int64_t panel = chunks.begin(chunk); panel < chunks.end(chunk); ++panel) {
        for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) {
          for (std::int64_t tile = first; tile < groups.end(group); ++tile) {
            multiply_gate_tile(weights_.w, panel, gate, 1, from[to_size(tile - first)].data(),
                               to[to_size(tile - first)].data(),
                               tiles.end(tile) - tiles.begin(tile), column(gate), false,
                               bias(panel, gate));
          }
        }
      }
    });
  }

  std::int64_t column(std::size_t value) const {
    return static_cast<std::int64_t>(value) * g_.hidden;
  }
  const float* bias(std::int64_t panel, std::size_t gate) const {
    return weights_.bias(gate) + weights_.w.panels().first(panel);
  }

  void step(const Share& share, std::int64_t t, int phase) const {
    StepRows rows(memory_.rows_of(g_, share), g_.batch, 1, weights_.r.most_rows());
    rows.choose(share, [&](std::int64_t n) { return turns_.active(t, n); });
    rows.address(
        [&](std::int64_t n, std::int64_t) {
          return phase == 0 ? h_before(t, n) : memory_.reset + n * g_.hidden;
        },
        [&](std::int64_t n) { return sums(t, n); });
    // A step from zero adds nothing to its inputs' sums.
    bool from_zero = !h_;
    for (std::int64_t i = 0; from_zero && i < rows.count(); ++i) {
      from_zero = turns_.before(t, rows.row(i)) < 0;
    }
    for (std::int64_t panel = share.panel_begin; panel < share.panel_end; ++panel) {
      if (single() && phase == 0) multiply_input(rows, panel);
      multiply_states(rows, panel, phase, from_zero);
    }
    const std::int64_t first = weights_.r.first(share.panel_begin);
    const std::int64_t last = weights_.r.first(share.panel_end);
    for (std::int64_t i = 0; i < rows.count(); ++i) {
      const std::int64_t n = rows.row(i);
      (phase == 0 ? kernels_.first : kernels_.second)(g_, cell_row(t, n, first, last - first));
      if (turns_.is_last(t, n) && phase == (kernels_.second == nullptr ? 0 : 1)) {
        const auto keep = [&](const View& to, const float* from) {
          if (to) std::copy(from + first, from + last, rows_of(to)[n] + first);
        };
        keep(out_.h, y_[place(t, n)]);
        if (g_.cell == Cell::lstm) keep(out_.c, cell(t, n));
      }
    }
    if (phase == 0) clear_ended(share, t, first, last);
  }

  void multiply_input(const StepRows& rows, std::int64_t panel) const {
    if (rows.count() == 0) return;
    const float* from = x_.data;
    float* to = sums_;
    for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) {
      multiply_gate_tile(weights_.w, panel, gate, 1, &from, &to, 1, column(gate), false,
                         bias(panel, gate));
    }
  }

  void multiply_states(const StepRows& rows, std::int64_t panel, int phase, bool from_zero) const {
    const auto add = [&](std::size_t gate) {
      if (!from_zero) rows.multiply(weights_.r, panel, gate, column(gate), true);
    };
    if (g_.cell != Cell::gru) {
      for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) add(gate);
    } else if (phase == 1) {
      add(2);
    } else {
      add(0);
      add(1);
      if (g_.linear_before_reset) rows.multiply(weights_.r, panel, 2, column(3), false);
    }
  }

  CellRow cell_row(std::int64_t t, std::int64_t n, std::int64_t first, std::int64_t count) const {
    CellRow row{.count = count};
    for (std::int64_t k = 0; k < values_ / g_.hidden; ++k) {
      row.gates[to_size(k)] = sums(t, n) + k * g_.hidden + first;
    }
    for (std::size_t k = 0; k < kPeepholes; ++k) {
      const ConstView& p = in_.weights.peephole[k];
      row.peephole[k] = p ? p.as<float>() + first : nullptr;
    }
    if (g_.linear_before_reset) row.bias = weights_.bias(to_size(g_.gates())) + first;
    row.h_before = h_before(t, n) + first;
    row.h = y_[place(t, n)] + first;
    if (g_.cell == Cell::lstm) {
      row.c_before = c_before(t, n) + first;
      row.c = cell(t, n) + first;
    }
    if (g_.cell == Cell::gru) row.reset = memory_.reset + n * g_.hidden + first;
    return row;
  }

  // Behind a sequence's end everything is zero.
  void clear_ended(const Share& share, std::int64_t t, std::int64_t first,
                   std::int64_t last) const {
    for (std::int64_t n = share.row_begin; n < share.row_end; ++n) {
      if (turns_.active(t, n)) continue;
      std::fill(y_[place(t, n)] + first, y_[place(t, n)] + last, 0.0F);
      if (cells_) std::fill(cells_[place(t, n)] + first, cells_[place(t, n)] + last, 0.0F);
      for (std::int64_t k = 0; out_.kept && k < g_.kept(); ++k) {
        std::fill(sums(t, n) + k * g_.hidden + first, sums(t, n) + k * g_.hidden + last, 0.0F);
      }
    }
  }

  const Threads& threads_;
  const RecurrentGeometry& g_;
  const RecurrentInputs& in_;
  const RecurrentOutputs& out_;
  Turns turns_;
  Shares shares_;
  Memory memory_;
  ReadyWeights weights_;
  CellKernels kernels_;
  std::int64_t values_;
  Rows<const float> x_;
  Rows<float> y_;
  Rows<const float> h_, c_;
  Rows<float> cells_;
  float* sums_ = nullptr;
};

}  // namespace

std::size_t cpu_recurrent_scratch(const Threads& threads, const RecurrentGeometry& g,
                                  Device::RecurrentPass pass) {
  if (pass == Device::RecurrentPass::backward) return recurrent_backward_scratch(threads, g);
  return Memory::bytes(g, Shares(threads, g));
}

std::size_t cpu_recurrent_prepared(const RecurrentGeometry& g) { return ReadyWeights::bytes(g); }

void cpu_recurrent_prepare(const Threads& threads, const RecurrentGeometry& g,
                           const RecurrentWeights& weights, std::span<std::byte> prepared) {
  ReadyWeights(g, prepared).make(threads, weights);
}

void cpu_recurrent_forward(const Threads& threads, const RecurrentGeometry& g,
                           const RecurrentInputs& in, const RecurrentOutputs& out,
                           std::span<std::byte> scratch, std::span<const std::byte> prepared) {
  if (g.batch == 0 || g.hidden == 0) return;
  Forward(threads, g, in, out, scratch, prepared).run();
}

}  // namespace striate
