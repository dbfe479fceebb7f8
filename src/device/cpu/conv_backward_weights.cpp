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
// Items enough for the threads to finish together; where the parts are fewer, columns are cut too.
constexpr std::int64_t kItems = 32;
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
    chunks = {panels.count,
              std::clamp<std::int64_t>((kItems + parts.parts - 1) / parts.parts, 1, panels.count)};
    gathered = g.in < kFewChannels && g.taps() > 1;
    const std::int64_t limit = kernels().runs_limit[to_size(panels.vectors_of(0) - 1)];
    tiles = parts_of(gathered ? g.weights() : g.in, limit);
    copied = g.taps() == 1 && panels.count > 1;
    // A block touches at most this many rows of output pixels.
    runs = gathered ? 0 : std::min(kPixels, kPixels / std::max<std::int64_t>(1, g.ow) + 2);
  }

  Panels panels;
  Parts blocks;  // of pixels
  Parts parts;   // of blocks
  Parts chunks;  // of panels
  Parts tiles;   // of rows
  bool gathered = false;
  bool copied = false;    // one tap's pixels are laid out tile by tile first
  std::int64_t sums = 0;  // floats of one part's sums: [panel][tap * in + c][width]
  std::int64_t runs = 0;  // most runs of a tap in a block

  std::int64_t packed() const {
    return kPixels * panels.width * ((panels.count + chunks.parts - 1) / chunks.parts);
  }
  std::int64_t left_floats(const Group& g) const {
    return gathered || copied ? kPixels * g.weights() : 0;
  }
};

std::size_t item_bytes(const Plan& plan, const Group& g) {
  return bytes_of<float>(plan.packed()) + bytes_of<float>(plan.left_floats(g)) +
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
    left_ = scratch.take<float>(to_size(plan.left_floats(g)));
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
      const bool copied = plan_.copied && copy_tap();
      for (std::int64_t panel = plan_.chunks.begin(chunk); panel < plan_.chunks.end(chunk);
           ++panel) {
        const float* gradients = pack(panel, panel - plan_.chunks.begin(chunk));
        float* target = sums + plan_.panels.first(panel) * g_.weights();
        if (plan_.gathered) {
          const Run all{.a = left_, .first = 0, .count = end_ - begin_};
          multiply_tap(&all, 1, g_.weights(), gradients, panel, target, block > first_block);
          continue;
        }
        if (copied) {
          multiply_copied(gradients, panel, target, block > first_block);
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

  struct Range {
    std::int64_t begin, end;

    Range of(const Range& other) const {
      return {std::max(begin, other.begin), std::min(end, other.end)};
    }
  };

  // The part of output pixels [begin, end) of a row that sees pixels of the input under a tap:
  // those for which x * stride + shift lies in [0, w).
  Range inside(std::int64_t s, std::int64_t begin, std::int64_t end) const {
    const std::int64_t shift = s * g_.dilation_w - g_.pad_left;
    const std::int64_t first = shift >= 0 ? 0 : (-shift + g_.stride_w - 1) / g_.stride_w;
    const std::int64_t last = shift >= g_.w ? 0 : (g_.w - 1 - shift + g_.stride_w) / g_.stride_w;
    const std::int64_t from = std::clamp(first, begin, end);
    return {from, std::clamp(last, from, end)};
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
          const auto [begin, end] = inside(s, x_begin, x_end);
          if (begin == end) continue;
          const std::int64_t shift = s * g_.dilation_w - g_.pad_left;
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
    // Where the taps of a kernel row lie one behind another, they are copied together; where that
    // is hardly anything, one tap is copied for all pixels.
    const bool dense = g_.dilation_w == 1 && x_.pixel == g_.in && g_.in * g_.s >= 8;
    for_each_row([&](std::int64_t image, std::int64_t y, std::int64_t x_begin, std::int64_t x_end,
                     std::int64_t pixel) {
      for (std::int64_t r = 0; r < g_.r; ++r) {
        float* to = left_ + pixel * g_.weights() + r * g_.s * g_.in;
        const std::int64_t in_y = y * g_.stride_h + r * g_.dilation_h - g_.pad_top;
        if (in_y < 0 || in_y >= g_.h) {
          clear(g_.s * g_.in, x_end - x_begin, to);
          continue;
        }
        const float* row = x_.data + (image * x_.h + in_y) * x_.w * x_.pixel;
        // Output pixels for which every tap of the row lies inside.
        const Range all = inside(0, x_begin, x_end).of(inside(g_.s - 1, x_begin, x_end));
        if (dense && all.begin < all.end) {
          copy(row + (all.begin * g_.stride_w - g_.pad_left) * x_.pixel, g_.stride_w * x_.pixel,
               g_.s * g_.in, all.end - all.begin, to + (all.begin - x_begin) * g_.weights());
          gather_taps(row, x_begin, all.begin, to);
          gather_taps(row, all.end, x_end, to + (all.end - x_begin) * g_.weights());
        } else {
          gather_taps(row, x_begin, x_end, to);
        }
      }
    });
  }

  // The taps of one kernel row for output pixels [begin, end), one after another.
  void gather_taps(const float* row, std::int64_t begin, std::int64_t end, float* to) const {
    for (std::int64_t s = 0; s < g_.s; ++s, to += g_.in) {
      const Range range = inside(s, begin, end);
      clear(g_.in, range.begin - begin, to);
      copy(row + (range.begin * g_.stride_w + s * g_.dilation_w - g_.pad_left) * x_.pixel,
           g_.stride_w * x_.pixel, g_.in, range.end - range.begin,
           to + (range.begin - begin) * g_.weights());
      clear(g_.in, end - range.end, to + (range.end - begin) * g_.weights());
    }
  }

  void clear(std::int64_t floats, std::int64_t pixels, float* to) const {
    for (std::int64_t p = 0; p < pixels; ++p) std::fill_n(to + p * g_.weights(), floats, 0.0F);
  }

  void copy(const float* from, std::int64_t stride, std::int64_t floats, std::int64_t pixels,
            float* __restrict to) const {
    if (floats == 1) {
      for (std::int64_t p = 0; p < pixels; ++p) to[p * g_.weights()] = from[p * stride];
      return;
    }
    for (std::int64_t p = 0; p < pixels; ++p) {
      for (std::int64_t i = 0; i < floats; ++i) to[p * g_.weights() + i] = from[p * stride + i];
    }
  }

  // left[tile][pixel][row of the tile] for the only tap, which reads each pixel's channels in one
  // go: tile by tile they would be fetched again and again. Not where the tap meets padding.
  bool copy_tap() {
    constexpr std::int64_t kTogether = 16;
    std::int64_t pixels = 0;
    for (std::int64_t run = 0; run < run_counts_[0]; ++run) pixels += runs_[run].count;
    if (pixels != end_ - begin_) return false;
    const std::int64_t stride = g_.stride_w * x_.pixel;
    for (std::int64_t run = 0; run < run_counts_[0]; ++run) {
      for (std::int64_t done = 0; done < runs_[run].count; done += kTogether) {
        const std::int64_t count = std::min(kTogether, runs_[run].count - done);
        for (std::int64_t tile = 0; tile < plan_.tiles.parts; ++tile) {
          const std::int64_t first = plan_.tiles.begin(tile);
          const std::int64_t rows = plan_.tiles.end(tile) - first;
          kernels_.pack_rows(runs_[run].a + done * stride + first, stride, count, rows, rows,
                             left_ + first * pixels + (runs_[run].first + done) * rows);
        }
      }
    }
    return true;
  }

  void multiply_copied(const float* gradients, std::int64_t panel, float* target, bool accumulate) {
    const std::int64_t pixels = end_ - begin_;
    for (std::int64_t tile = 0; tile < plan_.tiles.parts; ++tile) {
      const std::int64_t first = plan_.tiles.begin(tile);
      const Run all{.a = left_ + first * pixels, .first = 0, .count = pixels};
      multiply_tile(&all, 1, plan_.tiles.end(tile) - first, 0, gradients, panel, tile, target,
                    accumulate);
    }
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
    for (std::int64_t tile = 0; tile < plan_.tiles.parts; ++tile) {
      multiply_tile(runs, run_count, stride, plan_.tiles.begin(tile), gradients, panel, tile,
                    target, accumulate);
    }
  }

  void multiply_tile(const Run* runs, std::int64_t run_count, std::int64_t stride,
                     std::int64_t offset, const float* gradients, std::int64_t panel,
                     std::int64_t tile, float* target, bool accumulate) {
    const std::int64_t width = plan_.panels.width_of(panel);
    const std::size_t vectors = to_size(plan_.panels.vectors_of(panel) - 1);
    const std::int64_t first = plan_.tiles.begin(tile);
    const std::int64_t rows = plan_.tiles.end(tile) - first;
    if (rows == 0) return;
    std::array<float*, kMaxRows> out;
    for (std::int64_t i = 0; i < rows; ++i) out[to_size(i)] = target + (first + i) * width;
    kernels_.runs[vectors][to_size(rows - 1)]({.runs = runs,
                                               .run_count = run_count,
                                               .stride = stride,
                                               .offset = offset,
                                               .panel = gradients,
                                               .out = {.rows = out.data(),
                                                       .column = 0,
                                                       .columns = width,
                                                       .alpha = 1,
                                                       .accumulate = accumulate}});
  }

  const Kernels& kernels_ = kernels();
  const Plan& plan_;
  const Group& g_;
  Pixels x_, dy_;
  float* packed_;
  float* left_;
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
