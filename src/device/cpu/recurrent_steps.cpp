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
  const std::int64_t weights = g.gates() * g.hidden * g.hidden;
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

void StepRows::multiply(const Panels& panels, std::int64_t panel, const float* packed,
                        std::int64_t depth, std::int64_t column, bool accumulate) const {
  const std::size_t vectors = to_size(panels.vectors_of(panel) - 1);
  for (std::int64_t tile = 0; count_ > 0 && tile < tiles_.parts; ++tile) {
    const std::int64_t begin = tiles_.begin(tile);
    const std::int64_t rows = tiles_.end(tile) - begin;
    kernels().rows[vectors][to_size(rows - 1)]({.rows = in_ + begin * taps_,
                                                .offset = 0,
                                                .taps = taps_,
                                                .depth = depth,
                                                .panel = packed,
                                                .out = {.rows = out_ + begin,
                                                        .column = column + panels.first(panel),
                                                        .columns = panels.columns_of(panel),
                                                        .accumulate = accumulate}});
  }
}

void RecurrentPanels::pack(const Threads& threads, const std::array<ConstView, kMaxGates>& weights,
                           bool transposed, float* to) {
  packed_ = to;
  threads.run(panels_.count * gates_, [&](std::int64_t item) {
    const std::int64_t panel = item / gates_;
    const auto gate = to_size(item % gates_);
    const ConstView& r = weights[gate];
    float* out = to + (at(panel, gate) - packed_);
    const std::int64_t columns = panels_.columns_of(panel);
    const std::int64_t width = panels_.width_of(panel);
    const std::int64_t first = panels_.first(panel);
    if (transposed) {
      kernels().pack_transposed(r.as<float>() + first * r.stride(0), r.stride(0), hidden_, columns,
                                nullptr, width, out);
    } else {
      kernels().pack_rows(r.as<float>() + first, r.stride(0), hidden_, columns, width, out);
    }
  });
}

}  // namespace striate::cpu
