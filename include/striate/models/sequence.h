#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "striate/base/fields.h"
#include "striate/graph/graph.h"

namespace striate {

/// A network that reads sequences: symbols through an embedding, or numbers as they are; a window
/// of the last steps or recurrent layers; and a dense layer that answers at every step or at the
/// end. Written as JSON it travels with the weights.
struct SequenceNetwork {
  std::string cell;
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t embedding = 0;
  double dropout = -1;
  bool tied = false;
  std::int64_t window = 0;
  double initial = 0;
  double forget_bias = 0;
  std::string unit;
  // What the data make of it.
  std::int64_t symbols = 0;
  std::int64_t features = 0;
  std::int64_t answers = 0;
  std::string asked = "next";

  STRIATE_FIELDS(
      visit("cell", cell,
            "lstm, gru, rnn (tanh), rnn_relu, or window: an MLP on the last steps; none: the "
            "model's own");
      visit("hidden", hidden, "numbers in a layer's state; 0: the model's own");
      visit("layers", layers, "recurrent layers above one another; 0: the model's own");
      visit("embedding", embedding, "numbers that stand for a symbol; 0: the model's own");
      visit("dropout", dropout,
            "share dropped behind the embedding, between layers and behind the last; -1: the "
            "model's own");
      visit("tied", tied, "the last layer takes the embedding's table for its weights");
      visit("window", window, "steps that --cell window sees; 0: the model's own");
      visit("initial", initial, "first weights are uniform within this; 0: as is usual");
      visit("forget_bias", forget_bias, "lstm: first bias of the forget gate");
      visit("unit", unit, "what a text is cut into: characters or words; none: the model's own");)

  /// The fields that the data decide.
  template <class Visitor>
  void data_fields(Visitor&& visit) {
    visit("symbols", symbols);
    visit("features", features);
    visit("answers", answers);
    visit("asked", asked);
  }
  template <class Visitor>
  void data_fields(Visitor&& visit) const {
    visit("symbols", symbols);
    visit("features", features);
    visit("answers", answers);
    visit("asked", asked);
  }
};

/// The settings of a sequence model of the registry. Throws InputError for another name.
const SequenceNetwork& sequence_defaults(const std::string& model);

/// `given` with the model's own where it says nothing. Throws InputError for what cannot be built.
SequenceNetwork completed(const SequenceNetwork& given, const std::string& model);

/// The training form, time first: input `input`, [T, N] int64 where steps are symbols (a window of w
/// needs [T + w - 1, N]), else [T, N, features]; `lengths`, int32 [N], where a whole sequence is
/// asked about. Output `logits`: [T * N, answers] or [N, answers]. With `carry`, states are inputs
/// and outputs (nn/recurrent.h); only where every step is asked.
Graph build_sequence(const std::string& name, const SequenceNetwork& network, std::int64_t steps,
                     std::int64_t batch, bool carry = false);

/// Adds `target` [N, 1] and `loss`, the mean square of logits - target, to a graph.
Graph with_square_loss(Graph graph);

}  // namespace striate
