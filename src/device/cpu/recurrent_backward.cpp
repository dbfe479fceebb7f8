#include <algorithm>

#include "device/cpu/cells.h"
#include "device/cpu/matmul.h"
#include "device/cpu/primitives.h"
#include "device/cpu/recurrent.h"
#include "device/cpu/recurrent_steps.h"

namespace striate {
namespace {

using namespace cpu;
using Cell = RecurrentGeometry::Cell;

// A gru that resets before the product passes its gradient on in two products.
bool resets_first(const RecurrentGeometry& g) {
  return g.cell == Cell::gru && !g.linear_before_reset;
}
// Gradients of sums that a step has of each row.
std::int64_t values_of(const RecurrentGeometry& g) {
  return std::max(g.gates(), g.kept()) * g.hidden;
}
// The gates that reach the state before through one product.
std::int64_t taps_of(const RecurrentGeometry& g) { return resets_first(g) ? 2 : g.gates(); }

struct Memory {
  float* zeros = nullptr;
  float* d = nullptr;       // of all sums, [steps, batch, values]
  float* dh = nullptr;      // [batch, hidden]
  float* dc = nullptr;      // [batch, hidden]
  float* reset = nullptr;   // r x h of all steps
  float* dreset = nullptr;  // of r x h, [batch, hidden]
  float* first = nullptr;   // d of each row's first step, [batch, values]
  float* biases = nullptr;  // [values]
  float* weights = nullptr;
  float* products = nullptr;
  std::span<std::byte> rows;
  std::span<std::byte> rest;

  Memory(const RecurrentGeometry& g, const Shares& shares, std::span<std::byte> memory) {
    const GatePanels panels(g.hidden, g.hidden, to_size(g.gates()));
    Scratch scratch(memory);
    const auto floats = [&](std::int64_t count) { return scratch.take<float>(to_size(count)); };
    const std::int64_t states = g.batch * g.hidden;
    zeros = floats(g.hidden);
    d = floats(g.steps * g.batch * values_of(g));
    dh = floats(states);
    dc = floats(g.cell == Cell::lstm ? states : 0);
    reset = floats(resets_first(g) ? g.steps * states : 0);
    dreset = floats(resets_first(g) ? states : 0);
    first = floats(g.reverse ? g.batch * values_of(g) : 0);
    biases = floats(values_of(g));
    weights = floats(g.batch == 1 ? 0 : panels.floats());
    products = floats(shares.count() * g.hidden);
    const std::size_t of_rows = to_size(shares.count()) * StepRows::bytes(g.batch, g.gates());
    rows = scratch.rest().first(of_rows);
    rest = scratch.rest().subspan(of_rows);
  }
  // Of each share as much, however many taps a product of it has: shares are in different phases.
  std::span<std::byte> rows_of(const RecurrentGeometry& g, const Share& share) const {
    const std::size_t each = StepRows::bytes(g.batch, g.gates());
    return rows.subspan(each * to_size(share.item), each);
  }
  static std::size_t bytes(const RecurrentGeometry& g, const Shares& shares) {
    const GatePanels panels(g.hidden, g.hidden, to_size(g.gates()));
    const std::int64_t states = g.batch * g.hidden;
    return bytes_of<float>(g.hidden) + bytes_of<float>(g.steps * g.batch * values_of(g)) +
           bytes_of<float>(states) + bytes_of<float>(g.cell == Cell::lstm ? states : 0) +
           bytes_of<float>(resets_first(g) ? g.steps * states : 0) +
           bytes_of<float>(resets_first(g) ? states : 0) +
           bytes_of<float>(g.reverse ? g.batch * values_of(g) : 0) + bytes_of<float>(values_of(g)) +
           bytes_of<float>(g.batch == 1 ? 0 : panels.floats()) +
           bytes_of<float>(shares.count() * g.hidden) +
           to_size(shares.count()) * StepRows::bytes(g.batch, g.gates());
  }
};

class Backward {
 public:
  Backward(const Threads& threads, const RecurrentGeometry& g, const RecurrentInputs& in,
           const RecurrentGradients& out, std::span<std::byte> scratch)
      : threads_(threads),
        g_(g),
        in_(in),
        out_(out),
        turns_(g, in.lengths),
        shares_(threads, g),
        memory_(g, shares_, scratch),
        panels_(g.hidden, g.hidden, to_size(g.gates())),
        kernels_(cell_kernels(g)),
        values_(values_of(g)),
        kept_values_(g.kept() * g.hidden),
        y_(rows_of(out.y)),
        dy_(rows_of(out.dy)),
        h_(rows_of(in.h)),
        c_(rows_of(in.c)),
        cells_(rows_of(out.cells)),
        kept_(rows_of(out.kept)) {}

  void run() {
    std::fill_n(memory_.zeros, g_.hidden, 0.0F);
    begin_from(rows_of(out_.dh), memory_.dh);
    if (g_.cell == Cell::lstm) begin_from(rows_of(out_.dc), memory_.dc);
    if (g_.batch > 1) panels_.pack(threads_, in_.weights.r, false, memory_.weights);
    // One step more than there are: what the first one passes back.
    shares_.run(g_.steps + 1, resets_first(g_) ? 2 : 1,
                [&](const Share& share, std::int64_t step, int phase) {
                  const std::int64_t s = g_.steps - 1 - step;
                  if (phase == 0) {
                    pass_back(share, s + 1);
                    if (s >= 0) through_cells(share, turns_.at(s));
                  } else if (s >= 0) {
                    through_reset(share, turns_.at(s));
                  }
                });
    finish(memory_.dh, out_.h);
    if (g_.cell == Cell::lstm) finish(memory_.dc, out_.c);
    differentiate_inputs();
    differentiate_weights();
    differentiate_biases();
    differentiate_peepholes();
  }

 private:
  std::int64_t place(std::int64_t t, std::int64_t n) const { return t * g_.batch + n; }
  float* d(std::int64_t t, std::int64_t n) const { return memory_.d + place(t, n) * values_; }
  float* reset(std::int64_t t, std::int64_t n) const {
    return memory_.reset + place(t, n) * g_.hidden;
  }
  const float* h_before(std::int64_t t, std::int64_t n) const {
    const std::int64_t before = turns_.before(t, n);
    if (before >= 0) return y_[place(before, n)];
    return h_ ? h_[n] : memory_.zeros;
  }
  const float* c_before(std::int64_t t, std::int64_t n) const {
    const std::int64_t before = turns_.before(t, n);
    if (before >= 0) return cells_[place(before, n)];
    return c_ ? c_[n] : memory_.zeros;
  }
  // Which of a step's values hold the gradient of a gate's R h.
  std::int64_t recurrent_value(std::size_t gate) const {
    return g_.linear_before_reset && gate == 2 ? 3 : static_cast<std::int64_t>(gate);
  }
  void begin_from(const Rows<const float>& gradient, float* to) const {
    for (std::int64_t n = 0; n < g_.batch; ++n) {
      std::copy_n(gradient ? gradient[n] : memory_.zeros, g_.hidden, to + n * g_.hidden);
    }
  }
  void finish(const float* from, const GradientView& to) const {
    if (!to.view) return;
    const Shape shape{g_.batch, g_.hidden};
    cpu_copy(threads_, {from, DType::f32, shape, dense_strides(shape)}, to.view, to.accumulate);
  }

  // dh (+)= d R for the rows that took part in step number s.
  void pass_back(const Share& share, std::int64_t s) const {
    if (s >= g_.steps) return;
    const std::int64_t t = turns_.at(s);
    multiply(share, t, 0, taps_of(g_), memory_.dh, g_.cell == Cell::gru);
  }

  void multiply(const Share& share, std::int64_t t, std::size_t first_gate, std::int64_t taps,
                float* to, bool accumulate) const {
    StepRows rows(memory_.rows_of(g_, share), g_.batch, taps, panels_.most_rows());
    rows.choose(share, [&](std::int64_t n) { return turns_.active(t, n); });
    rows.address(
        [&](std::int64_t n, std::int64_t tap) {
          return d(t, n) + recurrent_value(first_gate + to_size(tap)) * g_.hidden;
        },
        [&](std::int64_t n) { return to + n * g_.hidden; });
    if (g_.batch == 1) {
      multiply_row(share, rows, first_gate, taps, accumulate);
      return;
    }
    for (std::int64_t panel = share.panel_begin; panel < share.panel_end; ++panel) {
      rows.multiply(panels_, panel, first_gate, 0, accumulate);
    }
  }

  // The batch of one reads the weights as they lie.
  void multiply_row(const Share& share, const StepRows& rows, std::size_t first_gate,
                    std::int64_t taps, bool accumulate) const {
    if (rows.count() == 0) return;
    const std::int64_t first = panels_.first(share.panel_begin);
    const std::int64_t columns = panels_.first(share.panel_end) - first;
    float* product = memory_.products + share.item * g_.hidden;
    float* to = rows.target(0) + first;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const ConstView& r = in_.weights.r[first_gate + to_size(tap)];
      kernels().sum_rows(rows.source(tap), r.as<float>() + first, r.stride(0), g_.hidden, columns,
                         product);
      const bool adds = accumulate || tap > 0;
      for (std::int64_t j = 0; j < columns; ++j) to[j] = adds ? to[j] + product[j] : product[j];
    }
  }

  void through_cells(const Share& share, std::int64_t t) const {
    const std::int64_t first = panels_.first(share.panel_begin);
    const std::int64_t count = panels_.first(share.panel_end) - first;
    for (std::int64_t n = share.row_begin; n < share.row_end; ++n) {
      if (turns_.active(t, n)) {
        kernels_.first_back(g_, back_row(t, n, first, count));
        continue;
      }
      for (std::int64_t k = 0; k < values_ / g_.hidden; ++k) {
        std::fill_n(d(t, n) + k * g_.hidden + first, count, 0.0F);
      }
      if (resets_first(g_)) std::fill_n(reset(t, n) + first, count, 0.0F);
    }
  }

  // From the candidate's sums through their product to the reset gate.
  void through_reset(const Share& share, std::int64_t t) const {
    const std::int64_t first = panels_.first(share.panel_begin);
    const std::int64_t count = panels_.first(share.panel_end) - first;
    multiply(share, t, 2, 1, memory_.dreset, false);
    for (std::int64_t n = share.row_begin; n < share.row_end; ++n) {
      if (turns_.active(t, n)) kernels_.second_back(g_, back_row(t, n, first, count));
    }
  }

  CellBackRow back_row(std::int64_t t, std::int64_t n, std::int64_t first,
                       std::int64_t count) const {
    CellBackRow row{.count = count};
    for (std::int64_t k = 0; k < g_.kept(); ++k) {
      row.gates[to_size(k)] = kept_[place(t, n)] + k * g_.hidden + first;
    }
    for (std::int64_t k = 0; k < values_ / g_.hidden; ++k) {
      row.d[to_size(k)] = d(t, n) + k * g_.hidden + first;
    }
    for (std::size_t k = 0; k < kPeepholes; ++k) {
      const ConstView& p = in_.weights.peephole[k];
      row.peephole[k] = p ? p.as<float>() + first : nullptr;
    }
    row.h_before = h_before(t, n) + first;
    row.y = y_[place(t, n)] + first;
    row.dy = dy_ ? dy_[place(t, n)] + first : nullptr;
    row.dh = memory_.dh + n * g_.hidden + first;
    if (g_.cell == Cell::lstm) {
      row.c_before = c_before(t, n) + first;
      row.c = cells_[place(t, n)] + first;
      row.dc = memory_.dc + n * g_.hidden + first;
    }
    if (resets_first(g_)) {
      row.dreset = memory_.dreset + n * g_.hidden + first;
      row.reset = reset(t, n) + first;
    }
    return row;
  }

  // c (+)= a b; an empty sum is zero.
  void product(const ConstView& a, const ConstView& b, const View& c, bool accumulate) const {
    if (a.shape[1] == 0) {
      if (!accumulate) cpu_fill(threads_, c, 0);
      return;
    }
    cpu_matmul(threads_, a, b, {}, c, 1, accumulate, memory_.rest);
  }

  // Values [first, first + count) of the rows [begin, end) of all steps' rows.
  ConstView sums(std::int64_t begin, std::int64_t end, std::int64_t first,
                 std::int64_t count) const {
    return {
        memory_.d + begin * values_ + first, DType::f32, {end - begin, count}, Strides{values_, 1}};
  }
  static ConstView turned(const ConstView& m) {
    return {m.data, m.dtype, {m.shape[1], m.shape[0]}, Strides{m.stride(1), m.stride(0)}};
  }

  void differentiate_inputs() const {
    if (!out_.dx.view) return;
    const std::int64_t rows = g_.steps * g_.batch;
    const View dx{out_.dx.view.data, DType::f32, {rows, g_.inputs}, Strides{g_.inputs, 1}};
    const auto gates = to_size(g_.gates());
    if (const ConstView all = joined(in_.weights.w, 0, gates)) {
      product(sums(0, rows, 0, all.shape[0]), all, dx, out_.dx.accumulate);
      return;
    }
    for (std::size_t gate = 0; gate < gates; ++gate) {
      product(sums(0, rows, static_cast<std::int64_t>(gate) * g_.hidden, g_.hidden),
              in_.weights.w[gate], dx, out_.dx.accumulate || gate > 0);
    }
  }

  // body(gradient, accumulate, first value) for `count` gates from `first` on: once where they are
  // one matrix and their values lie together, else gate by gate.
  template <class Body>
  void each_gradient(const std::array<GradientView, kMaxGates>& gradients, std::size_t first,
                     std::size_t count, bool recurrent, const Body& body) const {
    std::array<View, kMaxGates> views;
    bool alike = true;
    for (std::size_t gate = first; gate < first + count; ++gate) {
      views[gate] = gradients[gate].view;
      alike = alike && gradients[gate].accumulate == gradients[first].accumulate;
    }
    const auto value = [&](std::size_t gate) {
      return (recurrent ? recurrent_value(gate) : static_cast<std::int64_t>(gate)) * g_.hidden;
    };
    if (const View all = alike && views[first] ? joined(views, first, count) : View{}) {
      body(all, gradients[first].accumulate, value(first));
      return;
    }
    for (std::size_t gate = first; gate < first + count; ++gate) {
      if (views[gate]) body(views[gate], gradients[gate].accumulate, value(gate));
    }
  }

  void differentiate_weights() {
    const std::int64_t rows = g_.steps * g_.batch;
    const ConstView x{in_.x.data, DType::f32, {rows, g_.inputs}, Strides{g_.inputs, 1}};
    const auto gates = to_size(g_.gates());
    each_gradient(out_.weights.w, 0, gates, false,
                  [&](const View& dw, bool accumulate, std::int64_t first) {
                    product(turned(sums(0, rows, first, dw.shape[0])), x, dw, accumulate);
                  });
    gather_first();
    const std::size_t together = g_.cell == Cell::gru ? 2 : gates;
    each_gradient(out_.weights.r, 0, together, true,
                  [&](const View& dr, bool accumulate, std::int64_t first) {
                    through_states(dr, accumulate, first);
                  });
    if (together == gates) return;
    each_gradient(out_.weights.r, 2, 1, true,
                  [&](const View& dr, bool accumulate, std::int64_t first) {
                    if (!resets_first(g_)) return through_states(dr, accumulate, first);
                    const ConstView reset{
                        memory_.reset, DType::f32, {rows, g_.hidden}, Strides{g_.hidden, 1}};
                    product(turned(sums(0, rows, first, g_.hidden)), reset, dr, accumulate);
                  });
  }

  // Sums over all steps of d' h: the states before are the outputs one step off, and the initial
  // ones. Behind a sequence's end d and the outputs are zero.
  void through_states(const View& dr, bool accumulate, std::int64_t first) const {
    const std::int64_t rows = g_.steps * g_.batch;
    const std::int64_t later = std::max<std::int64_t>(0, rows - g_.batch);
    const std::int64_t count = dr.shape[0];
    const ConstView d_later =
        g_.reverse ? sums(0, later, first, count) : sums(rows - later, rows, first, count);
    const float* from = y_.data + (g_.reverse ? rows - later : 0) * g_.hidden;
    product(turned(d_later), {from, DType::f32, {later, g_.hidden}, Strides{g_.hidden, 1}}, dr,
            accumulate);
    if (!h_ || g_.steps == 0) return;
    const ConstView d_first{(g_.reverse ? memory_.first : memory_.d) + first,
                            DType::f32,
                            {g_.batch, count},
                            Strides{values_, 1}};
    product(turned(d_first), {h_.data, DType::f32, {g_.batch, g_.hidden}, Strides{h_.step, 1}}, dr,
            true);
  }

  // d of each row's first step, which lies at its end where the sequence is reversed.
  void gather_first() const {
    if (!h_ || !g_.reverse) return;
    for (std::int64_t n = 0; n < g_.batch; ++n) {
      const std::int64_t t = turns_.first(n);
      float* to = memory_.first + n * values_;
      if (t < 0) {
        std::fill_n(to, values_, 0.0F);
      } else {
        std::copy_n(d(t, n), values_, to);
      }
    }
  }

  void differentiate_biases() const {
    const auto wanted = [](const GradientView& gradient) { return gradient.view.data != nullptr; };
    const auto& inputs = out_.weights.input_bias;
    const auto& recurrent = out_.weights.recurrent_bias;
    if (!std::any_of(inputs.begin(), inputs.end(), wanted) &&
        !std::any_of(recurrent.begin(), recurrent.end(), wanted)) {
      return;
    }
    const View all{memory_.biases, DType::f32, {1, values_}, Strides{values_, 1}};
    if (g_.steps == 0) {
      cpu_fill(threads_, all, 0);
    } else {
      cpu_reduce_sum(threads_, sums(0, g_.steps * g_.batch, 0, values_), all, 1, false);
    }
    const auto put = [&](const GradientView& to, std::int64_t value) {
      if (!to.view) return;
      cpu_copy(threads_, {memory_.biases + value * g_.hidden, DType::f32, {g_.hidden}, Strides{1}},
               to.view, to.accumulate);
    };
    // In the order of a node's inputs: one that is both adds to what it got first.
    for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) {
      put(inputs[gate], static_cast<std::int64_t>(gate));
    }
    for (std::size_t gate = 0; gate < to_size(g_.gates()); ++gate) {
      put(recurrent[gate], recurrent_value(gate));
    }
  }

  // Sums of d times the cell that the gate has seen.
  void differentiate_peepholes() const {
    for (std::size_t gate = 0; gate < kPeepholes; ++gate) {
      const GradientView& gradient = out_.weights.peephole[gate];
      if (!gradient.view) continue;
      std::fill_n(memory_.biases, g_.hidden, 0.0F);
      for (std::int64_t t = 0; t < g_.steps; ++t) {
        for (std::int64_t n = 0; n < g_.batch; ++n) {
          if (!turns_.active(t, n)) continue;
          const float* slope = d(t, n) + static_cast<std::int64_t>(gate) * g_.hidden;
          const float* c = gate == 1 ? cells_[place(t, n)] : c_before(t, n);
          for (std::int64_t j = 0; j < g_.hidden; ++j) memory_.biases[j] += slope[j] * c[j];
        }
      }
      cpu_copy(threads_, {memory_.biases, DType::f32, {g_.hidden}, Strides{1}}, gradient.view,
               gradient.accumulate);
    }
  }

  const Threads& threads_;
  const RecurrentGeometry& g_;
  const RecurrentInputs& in_;
  const RecurrentGradients& out_;
  Turns turns_;
  Shares shares_;
  Memory memory_;
  GatePanels panels_;
  CellKernels kernels_;
  std::int64_t values_, kept_values_;
  Rows<const float> y_, dy_, h_, c_, cells_, kept_;
};

}  // namespace

std::size_t cpu::recurrent_backward_scratch(const Threads& threads, const RecurrentGeometry& g) {
  const std::int64_t rows = g.steps * g.batch;
  const std::int64_t all = g.gates() * g.hidden;
  std::size_t product = 0;
  for (const std::int64_t sums : {all, 2 * g.hidden, g.hidden}) {
    for (const std::int64_t columns : {g.inputs, g.hidden}) {
      for (const std::int64_t k : {rows, std::max<std::int64_t>(0, rows - g.batch), g.batch}) {
        product = std::max(product, cpu_matmul_scratch(threads, sums, columns, k));
      }
    }
    product = std::max(product, cpu_matmul_scratch(threads, rows, g.inputs, sums));
  }
  return Memory::bytes(g, Shares(threads, g)) + product;
}

void cpu_recurrent_backward(const Threads& threads, const RecurrentGeometry& g,
                            const RecurrentInputs& in, const RecurrentGradients& gradients,
                            std::span<std::byte> scratch) {
  if (g.batch == 0 || g.hidden == 0) {
    // No sequence: the gradients that are asked for are zero.
    const auto clear = [&](const GradientView& d) {
      if (d.view && !d.accumulate) cpu_fill(threads, d.view, 0);
    };
    clear(gradients.dx);
    clear(gradients.h);
    clear(gradients.c);
    for (const auto& d : gradients.weights.w) clear(d);
    for (const auto& d : gradients.weights.r) clear(d);
    for (const auto& d : gradients.weights.input_bias) clear(d);
    for (const auto& d : gradients.weights.recurrent_bias) clear(d);
    for (const auto& d : gradients.weights.peephole) clear(d);
    return;
  }
  Backward(threads, g, in, gradients, scratch).run();
}

}  // namespace striate
