#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "striate/device/recurrent.h"
#include "striate/nn/builder.h"

namespace striate {

using RecurrentCell = RecurrentGeometry::Cell;

/// Settings of recurrent layers one upon another, with PyTorch's defaults but for the biases.
///
/// Every gate has parameters of its own, named by dotted paths:
///
///     NAME.<layer>[_reverse].<gate>.weight_ih   [hidden, features]
///     NAME.<layer>[_reverse].<gate>.weight_hh   [hidden, hidden]
///     NAME.<layer>[_reverse].<gate>.bias        [hidden], or .bias_ih and .bias_hh
///
/// The gates are input, output, forget, candidate (lstm) and update, reset, candidate (gru); an
/// rnn's only one has no name. The nodes are ONNX's RNN, LSTM and GRU, time first; their W, R and B
/// are Concat and Reshape of the parameters.
struct RecurrentOptions {
  RecurrentCell cell = RecurrentCell::lstm;
  std::int64_t hidden = 0;
  std::int64_t layers = 1;
  bool bidirectional = false;
  double dropout = 0;  ///< between layers, not behind the last
  /// Bias vectors of a gate: none, one as in the papers, or two as in PyTorch, which sum up to one.
  /// A gru's candidate of linear_before_reset has two where it has any.
  int biases = 1;
  std::string activation = "Tanh";  ///< an rnn's, and that of a gru's candidate
  bool linear_before_reset = true;  ///< a gru's: PyTorch's form; false: Cho et al.'s
  /// First values of everything; absent: uniform within 1 / sqrt(hidden), as PyTorch has them.
  std::optional<Initial> weights = std::nullopt;
  std::optional<double> first_forget_bias = std::nullopt;
  /// The initial states are graph inputs NAME.<layer>.h (and .c), [directions, N, hidden], the final
  /// ones graph outputs of that name and ".next": truncated backpropagation, or a stream, carries
  /// them from run to run. Otherwise states begin at zero.
  bool carry = false;
  Value lengths = {};  ///< steps of each sequence, int32 [N]; all of them where absent
  bool last = false;   ///< gives the last layer's final state instead of all its outputs
};

/// x [T, N, features] through the layers: [T, N, directions * hidden], or with `last`
/// [N, directions * hidden].
Value recurrent(Builder& b, const std::string& name, const Value& x,
                const RecurrentOptions& options);

struct EmbeddingOptions {
  std::int64_t entries = 0;
  std::int64_t width = 0;
  /// First values; absent: normal with deviation 1, as PyTorch has them.
  std::optional<Initial> weights = std::nullopt;
};

/// The rows NAME.weight [entries, width] that the ids (int64, of any shape) name: ids' shape, width.
Value embedding(Builder& b, const std::string& name, const Value& ids,
                const EmbeddingOptions& options);

/// [T, N, C] as [T * N, C]: for a dense layer, and a loss, at every step.
Value join_steps(Builder& b, const std::string& name, const Value& x);

/// The biases of a graph's RNN, LSTM and GRU nodes: those it has, and how many it would have with
/// one vector a gate, as papers and Keras count them, and with PyTorch's two.
struct RecurrentBiases {
  std::int64_t own = 0, one = 0, two = 0;
};
RecurrentBiases recurrent_biases(const Graph& graph);

/// A graph input that a later run is to be given from this run's output.
struct CarriedState {
  std::string input, output;
  Shape shape;
};
/// The inputs for which there is an output of the same name and ".next", in order.
std::vector<CarriedState> carried_states(const Graph& graph);

}  // namespace striate
