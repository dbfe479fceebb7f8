#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "striate/base/fields.h"
#include "striate/graph/graph.h"

namespace striate {

/// What is counted as work. Other people's figures differ by these.
struct CountConvention {
  bool padding = true;
  bool bias = false;
  bool batch_norm = false;
  bool auxiliary = false;

  STRIATE_FIELDS(visit("padding", padding, "count products with padding too");
                 visit("bias", bias, "count each addition of a bias as a multiply-add");
                 visit("batch_norm", batch_norm, "count batch norms, one multiply-add an element");
                 visit("auxiliary", auxiliary, "count the heads that only training has");)
};

/// Input pixels that one pixel of a value depends on, as if maps had no borders.
struct ReceptiveField {
  enum class Kind : std::uint8_t {
    window,      ///< h and w say which
    everything,  ///< the whole input
    uneven       ///< pixels differ in more than their place
  };
  struct Axis {
    std::int64_t size = 1;  ///< of the pixel that sees the most
    /// Input pixels from one pixel's window to its neighbour's: 8, or 0.5 after upsampling.
    double stride = 1;
    /// First input pixel that pixel 0 (or the first that sees any) sees; negative: in the padding.
    std::int64_t offset = 0;
    /// Pixels after which windows have the same size again; above 1 after upsampling.
    std::int64_t period = 1;
  };
  Kind kind = Kind::window;
  Axis h, w;
};

/// One node of a network's account, or one block of nodes.
struct SummaryRow {
  std::string name;
  std::string op;               ///< of a block: ""
  Shape input;                  ///< the first one's
  Shape output;                 ///< of a block: the last node's
  std::int64_t parameters = 0;  ///< counted where a parameter is first used, trainable ones only
  Cost cost;                    ///< for the whole batch
  std::int64_t macs = 0;        ///< the same as one number, by the convention
  std::int64_t operations = 0;  ///< a multiply-add counts as two, an addition as one
  std::int64_t bytes = 0;       ///< of the output; of a block: of all its nodes' outputs
  Window window;                ///< of a block: not named
  ReceptiveField sees;
  int nodes = 1;
};

struct Summary {
  std::string name;
  Shape input;
  CountConvention convention;
  std::vector<SummaryRow> rows;
  std::int64_t parameters = 0;  ///< trainable
  std::int64_t biases = 0;      ///< trainable ones of one axis: biases, and batch norms' pairs
  std::int64_t buffers = 0;     ///< not trainable: running statistics
  std::int64_t macs = 0;
  std::int64_t operations = 0;
  std::int64_t bytes = 0;  ///< of all nodes' outputs
};

/// The account of a graph's inference form for these input shapes. Multiply-adds are those of
/// convolutions and matrix products, and what else the convention says; shared weights count once.
/// Throws ModelError.
Summary summarize(const Graph& graph, const Shapes& input_shapes = {},
                  const CountConvention& convention = {});

/// Neighbouring rows whose names share their first `depth` parts (between dots) as one row, named
/// by them.
Summary grouped_by_block(const Summary& summary, int depth);

}  // namespace striate
