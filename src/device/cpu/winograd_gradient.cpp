#include <algorithm>
#include <array>

#include "device/cpu/product.h"
#include "device/cpu/winograd.h"
#include "device/cpu/winograd_tiles.h"
#include "striate/base/memory.h"

// The gradient of the weights in Winograd's domain: the convolution's transforms, each in its
// adjoint, around 36 products [c, tiles] x [tiles, o].
//
// Tiles are cut into steps, whose transformed values are in memory at a time, and steps into parts,
// each with sums of its own that are added in order at the end. Where the sums are small, parts are
// many and are what threads share, each staying in its cache. Where they are large there is one
// part, and threads share what there is to do within a step.

namespace striate::cpu {
namespace {

// Floats of a step's transformed values: of one of many parts, which stay in the second cache, and
// of the only one.
constexpr std::int64_t kManyStep = std::int64_t{1} << 18;
constexpr std::int64_t kOneStep = std::int64_t{1} << 23;
constexpr std::int64_t kParts = 32;
// Fewer parts do not let the threads finish together.
constexpr std::int64_t kLeastParts = 16;
// Floats that all parts' sums may take together.
constexpr std::int64_t kSums = std::int64_t{1} << 22;
// Tiles that are transformed, and multiplied, at a time: two panels of the latter stay in the first
// cache.
constexpr std::int64_t kTransformed = 16;
constexpr std::int64_t kMultiplied = 128;
// Columns of the widest panel there is.
constexpr std::int64_t kWidest = 16 * kMaxVectors;

// What the transforms cost, in multiply-adds for each value they make or take.
constexpr double kPixelsCost = 10;
// The sums do not fit the caches where this matters.
constexpr double kWeightsCost = 80;

// [36][panel][tiles][width of the panel]
struct Side {
  Panels panels;
  std::int64_t tiles = 0, stride = 0;
  float* data = nullptr;

  Side(std::int64_t channels, std::int64_t tiles_at_once)
      : panels(channels), tiles(tiles_at_once), stride(tiles * panels.padded() + kApart) {}
  std::int64_t floats() const { return kValues * stride; }
  float* at(std::int64_t value, std::int64_t panel, std::int64_t tile) const {
    return data + value * stride + tiles * panels.first(panel) + tile * panels.width_of(panel);
  }
};

// The sums of one part, in the order in which they are read in the end:
// [panel][group of kTogether channels][36][channel][width of the panel].
struct Sums {
  Panels panels;
  std::int64_t groups;

  Sums(std::int64_t depth, const Panels& columns)
      : panels(columns), groups(divide_up(depth, kTogether)) {}
  std::int64_t stride() const { return kTogether * panels.width + kApart; }
  std::int64_t floats() const { return panels.count * groups * kValues * stride(); }
  std::int64_t at(std::int64_t panel, std::int64_t channel, std::int64_t value) const {
    return ((panel * groups + channel / kTogether) * kValues + value) * stride() +
           channel % kTogether * panels.width_of(panel);
  }
};

struct Plan {
  explicit Plan(const WinogradShape& s)
      : tiles(s), depth(s.depth), columns(s.columns), sums(depth, columns) {
    const std::int64_t tile_floats = kValues * (Panels(depth).padded() + columns.padded());
    const bool many = kLeastParts * sums.floats() <= kSums;
    steps =
        parts_of(tiles.count, std::max(kTransformed, (many ? kManyStep : kOneStep) / tile_floats));
    parts = {steps.parts, many ? std::min({steps.parts, kParts, kSums / sums.floats()}) : 1};
  }

  std::int64_t tiles_at_once() const { return divide_up(steps.count, steps.parts); }
  Side seen() const { return {depth, tiles_at_once()}; }
  Side gradients() const { return {columns.columns, tiles_at_once()}; }
  std::int64_t zeros() const { return std::max(Panels(depth).padded(), columns.padded()); }

  std::size_t part_bytes() const {
    return bytes_of<float>(seen().floats()) + bytes_of<float>(gradients().floats());
  }
  std::size_t bytes(int threads) const {
    return bytes_of<float>(zeros()) + bytes_of<float>(parts.parts * sums.floats()) +
           to_size(parts.parts == 1 ? 1 : threads) * part_bytes();
  }
  // A thread's place in that memory. Any thread may take any part, also where parts are fewer.
  std::size_t place(int thread) const { return parts.parts == 1 ? 0 : to_size(thread); }

  Tiles tiles;
  std::int64_t depth;
  Panels columns;
  Sums sums;
  Parts steps;  // of tiles
  Parts parts;  // of steps
};

class Job {
 public:
  Job(const Threads& threads, const WinogradGradient& job, const Plan& plan,
      std::span<std::byte> memory)
      : threads_(threads), job_(job), plan_(plan) {
    Scratch scratch(memory);
    zeros_ = scratch.take<float>(to_size(plan.zeros()));
    std::fill_n(zeros_, plan.zeros(), 0.0F);
    sums_ = scratch.take<float>(to_size(plan.parts.parts * plan.sums.floats()));
    parts_ = scratch.rest();
    for (std::int64_t i = 0; i < kTogether; ++i) {
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        order_[to_size(i * kTaps + tap)] = tap * kTogether + i;
      }
    }
  }

  void run() const {
    threads_.run_with_thread(plan_.parts.parts, [&](std::int64_t part, int thread) {
      Scratch scratch(parts_.subspan(plan_.part_bytes() * plan_.place(thread), plan_.part_bytes()));
      Side seen = plan_.seen();
      seen.data = scratch.take<float>(to_size(seen.floats()));
      Side gradients = plan_.gradients();
      gradients.data = scratch.take<float>(to_size(gradients.floats()));
      for (std::int64_t step = plan_.parts.begin(part); step < plan_.parts.end(part); ++step) {
        run_step(step, step > plan_.parts.begin(part), seen, gradients,
                 sums_ + part * plan_.sums.floats());
      }
    });
    threads_.run(plan_.columns.count * plan_.sums.groups, [&](std::int64_t item) {
      const std::int64_t channel = item % plan_.sums.groups * kTogether;
      put(item / plan_.sums.groups, channel, std::min(kTogether, plan_.depth - channel));
    });
  }

 private:
  // A loop inside a part of many runs where it is.
  void run_step(std::int64_t step, bool accumulate, const Side& seen, const Side& gradients,
                float* sums) const {
    const std::int64_t begin = plan_.steps.begin(step);
    const std::int64_t count = plan_.steps.end(step) - begin;
    const Parts pieces = parts_of(count, kTransformed);
    threads_.run(pieces.parts, [&](std::int64_t piece) {
      for (std::int64_t i = pieces.begin(piece); i < pieces.end(piece); ++i) {
        transform(begin + i, i, seen, gradients);
      }
    });
    threads_.run(kValues, [&](std::int64_t value) {
      multiply(value, count, accumulate, seen, gradients, sums);
    });
  }

  void transform(std::int64_t tile, std::int64_t place, const Side& seen,
                 const Side& gradients) const {
    Tiles::Origin origin = plan_.tiles.origin(tile);
    std::array<const float*, kValues> pixels;
    find_pixels<kSide>(job_.gradient, origin, job_, zeros_, pixels.data());
    for (std::int64_t panel = 0; panel < gradients.panels.count; ++panel) {
      kernels_.winograd_output_adjoint(pixels.data(), gradients.panels.first(panel),
                                       gradients.panels.columns_of(panel),
                                       gradients.at(0, panel, place), gradients.stride);
    }
    origin.y += job_.first_y, origin.x += job_.first_x;
    find_pixels<kSeen>(job_.source, origin, job_, zeros_, pixels.data());
    for (std::int64_t panel = 0; panel < seen.panels.count; ++panel) {
      kernels_.winograd_input(pixels.data(), seen.panels.first(panel),
                              seen.panels.columns_of(panel), seen.at(0, panel, place), seen.stride);
    }
  }

  void multiply(std::int64_t value, std::int64_t tiles, bool accumulate, const Side& seen,
                const Side& gradients, float* sums) const {
    const Parts blocks = parts_of(tiles, kMultiplied);
    for (std::int64_t block = 0; block < blocks.parts; ++block) {
      const std::int64_t begin = blocks.begin(block);
      const std::int64_t count = blocks.end(block) - begin;
      for (std::int64_t to = 0; to < gradients.panels.count; ++to) {
        for (std::int64_t from = 0; from < seen.panels.count; ++from) {
          multiply_panels({.a = seen.at(value, from, begin), .first = 0, .count = count},
                          seen.panels, from, gradients.at(value, to, begin), to, value,
                          accumulate || block > 0, sums);
        }
      }
    }
  }

  // The channels of one panel of the source's against those of one of the gradients'.
  void multiply_panels(const Run& run, const Panels& seen, std::int64_t from,
                       const float* gradients, std::int64_t to, std::int64_t value, bool accumulate,
                       float* sums) const {
    const std::size_t vectors = to_size(plan_.columns.vectors_of(to) - 1);
    const Parts tiles = parts_of(seen.columns_of(from), kernels_.runs_limit[vectors]);
    std::array<float*, kMaxRows> out;
    for (std::int64_t tile = 0; tile < tiles.parts; ++tile) {
      const std::int64_t first = tiles.begin(tile);
      const std::int64_t rows = tiles.end(tile) - first;
      for (std::int64_t i = 0; i < rows; ++i) {
        out[to_size(i)] = sums + plan_.sums.at(to, seen.first(from) + first + i, value);
      }
      kernels_.runs[vectors][to_size(rows - 1)]({.runs = &run,
                                                 .run_count = 1,
                                                 .stride = seen.width_of(from),
                                                 .offset = first,
                                                 .panel = gradients,
                                                 .out = {.rows = out.data(),
                                                         .column = 0,
                                                         .columns = plan_.columns.width_of(to),
                                                         .alpha = 1,
                                                         .accumulate = accumulate}});
    }
  }

  // The weights between `count` channels and one panel of columns, from their sums.
  void put(std::int64_t panel, std::int64_t channel, std::int64_t count) const {
    const std::int64_t width = plan_.columns.width_of(panel);
    const std::int64_t column = plan_.columns.first(panel);
    alignas(64) std::array<float, kTaps * kTogether * kWidest> taps;
    for (std::int64_t i = 0; i < count; ++i) {
      kernels_.winograd_weights_adjoint(sums_ + plan_.sums.at(panel, channel + i, 0),
                                        plan_.sums.stride(), plan_.parts.parts, plan_.sums.floats(),
                                        width, taps.data() + i * width, kTogether * width);
    }
    kernels_.unpack_transposed(taps.data(), 1, 0, width, order_.data(), count * kTaps,
                               plan_.columns.columns_of(panel), job_.accumulate,
                               job_.weights + (column * plan_.depth + channel) * kTaps,
                               plan_.depth * kTaps);
  }

  const Kernels& kernels_ = kernels();
  const Threads& threads_;
  const WinogradGradient& job_;
  const Plan& plan_;
  float* zeros_ = nullptr;
  float* sums_ = nullptr;
  std::span<std::byte> parts_;
  // Where channel i's tap lies: [tap][channel of those that are transformed together].
  std::array<std::int64_t, kTogether * kTaps> order_;
};

bool empty(const WinogradShape& s) {
  return s.n == 0 || s.h == 0 || s.w == 0 || s.depth == 0 || s.columns == 0;
}

}  // namespace

bool winograd_gradient_wins(const WinogradShape& shape) {
  if (empty(shape)) return false;
  const Plan plan(shape);
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  const double columns = real(plan.columns.padded());
  const double products = real(shape.depth) * columns;
  const double plain = real(shape.n * shape.h * shape.w) * kTaps * products;
  const double tile = products + kPixelsCost * (real(Panels(shape.depth).padded()) + columns);
  return kValues * (real(plan.tiles.count) * tile + kWeightsCost * products) < plain;
}

std::size_t winograd_gradient_scratch(int threads, const WinogradShape& shape) {
  return Plan(shape).bytes(threads);
}

void winograd_gradient(const Threads& threads, const WinogradGradient& job,
                       std::span<std::byte> scratch) {
  const Plan plan(job);
  Job(threads, job, plan, scratch).run();
}

}  // namespace striate::cpu
