#include "device/cpu/recurrent.h"

#include <algorithm>
#include <cstring>

#include "device/cpu/cells.h"
#include "device/cpu/matmul.h"
#include "device/cpu/recurrent_steps.h"

namespace striate {
namespace {

using namespace cpu;
using Cell = RecurrentGeometry::Cell;

// Values that a step has of each row before and after its cell's functions.
std::int64_t values_of(const RecurrentGeometry& g) {
  return std::max<std::int64_t>(1, g.kept()) * g.hidden;
}

// Scratch memory of the forward pass; what the caller has kept for it comes out of it for nothing.
struct Memory {
  float* bias = nullptr;
  float* zeros = nullptr;
  float* sums = nullptr;   // [steps, batch, values], where nothing is kept
  float* cells = nullptr;  // of two steps, likewise
  float* reset = nullptr;  // [batch, hidden]
  float* weights = nullptr;
  float* products = nullptr;  // [shares, hidden], of a batch of one
  std::span<std::byte> rows;
  std::span<std::byte> rest;

  static std::size_t bytes(const RecurrentGeometry& g, const Shares& shares) {
    const RecurrentPanels panels(g.hidden, to_size(g.gates()));
    return bytes_of<float>(g.gates() * g.hidden) + bytes_of<float>(g.hidden) +
           bytes_of<float>(g.kept() == 0 ? 0 : g.steps * g.batch * values_of(g)) +
           bytes_of<float>(g.cell == Cell::lstm ? 2 * g.batch * g.hidden : 0) +
           bytes_of<float>(g.cell == Cell::gru ? g.batch * g.hidden : 0) +
           (g.batch == 1 ? 0 : panels.bytes()) + bytes_of<float>(shares.count() * g.hidden) +
           to_size(shares.count()) * StepRows::bytes(g.batch, 1);
  }
  std::span<std::byte> rows_of(const RecurrentGeometry& g, const Share& share) const {
    const std::size_t each = StepRows::bytes(g.batch, 1);
    return rows.subspan(each * to_size(share.item), each);
  }
  Memory(const RecurrentGeometry& g, const Shares& shares, std::span<std::byte> memory) {
    const RecurrentPanels panels(g.hidden, to_size(g.gates()));
    Scratch scratch(memory);
    const auto floats = [&](std::int64_t count) { return scratch.take<float>(to_size(count)); };
    bias = floats(g.gates() * g.hidden);
    zeros = floats(g.hidden);
    sums = floats(g.kept() == 0 ? 0 : g.steps * g.batch * values_of(g));
    cells = floats(g.cell == Cell::lstm ? 2 * g.batch * g.hidden : 0);
    reset = floats(g.cell == Cell::gru ? g.batch * g.hidden : 0);
    weights = g.batch == 1 ? nullptr : scratch.take<float>(panels.bytes() / sizeof(float));
    products = floats(shares.count() * g.hidden);
    const std::size_t of_rows = to_size(shares.count()) * StepRows::bytes(g.batch, 1);
    rows = scratch.rest().first(of_rows);
    rest = scratch.rest().subspan(of_rows);
  }
};

class Forward {
 public:
  Forward(const Threads& threads, const RecurrentGeometry& g, const RecurrentInputs& in,
          const RecurrentOutputs& out, std::span<std::byte> scratch)
      : threads_(threads),
        g_(g),
        in_(in),
        out_(out),
        turns_(g, in.lengths),
        shares_(threads, g),
        memory_(g, shares_, scratch),
        panels_(g.hidden, to_size(g.gates())),
        kernels_(cell_kernels(g)),
        values_(values_of(g)),
        y_(rows_of(out.y)),
        h_(rows_of(in.h)),
        c_(rows_of(in.c)),
        cells_(rows_of(out.cells)) {
    if (g.kept() == 0) {
      sums_ = y_.data;
    } else {
      sums_ = out.kept ? out.kept.as<float>() : memory_.sums;
    }
  }

  void run() {
    std::fill_n(memory_.zeros, g_.hidden, 0.0F);
    keep_empty_sequences();
    multiply_inputs();
    if (g_.batch > 1) panels_.pack(threads_, in_.weights.r, true, memory_.weights);
    shares_.run(
        g_.steps, kernels_.second == nullptr ? 1 : 2,
        [&](const Share& share, std::int64_t s, int phase) { step(share, turns_.at(s), phase); });
  }

 private:
  std::int64_t place(std::int64_t t, std::int64_t n) const { return t * g_.batch + n; }
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

  // Both biases of each gate, but for a gru's R h of linear_before_reset, which has its own.
  View bias() const {
    bool any = false;
    const auto add = [&](std::size_t gate, const ConstView& b) {
      if (!b) return;
      any = true;
      float* to = memory_.bias + static_cast<std::int64_t>(gate) * g_.hidden;
      for (std::int64_t j = 0; j < g_.hidden; ++j) to[j] += b.as<float>()[j * b.stride(0)];
    };
    std::fill_n(memory_.bias, g_.gates() * g_.hidden, 0.0F);
    for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) {
      add(gate, in_.weights.input_bias[gate]);
      if (!(g_.linear_before_reset && gate == 2)) add(gate, in_.weights.recurrent_bias[gate]);
    }
    const Shape shape{g_.gates() * g_.hidden};
    return any ? View{memory_.bias, DType::f32, shape, dense_strides(shape)} : View{};
  }

  // W x + b of all steps: one product where the gates' weights are one matrix.
  void multiply_inputs() const {
    const std::int64_t rows = g_.steps * g_.batch;
    const ConstView x{in_.x.data, DType::f32, {rows, g_.inputs}, Strides{g_.inputs, 1}};
    const ConstView all_biases = bias();
    const auto multiply = [&](const ConstView& w, std::int64_t first) {
      const ConstView turned{w.data, DType::f32, {g_.inputs, w.shape[0]}, Strides{1, w.stride(0)}};
      ConstView b = all_biases;
      if (b) b = {memory_.bias + first, DType::f32, {w.shape[0]}, Strides{1}};
      const View to{sums_ + first, DType::f32, {rows, w.shape[0]}, Strides{values_, 1}};
      cpu_matmul(threads_, x, turned, b, to, 1, false, memory_.rest);
    };
    const auto gates = to_size(g_.gates());
    if (const ConstView all = joined(in_.weights.w, 0, gates)) {
      multiply(all, 0);
      return;
    }
    for (std::size_t gate = 0; gate < gates; ++gate) {
      multiply(in_.weights.w[gate], static_cast<std::int64_t>(gate) * g_.hidden);
    }
  }

  void step(const Share& share, std::int64_t t, int phase) const {
    StepRows rows(memory_.rows_of(g_, share), g_.batch, 1,
                  kernels().rows_limit[to_size(panels_.panels().vectors_of(0) - 1)]);
    rows.choose(share, [&](std::int64_t n) { return turns_.active(t, n); });
    rows.address(
        [&](std::int64_t n, std::int64_t) {
          return phase == 0 ? h_before(t, n) : memory_.reset + n * g_.hidden;
        },
        [&](std::int64_t n) { return sums(t, n); });
    for (std::int64_t panel = share.panel_begin; panel < share.panel_end; ++panel) {
      if (g_.cell != Cell::gru) {
        for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) {
          multiply(share, rows, panel, gate, static_cast<std::int64_t>(gate), true);
        }
      } else if (phase == 0) {
        multiply(share, rows, panel, 0, 0, true);
        multiply(share, rows, panel, 1, 1, true);
        if (g_.linear_before_reset) multiply(share, rows, panel, 2, 3, false);
      } else {
        multiply(share, rows, panel, 2, 2, true);
      }
    }
    const std::int64_t first = panels_.panels().first(share.panel_begin);
    const std::int64_t last = share.panel_end == panels_.panels().count
                                  ? g_.hidden
                                  : panels_.panels().first(share.panel_end);
    for (std::int64_t i = 0; i < rows.count(); ++i) {
      const std::int64_t n = rows.row(i);
      (phase == 0 ? kernels_.first : kernels_.second)(g_, cell_row(t, n, first, last - first));
      if (turns_.is_last(t, n) && phase == (kernels_.second == nullptr ? 0 : 1)) {
        if (out_.h)
          std::copy(y_[place(t, n)] + first, y_[place(t, n)] + last, rows_of(out_.h)[n] + first);
        if (out_.c) std::copy(cell(t, n) + first, cell(t, n) + last, rows_of(out_.c)[n] + first);
      }
    }
    if (phase == 0) clear_ended(share, t, first, last);
  }

  // One gate's product for a panel of units; the batch of one reads the weights as they lie.
  void multiply(const Share& share, const StepRows& rows, std::int64_t panel, std::size_t gate,
                std::int64_t value, bool accumulate) const {
    if (g_.batch > 1) {
      rows.multiply(panels_.panels(), panel, panels_.at(panel, gate), g_.hidden, value * g_.hidden,
                    accumulate);
      return;
    }
    if (rows.count() == 0) return;
    const ConstView& r = in_.weights.r[gate];
    const std::int64_t first = panels_.panels().first(panel);
    const std::int64_t columns = panels_.panels().columns_of(panel);
    float* product = memory_.products + share.item * g_.hidden;
    const float* source = rows.source(0);
    kernels().dot_rows[0](&source, r.as<float>() + first * r.stride(0), r.stride(0), g_.hidden,
                          columns, &product);
    float* to = rows.target(0) + value * g_.hidden + first;
    for (std::int64_t j = 0; j < columns; ++j) to[j] = accumulate ? to[j] + product[j] : product[j];
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
    if (g_.linear_before_reset && in_.weights.recurrent_bias[2]) {
      row.bias = in_.weights.recurrent_bias[2].as<float>() + first;
    }
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
  RecurrentPanels panels_;
  CellKernels kernels_;
  std::int64_t values_;
  Rows<float> y_;
  Rows<const float> h_, c_;
  Rows<float> cells_;
  float* sums_ = nullptr;
};

}  // namespace

std::size_t cpu_recurrent_scratch(const Threads& threads, const RecurrentGeometry& g,
                                  Device::RecurrentPass pass) {
  if (pass == Device::RecurrentPass::backward) return recurrent_backward_scratch(threads, g);
  const std::int64_t rows = g.steps * g.batch;
  return Memory::bytes(g, Shares(threads, g)) +
         std::max(cpu_matmul_scratch(threads, rows, g.gates() * g.hidden, g.inputs),
                  cpu_matmul_scratch(threads, rows, g.hidden, g.inputs));
}

void cpu_recurrent_forward(const Threads& threads, const RecurrentGeometry& g,
                           const RecurrentInputs& in, const RecurrentOutputs& out,
                           std::span<std::byte> scratch) {
  if (g.batch == 0 || g.hidden == 0) return;
  Forward(threads, g, in, out, scratch).run();
}

}  // namespace striate
