#include "device/cpu/conv_backward_weights.h"

#include <algorithm>

#include "device/cpu/product.h"

// The gradient of the weights is one product a tap, [c, pixels] x [pixels, o]: rows are the input
// channels, columns the output channels, k runs over output pixels. A row of output pixels sees
// evenly spaced input pixels under a tap, so k is a list of runs, and padding is left out of it.
//
// Pixels are cut into blocks, blocks into parts. Each part has sums of its own, which are added in
// order at the end, so the result is the same whoever computes which part.

namespace striate::cpu {
namespace {

// Output pixels in a block: their packed gradients stay in the first cache.
constexpr std::int64_t kPixels = 192;
constexpr std::int64_t kParts = 32;
// Bytes all parts' sums may take together, where there is more than one part.
constexpr std::int64_t kPartBytes = std::int64_t{1} << 24;
// Parts enough for the threads to finish together; fewer are cut by columns too.
constexpr std::int64_t kManyParts = 16;
// With fewer channels a tap does not fill a tile: all taps are then gathered beside each other.
constexpr std::int64_t kFewChannels = 8;
// Weights of an output channel that are added up and put in place at a time.
constexpr std::int64_t kUnpacked = 256;

struct Plan {
  explicit Plan(const Group& g) : panels(g.out) {
    blocks = parts_of(g.n * g.oh * g.ow, kPixels);
    sums = panels.padded() * g.weights();
    const std::int64_t affordable =
        kPartBytes / std::max<std::int64_t>(1, sums * static_cast<std::int64_t>(sizeof(float)));
    parts = {blocks.parts, std::max<std::int64_t>(1, std::min({blocks.parts, kParts, affordable}))};
    chunks = {panels.count, parts.parts >= kManyParts ? 1 : panels.count};
    gathered = g.in < kFewChannels && g.taps() > 1;
    const std::int64_t limit = kernels().runs_limit[to_size(panels.vectors_of(0) - 1)];
    tiles = parts_of(gathered ? g.weights() : g.in, limit);
    // A block touches at most this many rows of output pixels.
    runs = gathered ? 0 : std::min(kPixels, kPixels / std::max<std::int64_t>(1, g.ow) + 2);
  }

  Panels panels;
  Parts blocks;  // of pixels
  Parts parts;   // of blocks
  Parts chunks;  // of panels
  Parts tiles;   // of rows
  bool gathered = false;
  std::int64_t sums = 0;  // floats of one part's sums: [panel][tap * in + c][width]
  std::int64_t runs = 0;  // most runs of a tap in a block

  std::int64_t packed() const {
    return kPixels * panels.width * ((panels.count + chunks.parts - 1) / chunks.parts);
  }
  std::int64_t gathered_floats(const Group& g) const {
    return gathered ? kPixels * g.weights() : 0;
  }
};

std::size_t item_bytes(const Plan& plan, const Group& g) {
  return bytes_of<float>(plan.packed()) + bytes_of<float>(plan.gathered_floats(g)) +
         bytes_of<Run>(plan.runs * g.taps()) + bytes_of<std::int64_t>(g.taps());
}

// One part of the pixels against one chunk of the panels.
class Item {
 public:
  Item(const Plan& plan, const Group& g, const ConstView& x, const ConstView& dy,
       std::span<std::byte> memory)
      : plan_(plan), g_(g), x_(g.input(x)), dy_(g.output(dy)) {
    Scratch scratch(memory);
    packed_ = scratch.take<float>(to_size(plan.packed()));
    gathered_ = scratch.take<float>(to_size(plan.gathered_floats(g)));
    runs_ = scratch.take<Run>(to_size(plan.runs * g.taps()));
    run_counts_ = scratch.take<std::int64_t>(to_size(g.taps()));
  }

  void run(std::int64_t part, std::int64_t chunk, float* sums) {
    const std::int64_t first_block = plan_.parts.begin(part);
    for (std::int64_t block = first_block; block < plan_.parts.end(part); ++block) {
      begin_ = plan_.blocks.begin(block);
      end_ = plan_.blocks.end(block);
      if (plan_.gathered) {
        gather();
      } else {
        find_runs();
      }
      for (std::int64_t panel = plan_.chunks.begin(chunk); panel < plan_.chunks.end(chunk);
           ++panel) {
        const float* gradients = pack(panel, panel - plan_.chunks.begin(chunk));
        float* target = sums + plan_.panels.first(panel) * g_.weights();
        if (plan_.gathered) {
          const Run all{.a = gathered_, .first = 0, .count = end_ - begin_};
          multiply_tap(&all, 1, g_.weights(), gradients, panel, target, block > first_block);
          continue;
        }
        for (std::int64_t tap = 0; tap < g_.taps(); ++tap) {
          multiply_tap(runs_ + tap * plan_.runs, run_counts_[tap], g_.stride_w * x_.pixel,
                       gradients, panel, target + tap * g_.in * plan_.panels.width_of(panel),
                       block > first_block);
        }
      }
    }
  }

 private:
  // Calls body(image, y, first x, end x, first pixel) for each row of output pixels in the block.
  template <class Body>
  void for_each_row(const Body& body) const {
    std::int64_t pixel = begin_;
    while (pixel < end_) {
      const std::int64_t x = pixel % g_.ow;
      const std::int64_t count = std::min(g_.ow - x, end_ - pixel);
      const std::int64_t row = pixel / g_.ow;
      body(row / g_.oh, row % g_.oh, x, x + count, pixel - begin_);
      pixel += count;
    }
  }

  void find_runs() {
    std::fill_n(run_counts_, g_.taps(), 0);
    const std::int64_t stride = g_.stride_w * x_.pixel;
    for_each_row([&](std::int64_t image, std::int64_t y, std::int64_t x_begin, std::int64_t x_end,
                     std::int64_t pixel) {
      for (std::int64_t r = 0; r < g_.r; ++r) {
        const std::int64_t in_y = y * g_.stride_h + r * g_.dilation_h - g_.pad_top;
        if (in_y < 0 || in_y >= g_.h) continue;
        for (std::int64_t s = 0; s < g_.s; ++s) {
          // Output x for which x * stride + shift lies in [0, w).
          const std::int64_t shift = s * g_.dilation_w - g_.pad_left;
          const std::int64_t begin =
              std::max(x_begin, shift >= 0 ? 0 : (-shift + g_.stride_w - 1) / g_.stride_w);
          const std::int64_t end =
              std::min(x_end, shift >= g_.w ? 0 : (g_.w - 1 - shift + g_.stride_w) / g_.stride_w);
          if (begin >= end) continue;
          const Run run{
              .a =
                  x_.data + ((image * x_.h + in_y) * x_.w + begin * g_.stride_w + shift) * x_.pixel,
              .first = pixel + begin - x_begin,
              .count = end - begin};
          add_run(r * g_.s + s, run, stride);
        }
      }
    });
  }

  // A run that goes on where the last one ended is one with it.
  void add_run(std::int64_t tap, const Run& run, std::int64_t stride) {
    std::int64_t& count = run_counts_[tap];
    Run* runs = runs_ + tap * plan_.runs;
    if (count > 0) {
      Run& last = runs[count - 1];
      if (last.first + last.count == run.first && last.a + last.count * stride == run.a) {
        last.count += run.count;
        return;
      }
    }
    runs[count++] = run;
  }

  // gathered[pixel][tap * in + c], padding as zeros.
  void gather() {
    const bool dense = g_.dilation_w == 1 && x_.pixel == g_.in;
    const std::int64_t row_floats = g_.s * g_.in;
    for_each_row([&](std::int64_t image, std::int64_t y, std::int64_t x_begin, std::int64_t x_end,
                     std::int64_t pixel) {
      for (std::int64_t x = x_begin; x < x_end; ++x, ++pixel) {
        float* to = gathered_ + pixel * g_.weights();
        const std::int64_t in_x = x * g_.stride_w - g_.pad_left;
        const bool inside = dense && in_x >= 0 && in_x + g_.s <= g_.w;
        for (std::int64_t r = 0; r < g_.r; ++r, to += row_floats) {
          const std::int64_t in_y = y * g_.stride_h + r * g_.dilation_h - g_.pad_top;
          if (in_y < 0 || in_y >= g_.h) {
            std::fill_n(to, row_floats, 0.0F);
            continue;
          }
          const float* row = x_.data + (image * x_.h + in_y) * x_.w * x_.pixel;
          if (inside) {
            copy(row + in_x * x_.pixel, row_floats, to);
            continue;
          }
          for (std::int64_t s = 0; s < g_.s; ++s) {
            const std::int64_t at = in_x + s * g_.dilation_w;
            if (at < 0 || at >= g_.w) {
              std::fill_n(to + s * g_.in, g_.in, 0.0F);
            } else {
              copy(row + at * x_.pixel, g_.in, to + s * g_.in);
            }
          }
        }
      }
    });
  }

  static void copy(const float* from, std::int64_t count, float* __restrict to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }

  const float* pack(std::int64_t panel, std::int64_t place) {
    float* to = packed_ + place * kPixels * plan_.panels.width;
    kernels_.pack_rows(dy_.data + begin_ * dy_.pixel + plan_.panels.first(panel), dy_.pixel,
                       end_ - begin_, plan_.panels.columns_of(panel), plan_.panels.width_of(panel),
                       to);
    return to;
  }

  void multiply_tap(const Run* runs, std::int64_t run_count, std::int64_t stride,
                    const float* gradients, std::int64_t panel, float* target, bool accumulate) {
    const std::int64_t width = plan_.panels.width_of(panel);
    const std::size_t vectors = to_size(plan_.panels.vectors_of(panel) - 1);
    for (std::int64_t tile = 0; tile < plan_.tiles.parts; ++tile) {
      const std::int64_t first = plan_.tiles.begin(tile);
      const std::int64_t rows = plan_.tiles.end(tile) - first;
      if (rows == 0) continue;
      std::array<float*, kMaxRows> out;
      for (std::int64_t i = 0; i < rows; ++i) out[to_size(i)] = target + (first + i) * width;
      kernels_.runs[vectors][to_size(rows - 1)]({.runs = runs,
                                                 .run_count = run_count,
                                                 .stride = stride,
                                                 .offset = first,
                                                 .panel = gradients,
                                                 .out = {.rows = out.data(),
                                                         .column = 0,
                                                         .columns = width,
                                                         .alpha = 1,
                                                         .bias = nullptr,
                                                         .accumulate = accumulate}});
    }
  }

  const Kernels& kernels_ = kernels();
  const Plan& plan_;
  const Group& g_;
  Pixels x_, dy_;
  float* packed_;
  float* gathered_;
  Run* runs_;
  std::int64_t* run_counts_;
  std::int64_t begin_ = 0, end_ = 0;  // the block's pixels
};

}  // namespace

std::size_t backward_weights_scratch(int threads, const Group& g) {
  const Plan plan(g);
  return bytes_of<std::int64_t>(g.weights()) + bytes_of<float>(plan.parts.parts * plan.sums) +
         to_size(threads) * item_bytes(plan, g);
}

void backward_weights_group(const Threads& threads, const Group& g, const ConstView& x,
                            const ConstView& dy, const View& dw, bool accumulate,
                            std::span<std::byte> memory) {
  const Plan plan(g);
  Scratch scratch(memory);
  std::int64_t* order = scratch.take<std::int64_t>(to_size(g.weights()));
  g.order_weights(order);
  float* sums = scratch.take<float>(to_size(plan.parts.parts * plan.sums));
  const std::span<std::byte> rest = scratch.rest();
  const std::size_t bytes = item_bytes(plan, g);
  threads.run_with_thread(plan.parts.parts * plan.chunks.parts, [&](std::int64_t item, int thread) {
    const std::int64_t part = item / plan.chunks.parts;
    Item(plan, g, x, dy, rest.subspan(bytes * to_size(thread), bytes))
        .run(part, item % plan.chunks.parts, sums + part * plan.sums);
  });

  const Parts ranges = parts_of(g.weights(), kUnpacked);
  float* weights = dw.as<float>() + g.first_out() * g.weights();
  threads.run(plan.panels.count * ranges.parts, [&](std::int64_t item) {
    const std::int64_t panel = item / ranges.parts;
    const std::int64_t first = ranges.begin(item % ranges.parts);
    const std::int64_t column = plan.panels.first(panel);
    kernels().unpack_transposed(
        sums + column * g.weights(), plan.parts.parts, plan.sums, plan.panels.width_of(panel),
        order + first, ranges.end(item % ranges.parts) - first, plan.panels.columns_of(panel),
        accumulate, weights + column * g.weights() + first, g.weights());
  });
}

}  // namespace striate::cpu
