#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "striate/graph/graph.h"

namespace striate {

/// One node of a network's account.
struct SummaryRow {
  std::string name, op;
  Shape output;
  std::int64_t parameters = 0;  ///< counted where a parameter is first used, trainable ones only
  std::int64_t macs = 0;        ///< multiply-adds for the whole batch, padding counted
  std::int64_t bytes = 0;       ///< of the output
  /// Input pixels one output pixel can see (height, width); 0 where it sees all of them.
  std::int64_t receptive_h = 1, receptive_w = 1;
};

struct Summary {
  std::string name;
  Shape input;
  std::vector<SummaryRow> rows;
  std::int64_t parameters = 0;  ///< trainable
  std::int64_t buffers = 0;     ///< not trainable: running statistics
  std::int64_t macs = 0;
};

/// The account of a graph's inference form for these input shapes. Multiply-adds are those of
/// convolutions and matrix products; shared weights count once.
Summary summarize(const Graph& graph, const Shapes& input_shapes = {});

}  // namespace striate
