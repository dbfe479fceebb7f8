#include "device/cpu/recurrent_steps.h"

#include <algorithm>

namespace striate::cpu {
namespace {

// Panels of recurrent weights that every thread can keep in its second cache.
constexpr std::int64_t kOwnWeights = 768 << 10;
// Products of a step that are worth waking a thread for.
constexpr std::int64_t kWorthSharing = 1 << 15;

}  // namespace

Turns::Turns(const RecurrentGeometry& g, const ConstView& lengths)
    : steps_(g.steps), reverse_(g.reverse) {
  for (std::int64_t n = 0; lengths && n < g.batch; ++n) {
    lengths_.push_back(lengths.as<std::int32_t>()[n * lengths.stride(0)]);
  }
}

Shares::Shares(const Threads& threads, const RecurrentGeometry& g)
    : threads_(threads), batch_(g.batch), panels_(Panels(g.hidden).count) {
  const std::int64_t count = threads.count();
  // A step of its own multiplies its input too.
  const std::int64_t depth = g.hidden + (g.steps * g.batch == 1 ? g.inputs : 0);
  const std::int64_t weights = g.gates() * g.hidden * depth;
  const std::int64_t tile = kernels().rows_limit[1] / 2;
  by_rows_ =
      weights * static_cast<std::int64_t>(sizeof(float)) <= kOwnWeights && g.batch >= count * tile;
  const std::int64_t worth = std::max<std::int64_t>(1, weights * g.batch / kWorthSharing);
  parts_ = {by_rows_ ? batch_ : panels_,
            std::min({count, worth, std::max<std::int64_t>(1, by_rows_ ? batch_ : panels_)})};
}

Share Shares::share(std::int64_t item) const {
  const std::int64_t begin = parts_.begin(item);
  const std::int64_t end = parts_.end(item);
  if (by_rows_) return {item, begin, end, 0, panels_};
  return {item, 0, batch_, begin, end};
}

void Shares::run(
    std::int64_t steps, int phases,
    const std::function<void(const Share&, std::int64_t step, int phase)>& work) const {
  if (by_rows_ || parts_.parts == 1) {
    threads_.run(parts_.parts, [&](std::int64_t item) {
      const Share own = share(item);
      for (std::int64_t step = 0; step < steps; ++step) {
        for (int phase = 0; phase < phases; ++phase) work(own, step, phase);
      }
    });
    return;
  }
  for (std::int64_t step = 0; step < steps; ++step) {
    for (int phase = 0; phase < phases; ++phase) {
      threads_.run(parts_.parts, [&](std::int64_t item) { work(share(item), step, phase); });
    }
  }
}

std::size_t StepRows::bytes(std::int64_t batch, std::int64_t taps) {
  const std::int64_t rows = batch + kMaxRows;
  return bytes_of<const float*>(rows * taps) + bytes_of<float*>(rows) +
         bytes_of<std::int64_t>(rows);
}

StepRows::StepRows(std::span<std::byte> memory, std::int64_t batch, std::int64_t taps,
                   int most_rows)
    : taps_(taps), most_rows_(most_rows) {
  const std::int64_t rows = batch + kMaxRows;
  Scratch scratch(memory);
  in_ = scratch.take<const float*>(to_size(rows * taps));
  out_ = scratch.take<float*>(to_size(rows));
  rows_ = scratch.take<std::int64_t>(to_size(rows));
}

void StepRows::multiply(const GatePanels& panels, std::int64_t panel, std::size_t gate,
                        std::int64_t column, bool accumulate) const {
  for (std::int64_t tile = 0; count_ > 0 && tile < tiles_.parts; ++tile) {
    const std::int64_t begin = tiles_.begin(tile);
    multiply_gate_tile(panels, panel, gate, taps_, in_ + begin * taps_, out_ + begin,
                       tiles_.end(tile) - begin, column, accumulate);
  }
}

void multiply_gate_tile(const GatePanels& panels, std::int64_t panel, std::size_t gate,
                        std::int64_t taps, const float* const* in, float* const* out,
                        std::int64_t rows, std::int64_t column, bool accumulate,
                        const float* bias) {
  const Panels& columns = panels.panels();
  const Finish finish{.shift = bias};
  kernels().rows[to_size(columns.vectors_of(panel) - 1)][to_size(rows - 1)](
      {.rows = in,
       .offset = 0,
       .taps = taps,
       .depth = panels.depth(),
       .panel = panels.at(panel, gate),
       .out = {.rows = out,
               .column = column + columns.first(panel),
               .columns = columns.columns_of(panel),
               .accumulate = accumulate,
               .finish = bias == nullptr ? nullptr : &finish}});
}

void GatePanels::pack(const Threads& threads, const std::array<ConstView, kMaxGates>& weights,
                      bool transposed, float* to) {
  packed_ = to;
  threads.run(panels_.count * gates_, [&](std::int64_t item) {
    const std::int64_t panel = item / gates_;
    const std::int64_t gate = item % gates_;
    const ConstView& r = weights[to_size(gate)];
    float* out = to + offset(panel, gate);
    const std::int64_t columns = panels_.columns_of(panel);
    const std::int64_t width = panels_.width_of(panel);
    const std::int64_t first = panels_.first(panel);
    if (transposed) {
      kernels().pack_transposed(r.as<float>() + first * r.stride(0), r.stride(0), depth_, columns,
                                nullptr, width, out);
    } else {
      kernels().pack_rows(r.as<float>() + first, r.stride(0), depth_, columns, width, out);
    }
  });
}

}  // namespace striate::cpu
