#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "striate/graph/plan.h"

namespace striate {

/// How a recurrent layer passes gradients back through time: entry k stands for the state k steps
/// before the last.
struct GradientFlow {
  std::string layer;
  /// Norms of the gradient that the last step's loss has in the state of each step: h of an rnn or
  /// gru, h and c of an lstm.
  std::vector<double> norms;
  /// Largest singular values of the Jacobian of each state in the one before it; the last entry is
  /// that of the first step, whose state before is the initial one. Empty for a layer of two
  /// directions.
  std::vector<double> singular;
};

struct GradientReport {
  std::vector<GradientFlow> layers;
  double loss = 0;          ///< of the last step: cross-entropy, or half a square for one answer
  double weights_norm = 0;  ///< of its gradient in all parameters
};

/// Measures a network whose first output is `[rows, answers]`, the last step's answers in its last
/// row, for one sequence. `label` is the answer that the loss asks for; of one answer, its value is
/// asked to be 0. The network is unrolled (graph/unroll.h) and run in float64. Throws ModelError
/// where it has no recurrent layer.
GradientReport gradient_flow(const Graph& graph, const Weights& weights, const Inputs& inputs,
                             std::int64_t label);

/// A small network to see it on: numbers through one recurrent layer, and four answers at the end.
struct FlowExample {
  std::string name;  ///< rnn-sigmoid, rnn-tanh, rnn-relu, lstm or gru
  std::int64_t hidden = 32;
  std::int64_t steps = 60;
  /// The relu network's recurrent weights are He's times this.
  double scale = 1.5;
  /// First bias of the gates that keep the state (lstm's forget, gru's update).
  double keep_bias = 5;
  std::uint64_t seed = 1;
};
const std::vector<std::string>& flow_examples();
/// The example's graph and first weights. Throws InputError for a name that is none.
Graph flow_example(const FlowExample& example, Weights& weights);
/// A sequence for it.
Tensor flow_input(const FlowExample& example);

/// Losses of gradient descent on one sequence, step by step, gradients longer than `clip` shortened
/// to it (0: never); ends early where the loss is no number.
std::vector<double> descend(const Graph& graph, Weights weights, const Inputs& inputs,
                            std::int64_t label, double rate, double clip, int steps);

}  // namespace striate
