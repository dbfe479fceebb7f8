#include "device/cpu/product.h"

#include <algorithm>

#include "striate/base/memory.h"

namespace striate::cpu {
namespace {

// k is cut into blocks of about this many steps, so that a block of a panel stays in the second
// cache, next to the rows it meets.
constexpr std::int64_t kDepth = 512;
// Tiles of rows that one item takes through all its panels: they stay in the second cache.
constexpr std::int64_t kTiles = 8;
// Products of no more tiles than this pack each panel just before use, in the item that uses it.
constexpr std::int64_t kFewTiles = 32;
// Items enough for the threads to finish together.
constexpr std::int64_t kItems = 16;

// Floats of a right operand that stays in the second cache as a whole: rows are then finished one
// after another, which memory likes better.
constexpr std::int64_t kSmall = 65536;

constexpr std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

// A range of k: whole taps, or a part of the only one.
struct Block {
  std::int64_t tap = 0, taps = 0;
  std::int64_t first = 0, depth = 0;
};

struct Blocks {
  Blocks(std::int64_t taps, std::int64_t depth)
      : taps_(taps),
        depth_(depth),
        parts_(taps == 1 ? parts_of(depth, kDepth)
                         : parts_of(taps, std::max<std::int64_t>(
                                              1, kDepth / std::max<std::int64_t>(1, depth)))) {}

  std::int64_t count() const { return parts_.parts; }
  Block at(std::int64_t block) const {
    const std::int64_t begin = parts_.begin(block);
    const std::int64_t size = parts_.end(block) - begin;
    if (taps_ == 1) return {0, 1, begin, size};
    return {begin, size, 0, depth_};
  }
  // The most steps of k that are packed at once inside an item.
  std::int64_t packed_at_once() const {
    return taps_ == 1 ? (depth_ + count() - 1) / count() : taps_ * depth_;
  }

 private:
  std::int64_t taps_, depth_;
  Parts parts_;
};

// How a product is cut, from its sizes alone.
struct Plan {
  Plan(std::int64_t rows, std::int64_t columns, std::int64_t taps, std::int64_t depth,
       bool left_transposed, bool prepared)
      : panels(columns),
        blocks(taps, depth),
        transposed(left_transposed),
        prepares(prepared),
        row_depth(depth) {
    const auto& limits = transposed ? kernels().runs_limit : kernels().rows_limit;
    tiles = parts_of(rows, limits[to_size(panels.vectors_of(0) - 1)]);
    few = tiles.parts <= kFewTiles && panels.count >= 8;
    if (few) {
      groups = parts_of(tiles.parts, kFewTiles);
      chunks = parts_of(panels.count, std::clamp<std::int64_t>(panels.count / 8, 1, 4));
    } else {
      groups = parts_of(tiles.parts, kTiles);
      chunks = {panels.count, std::clamp<std::int64_t>((kItems + groups.parts - 1) / groups.parts,
                                                       1, panels.count)};
    }
  }

  std::int64_t tiles_at_once() const { return (tiles.count == 0 ? 0 : few ? kFewTiles : kTiles); }
  // Floats of the left and the right operand that an item packs for itself.
  std::int64_t packed_left() const {
    const std::int64_t rows = tiles_at_once() * kMaxRows;
    if (prepares) return rows * row_depth;
    return transposed ? rows * blocks.packed_at_once() : 0;
  }
  std::int64_t packed_right() const {
    const std::int64_t at_once = (panels.count + chunks.parts - 1) / chunks.parts;
    return few ? at_once * panels.width * blocks.packed_at_once() : 0;
  }

  // Floats of the whole right operand where it is packed beforehand.
  std::size_t whole_packed(std::int64_t steps) const {
    return few ? 0 : to_size(panels.padded() * steps);
  }

  Panels panels;
  Blocks blocks;
  bool transposed = false;
  bool prepares = false;
  std::int64_t row_depth = 0;
  Parts tiles;   // of rows
  Parts groups;  // of tiles
  Parts chunks;  // of panels
  bool few = false;
};

// Scratch memory of one thread while it works on an item.
struct ItemMemory {
  const float** in = nullptr;
  float** out = nullptr;
  float* left = nullptr;
  float* right = nullptr;

  static std::size_t bytes(const Plan& plan, std::int64_t taps) {
    const std::int64_t rows = plan.tiles_at_once() * kMaxRows;
    return align_up(to_size(rows * taps + kMaxRows) * sizeof(float*)) +
           align_up(to_size(rows) * sizeof(float*)) +
           align_up(to_size(plan.packed_left()) * sizeof(float)) +
           align_up(to_size(plan.packed_right()) * sizeof(float));
  }

  ItemMemory(const Plan& plan, std::int64_t taps, std::span<std::byte> memory) {
    Scratch scratch(memory);
    const std::int64_t rows = plan.tiles_at_once() * kMaxRows;
    in = scratch.take<const float*>(to_size(rows * taps + kMaxRows));
    out = scratch.take<float*>(to_size(rows));
    left = scratch.take<float>(to_size(plan.packed_left()));
    right = scratch.take<float>(to_size(plan.packed_right()));
  }
};

// One group of tiles against one chunk of panels.
class Item {
 public:
  Item(const Product& product, const Plan& plan, std::int64_t group, std::int64_t chunk,
       const ItemMemory& memory)
      : p_(product),
        plan_(plan),
        memory_(memory),
        tile_begin_(plan.groups.begin(group)),
        tile_end_(plan.groups.end(group)),
        panel_begin_(plan.chunks.begin(chunk)),
        panel_end_(plan.chunks.end(chunk)) {}

  void run() {
    for (std::int64_t tile = tile_begin_; tile < tile_end_; ++tile) {
      const std::int64_t row = plan_.tiles.begin(tile);
      p_.find(row, rows_in(tile), p_.left_transposed ? nullptr : in(tile), out(tile));
      if (p_.prepare) prepare_rows(tile);
    }
    if (p_.packed == nullptr && p_.taps != 1) pack_right(0, p_.taps * p_.depth);
    for (std::int64_t block = 0; block < plan_.blocks.count(); ++block) {
      const Block k = plan_.blocks.at(block);
      if (p_.packed == nullptr && p_.taps == 1) pack_right(k.first, k.depth);
      if (p_.left_transposed) pack_left(k);
      if (plan_.panels.padded() * k.taps * k.depth <= kSmall) {
        for (std::int64_t tile = tile_begin_; tile < tile_end_; ++tile) {
          for (std::int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
            multiply_tile(k, block, panel, tile);
          }
        }
        continue;
      }
      for (std::int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
        for (std::int64_t tile = tile_begin_; tile < tile_end_; ++tile) {
          multiply_tile(k, block, panel, tile);
        }
      }
    }
  }

 private:
  std::int64_t rows_in(std::int64_t tile) const {
    return plan_.tiles.end(tile) - plan_.tiles.begin(tile);
  }
  std::int64_t row_in_item(std::int64_t tile) const {
    return plan_.tiles.begin(tile) - plan_.tiles.begin(tile_begin_);
  }
  const float** in(std::int64_t tile) const { return memory_.in + row_in_item(tile) * p_.taps; }
  float** out(std::int64_t tile) const { return memory_.out + row_in_item(tile); }
  float* left(std::int64_t tile, const Block& k) const {
    return memory_.left + row_in_item(tile) * k.depth;
  }

  void pack_right(std::int64_t first, std::int64_t steps) {
    for (std::int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
      p_.pack(panel, first, first + steps,
              memory_.right + (panel - panel_begin_) * plan_.panels.width * steps);
    }
    right_steps_ = steps;
  }

  void pack_left(const Block& k) {
    for (std::int64_t tile = tile_begin_; tile < tile_end_; ++tile) {
      const std::int64_t rows = rows_in(tile);
      kernels_.pack_rows(p_.left_transposed + k.first * p_.left_stride + plan_.tiles.begin(tile),
                         p_.left_stride, k.depth, rows, rows, left(tile, k));
    }
  }

  void prepare_rows(std::int64_t tile) {
    const float** rows = in(tile);
    float* to = memory_.left + row_in_item(tile) * p_.depth;
    for (std::int64_t i = 0; i < rows_in(tile); ++i, to += p_.depth) {
      kernels_.map_channels(rows[i], p_.depth, *p_.prepare, to);
      rows[i] = to;
    }
  }

  // The panel's row for the block's first k.
  const float* right(const Block& k, std::int64_t panel) const {
    const std::int64_t width = plan_.panels.width_of(panel);
    if (p_.packed) {
      return p_.packed + panel * p_.panel_stride +
             (p_.packed_first + k.tap * p_.depth + k.first) * width;
    }
    return memory_.right + (panel - panel_begin_) * plan_.panels.width * right_steps_ +
           k.tap * p_.depth * width;
  }

  void multiply_tile(const Block& k, std::int64_t block, std::int64_t panel, std::int64_t tile) {
    const std::int64_t rows = rows_in(tile);
    const std::size_t vectors = to_size(plan_.panels.vectors_of(panel) - 1);
    const std::int64_t column = plan_.panels.first(panel);
    TileOutput output{.rows = out(tile),
                      .column = column,
                      .columns = plan_.panels.columns_of(panel),
                      .alpha = p_.alpha,
                      .accumulate = p_.accumulate || block > 0};
    Finish finish;
    if (p_.finish && block + 1 == plan_.blocks.count()) {
      finish = p_.finish->from(column);
      output.finish = &finish;
      if (p_.residual) {
        output.residual = p_.residual + plan_.tiles.begin(tile) * p_.residual_stride + column;
        output.residual_stride = p_.residual_stride;
      }
    }
    if (p_.left_transposed) {
      const Run all{.a = left(tile, k), .first = 0, .count = k.depth};
      kernels_.runs[vectors][to_size(rows - 1)]({.runs = &all,
                                                 .run_count = 1,
                                                 .stride = rows,
                                                 .offset = 0,
                                                 .panel = right(k, panel),
                                                 .out = output});
    } else {
      kernels_.rows[vectors][to_size(rows - 1)]({.rows = in(tile) + k.tap * rows,
                                                 .offset = k.first,
                                                 .taps = k.taps,
                                                 .depth = k.depth,
                                                 .panel = right(k, panel),
                                                 .out = output});
    }
  }

  const Kernels& kernels_ = kernels();
  const Product& p_;
  const Plan& plan_;
  const ItemMemory& memory_;
  std::int64_t tile_begin_, tile_end_, panel_begin_, panel_end_;
  std::int64_t right_steps_ = 0;
};

}  // namespace

Parts parts_of(std::int64_t count, std::int64_t most) {
  return {count, std::max<std::int64_t>(1, (count + most - 1) / most)};
}

Panels::Panels(std::int64_t columns_of_product) : columns(columns_of_product) {
  lanes = kernels().lanes;
  width = columns > lanes ? kMaxVectors * lanes : lanes;
  count = std::max<std::int64_t>(1, (columns + width - 1) / width);
}

std::int64_t Panels::columns_of(std::int64_t panel) const {
  return std::min(width, columns - first(panel));
}

int Panels::vectors_of(std::int64_t panel) const { return columns_of(panel) > lanes ? 2 : 1; }

std::int64_t Panels::width_of(std::int64_t panel) const { return vectors_of(panel) * lanes; }

std::size_t packed_bytes(const Panels& panels, std::int64_t steps) {
  return to_size(panels.padded() * steps) * sizeof(float);
}

void pack_panels(const Threads& threads, const Panels& panels, std::int64_t taps,
                 std::int64_t depth,
                 const std::function<void(std::int64_t, std::int64_t, std::int64_t, float*)>& pack,
                 float* packed) {
  const std::int64_t steps = taps * depth;
  // One tap can be packed in pieces.
  const Parts pieces = taps == 1 ? parts_of(steps, kDepth) : Parts{steps, 1};
  threads.run(panels.count * pieces.parts, [&](std::int64_t item) {
    const std::int64_t panel = item / pieces.parts;
    const std::int64_t first = pieces.begin(item % pieces.parts);
    pack(panel, first, pieces.end(item % pieces.parts),
         packed + panel * panels.width * steps + first * panels.width_of(panel));
  });
}

std::size_t multiply_scratch(int threads, std::int64_t rows, std::int64_t columns,
                             std::int64_t taps, std::int64_t depth, bool left_transposed,
                             bool prepares) {
  if (rows == 0 || columns == 0) return 0;
  const Plan plan(rows, columns, taps, depth, left_transposed, prepares);
  return align_up(plan.whole_packed(taps * depth) * sizeof(float)) +
         to_size(threads) * ItemMemory::bytes(plan, taps);
}

void multiply(const Threads& threads, const Product& product, std::span<std::byte> scratch) {
  if (product.rows == 0 || product.columns == 0) return;
  const Plan plan(product.rows, product.columns, product.taps, product.depth,
                  product.left_transposed != nullptr, product.prepare != nullptr);
  Product p = product;
  if (p.packed == nullptr && !plan.few) {
    const std::int64_t steps = p.taps * p.depth;
    p.panel_stride = plan.panels.width * steps;
    float* packed = Scratch(scratch).take<float>(plan.whole_packed(steps));
    pack_panels(threads, plan.panels, p.taps, p.depth, p.pack, packed);
    p.packed = packed;
    scratch = scratch.subspan(align_up(plan.whole_packed(steps) * sizeof(float)));
  }
  const std::size_t item_bytes = ItemMemory::bytes(plan, p.taps);
  threads.run_with_thread(
      plan.groups.parts * plan.chunks.parts, [&](std::int64_t item, int thread) {
        const ItemMemory memory(plan, p.taps,
                                scratch.subspan(item_bytes * to_size(thread), item_bytes));
        Item(p, plan, item / plan.chunks.parts, item % plan.chunks.parts, memory).run();
      });
}

}  // namespace striate::cpu
