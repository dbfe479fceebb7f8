#pragma once

#include <map>
#include <string>
#include <vector>

#include "striate/graph/graph.h"

namespace striate {

/// What became of one recurrent node: the values of each step, in the order in which it runs them.
struct UnrolledLayer {
  std::string name;  ///< the node's
  std::string op;    ///< RNN, LSTM or GRU
  bool reverse = false;
  std::int64_t batch = 0, hidden = 0;
  /// Of each step, value names [batch, hidden] by what they are: h; c; and the gates input, output,
  /// forget, candidate (LSTM) or update, reset, candidate (GRU), as they come out of their functions.
  std::vector<std::map<std::string, std::string>> steps;
};

struct Unrolled {
  Graph graph;
  std::vector<UnrolledLayer> layers;  ///< one for each direction
};

/// The graph with every RNN, LSTM and GRU written out over time as matrix products and elementwise
/// operators, all steps sharing the node's parameters: a feed-forward network with the same outputs
/// and gradients. Input shapes fix the number of steps and of sequences. Throws ModelError where a
/// node has sequence lengths, or a function that is no operator by itself.
Unrolled unroll(const Graph& graph, const Shapes& input_shapes = {});

/// The steps of the graph's first recurrent node; 0 where it has none.
std::int64_t recurrent_steps(const Graph& graph, const Shapes& input_shapes = {});

}  // namespace striate
