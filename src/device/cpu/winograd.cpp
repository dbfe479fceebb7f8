#include "device/cpu/winograd.h"

#include <algorithm>
#include <array>

#include "device/cpu/product.h"
#include "device/cpu/winograd_tiles.h"
#include "striate/base/memory.h"

// Two orders of work. Where the weights are the smaller part, they are transformed once, and each
// item takes a block of tiles through all three steps in its thread's memory. Where the tiles are,
// they are transformed once, and each item transforms the weights of one panel, which then never
// leave its cache. Either way an element's sums run in the order of channels, cut by shape alone.

namespace striate::cpu {
namespace {

// Floats of a block of tiles, before and after the products: they stay in the second cache.
constexpr std::int64_t kBlock = std::int64_t{1} << 17;
// Items enough for the threads to finish together.
constexpr std::int64_t kItems = 16;
// Channels that are multiplied at a time, panel by panel.
constexpr std::int64_t kDepth = 128;

// What the transforms cost, in multiply-adds for each value they make.
constexpr double kInputCost = 10;
constexpr double kOutputCost = 10;
constexpr double kWeightsCost = 16;

std::int64_t largest(const Parts& parts) { return divide_up(parts.count, parts.parts); }

// [36][rows][row]
struct Values {
  float* data = nullptr;
  std::int64_t row = 0, stride = 0;

  Values(std::int64_t rows, std::int64_t floats) : row(floats), stride(rows * floats + kApart) {}
  std::int64_t floats() const { return kValues * stride; }
  float* at(std::int64_t value, std::int64_t which) const {
    return data + value * stride + which * row;
  }
};

struct Plan {
  explicit Plan(const WinogradShape& s, bool prepared = false)
      : tiles(s), panels(s.columns), depth(s.depth), prepares(prepared) {
    lanes = panels.lanes;
    limit = kernels().rows_limit[to_size(panels.vectors_of(0) - 1)];
    by_panel = tiles.count <= panels.padded();
    const std::int64_t tile_floats = kValues * (padded_depth() + panels.padded());
    const std::int64_t least = 2 * limit;
    blocks = parts_of(tiles.count, std::clamp(kBlock / tile_floats, least,
                                              std::max(least, tiles.count / kItems)));
  }

  std::int64_t padded_depth() const { return divide_up(depth, lanes) * lanes; }
  std::int64_t tiles_at_once() const { return by_panel ? tiles.count : largest(blocks); }
  // Before and after the products.
  Values seen() const { return {tiles_at_once(), padded_depth()}; }
  Values sums() const { return {tiles_at_once(), by_panel ? panels.width : panels.padded()}; }
  // Of one panel in steps of depth, or of all panels, one behind another.
  Values weights() const {
    return by_panel ? Values{largest(steps()), panels.width} : Values{depth, panels.padded()};
  }
  // The pieces in which a panel's weights are transformed.
  Parts steps() const { return parts_of(depth, kDepth); }
  // The pixels one tile sees, prepared.
  std::int64_t prepared() const { return prepares ? kValues * padded_depth() : 0; }

  std::size_t row_bytes() const {
    return bytes_of<const float*>(tiles_at_once()) + bytes_of<float*>(tiles_at_once());
  }

  // Bytes that all threads share, and those of each.
  std::size_t shared() const { return bytes_of<float>((by_panel ? seen() : weights()).floats()); }
  std::size_t own() const {
    return row_bytes() + bytes_of<float>(prepared()) + bytes_of<float>(sums().floats()) +
           bytes_of<float>((by_panel ? weights() : seen()).floats());
  }

  Tiles tiles;
  Panels panels;
  Parts blocks;  // of tiles
  std::int64_t depth = 0, lanes = 0, limit = 0;
  bool prepares = false;
  bool by_panel = false;
};

// The rows of the products for the first value; those of the others lie strides further.
struct Rows {
  Rows(const Plan& plan, const Values& seen, const Values& sums, Scratch& scratch)
      : in(scratch.take<const float*>(to_size(plan.tiles_at_once()))),
        out(scratch.take<float*>(to_size(plan.tiles_at_once()))) {
    for (std::int64_t tile = 0; tile < plan.tiles_at_once(); ++tile) {
      in[tile] = seen.at(0, tile);
      out[tile] = sums.at(0, tile);
    }
  }
  const float** in;
  float** out;
};

class Job {
 public:
  // `memory` may be empty where only `prepare` is called.
  Job(const Winograd& job, const Plan& plan, std::span<std::byte> memory)
      : job_(job), plan_(plan), seen_(plan.seen()), sums_(plan.sums()), weights_(plan.weights()) {
    if (!memory.empty()) {
      Scratch scratch(memory);
      zeros_ = scratch.take<float>(to_size(plan.padded_depth()));
      std::fill_n(zeros_, plan.padded_depth(), 0.0F);
      shared_ = scratch.take<float>(plan.shared() / sizeof(float));
      own_ = scratch.rest();
    }
    // Where channel i of tap t goes: [tap][channel of those that are packed together].
    for (std::int64_t i = 0; i < kTogether; ++i) {
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        order_[to_size(i * kTaps + tap)] = tap * kTogether + i;
      }
    }
    for (std::int64_t tap = 0; tap < kTaps; ++tap) {
      reversed_[to_size(tap)] = (kTaps - 1 - tap) * kTogether;
    }
  }

  void run(const Threads& threads) const {
    if (plan_.by_panel) {
      Values seen = seen_;
      seen.data = shared_;
      threads.run_with_thread(plan_.blocks.parts, [&](std::int64_t block, int thread) {
        Scratch scratch = own(thread);
        transform_tiles(plan_.blocks.begin(block), plan_.blocks.end(block),
                        plan_.blocks.begin(block), seen,
                        scratch.take<float>(to_size(plan_.prepared())));
      });
      threads.run_with_thread(plan_.panels.count, [&](std::int64_t panel, int thread) {
        run_panel(panel, seen, thread);
      });
      return;
    }
    Values weights = weights_;
    weights.data = const_cast<float*>(job_.prepared);  // only read
    if (!job_.prepared) {
      weights.data = shared_;
      prepare(threads, weights.data);
    }
    threads.run_with_thread(plan_.blocks.parts, [&](std::int64_t block, int thread) {
      run_block(plan_.blocks.begin(block), plan_.blocks.end(block), weights, thread);
    });
  }

  // All weights transformed, panel by panel in steps of depth.
  void prepare(const Threads& threads, float* to) const {
    const Parts steps = plan_.steps();
    threads.run(plan_.panels.count * steps.parts, [&](std::int64_t item) {
      const std::int64_t panel = item / steps.parts;
      const std::int64_t first = steps.begin(item % steps.parts);
      float* place = plan_.by_panel ? to + item * weights_.floats()
                                    : to + plan_.panels.first(panel) * plan_.depth +
                                          first * plan_.panels.width_of(panel);
      transform_weights(panel, first, steps.end(item % steps.parts) - first, place,
                        weights_.stride);
    });
  }

 private:
  Scratch own(int thread) const {
    const std::size_t bytes = plan_.own();
    return Scratch(own_.subspan(bytes * to_size(thread), bytes));
  }

  void run_panel(std::int64_t panel, const Values& seen, int thread) const {
    Scratch scratch = own(thread);
    Values sums = sums_;
    sums.data = scratch.take<float>(to_size(sums.floats()));
    Values weights = weights_;
    weights.data = scratch.take<float>(to_size(weights.floats()));
    const Rows rows(plan_, seen, sums, scratch);
    const Parts steps = plan_.steps();
    for (std::int64_t step = 0; step < steps.parts; ++step) {
      const std::int64_t first = steps.begin(step);
      const std::int64_t count = steps.end(step) - first;
      if (job_.prepared) {
        const std::int64_t item = panel * steps.parts + step;
        weights.data = const_cast<float*>(job_.prepared) + item * weights.floats();  // only read
      } else {
        transform_weights(panel, first, count, weights.data, weights.stride);
      }
      for (std::int64_t value = 0; value < kValues; ++value) {
        multiply(rows, plan_.tiles.count, value * seen.stride + first, count, weights.at(value, 0),
                 panel, value * sums.stride, first > 0);
      }
    }
    const std::int64_t column = plan_.panels.first(panel);
    for (std::int64_t tile = 0; tile < plan_.tiles.count; ++tile) {
      put_tile(tile, sums.at(0, tile), sums.stride, column, plan_.panels.columns_of(panel));
    }
  }

  void run_block(std::int64_t begin, std::int64_t end, const Values& weights, int thread) const {
    Scratch scratch = own(thread);
    float* prepared = scratch.take<float>(to_size(plan_.prepared()));
    Values sums = sums_;
    sums.data = scratch.take<float>(to_size(sums.floats()));
    Values seen = seen_;
    seen.data = scratch.take<float>(to_size(seen.floats()));
    const Rows rows(plan_, seen, sums, scratch);
    transform_tiles(begin, end, 0, seen, prepared);
    for (std::int64_t value = 0; value < kValues; ++value) {
      for (std::int64_t panel = 0; panel < plan_.panels.count; ++panel) {
        const std::int64_t column = plan_.panels.first(panel);
        multiply(rows, end - begin, value * seen.stride, plan_.depth,
                 weights.at(value, 0) + column * plan_.depth, panel, value * sums.stride + column,
                 false);
      }
    }
    for (std::int64_t tile = begin; tile < end; ++tile) {
      put_tile(tile, sums.at(0, tile - begin), sums.stride, 0, job_.columns);
    }
  }

  void transform_tiles(std::int64_t begin, std::int64_t end, std::int64_t row, const Values& seen,
                       float* prepared) const {
    std::array<const float*, kValues> pixels;
    for (std::int64_t tile = begin; tile < end; ++tile, ++row) {
      Tiles::Origin origin = plan_.tiles.origin(tile);
      origin.y += job_.first_y, origin.x += job_.first_x;
      find_pixels<kSeen>(job_.source, origin, job_, zeros_, pixels.data());
      if (job_.prepare) prepare_pixels(pixels, prepared);
      kernels_.winograd_input(pixels.data(), 0, plan_.depth, seen.at(0, row), seen.stride);
    }
  }

  // Padding stays zero.
  void prepare_pixels(std::array<const float*, kValues>& pixels, float* to) const {
    for (const float*& pixel : pixels) {
      if (pixel == zeros_) continue;
      kernels_.map_channels(pixel, plan_.depth, *job_.prepare, to);
      pixel = to;
      to += plan_.padded_depth();
    }
  }

  // to[36][count][width of the panel], for channels from `first` on.
  void transform_weights(std::int64_t panel, std::int64_t first, std::int64_t count, float* to,
                         std::int64_t stride) const {
    std::array<float, kTaps * kTogether * kMaxVectors * kMaxLanes> packed;
    float* taps = packed.data();
    const std::int64_t width = plan_.panels.width_of(panel);
    const std::int64_t columns = plan_.panels.columns_of(panel);
    const std::int64_t column = plan_.panels.first(panel);
    for (std::int64_t done = 0; done < count; done += kTogether) {
      const std::int64_t channels = std::min(kTogether, count - done);
      const std::int64_t channel = first + done;
      if (job_.adjoint) {
        for (std::int64_t i = 0; i < channels; ++i) {
          kernels_.pack_transposed(job_.weights + ((channel + i) * job_.columns + column) * kTaps,
                                   kTaps, kTaps, columns, reversed_.data(), width,
                                   taps + i * width);
        }
      } else {
        kernels_.pack_transposed(job_.weights + (column * plan_.depth + channel) * kTaps,
                                 plan_.depth * kTaps, channels * kTaps, columns, order_.data(),
                                 width, taps);
      }
      kernels_.winograd_weights(taps, kTogether * width, channels * width, to + done * width,
                                stride);
    }
  }

  // Rows of one value's sums, from `column` of theirs on: the seen ones, from `offset` on, times a
  // panel.
  void multiply(const Rows& rows, std::int64_t count, std::int64_t offset, std::int64_t depth,
                const float* weights, std::int64_t panel, std::int64_t column,
                bool accumulate) const {
    const std::size_t vectors = to_size(plan_.panels.vectors_of(panel) - 1);
    const std::int64_t width = plan_.panels.width_of(panel);
    const Parts parts = parts_of(count, plan_.limit);
    for (std::int64_t begin = 0, part = 1; part <= parts.parts; ++part) {
      const std::int64_t end = parts.begin(part);
      kernels_.rows[vectors][to_size(end - begin - 1)]({.rows = rows.in + begin,
                                                        .offset = offset,
                                                        .taps = 1,
                                                        .depth = depth,
                                                        .panel = weights,
                                                        .out = {.rows = rows.out + begin,
                                                                .column = column,
                                                                .columns = width,
                                                                .alpha = 1,
                                                                .accumulate = accumulate}});
      begin = end;
    }
  }

  void put_tile(std::int64_t tile, const float* sums, std::int64_t stride, std::int64_t column,
                std::int64_t columns) const {
    const Tiles::Origin origin = plan_.tiles.origin(tile);
    std::array<float*, kSide * kSide> pixels;
    std::array<const float*, kSide * kSide> residuals;
    find_pixels<kSide, float>(job_.target + column, job_.h, job_.w, job_.target_pixel, origin, job_,
                              nullptr, pixels.data());
    if (job_.residual) {
      find_pixels<kSide, const float>(job_.residual + column, job_.h, job_.w, job_.residual_pixel,
                                      origin, job_, nullptr, residuals.data());
    }
    kernels_.winograd_output(sums, stride, columns, job_.finish.from(column), job_.accumulate,
                             job_.residual ? residuals.data() : nullptr, pixels.data());
  }

  const Kernels& kernels_ = kernels();
  const Winograd& job_;
  const Plan& plan_;
  Values seen_, sums_, weights_;
  float* zeros_ = nullptr;
  float* shared_ = nullptr;
  std::span<std::byte> own_;
  std::array<std::int64_t, kTogether * kTaps> order_;
  std::array<std::int64_t, kTaps> reversed_;
};

bool empty(const WinogradShape& s) { return s.n == 0 || s.h == 0 || s.w == 0 || s.columns == 0; }

}  // namespace

bool winograd_wins(const WinogradShape& shape) {
  if (empty(shape) || shape.depth == 0) return false;
  const Plan plan(shape);
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  const double columns = real(plan.panels.padded());
  const double depth = real(plan.padded_depth());
  const double plain = real(shape.n * shape.h * shape.w) * kTaps * real(shape.depth) * columns;
  const double products = real(shape.depth) * columns;
  const double tile = products + kInputCost * depth + kOutputCost * columns;
  return kValues * (real(plan.tiles.count) * tile + kWeightsCost * products) < plain;
}

std::size_t winograd_scratch(int threads, const WinogradShape& shape, bool prepares) {
  if (empty(shape)) return 0;
  const Plan plan(shape, prepares);
  return bytes_of<float>(plan.padded_depth()) + plan.shared() + to_size(threads) * plan.own();
}

void winograd(const Threads& threads, const Winograd& job, std::span<std::byte> scratch) {
  if (empty(job)) return;
  const Plan plan(job, job.prepare != nullptr);
  Job(job, plan, scratch).run(threads);
}

std::size_t winograd_prepared(const WinogradShape& shape) {
  if (empty(shape)) return 0;
  const Plan plan(shape);
  const std::int64_t blocks = plan.by_panel ? plan.panels.count * plan.steps().parts : 1;
  return to_size(blocks * plan.weights().floats()) * sizeof(float);
}

void winograd_prepare(const Threads& threads, const Winograd& job, float* prepared) {
  if (empty(job)) return;
  const Plan plan(job);
  Job(job, plan, {}).prepare(threads, prepared);
}

}  // namespace striate::cpu
