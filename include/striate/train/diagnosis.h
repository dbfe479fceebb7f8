#pragma once

#include <string>

#include "striate/graph/plan.h"

namespace striate {

/// Where a step first made a number that is none (NaN or infinite), and why, as far as can be told.
struct Diagnosis {
  std::string layer;  ///< a node, a parameter, or an input of the graph
  std::string op;     ///< the node's operator; "parameter" or "input"
  bool backward = false;
  std::string cause;  ///< what most likely led to it, for a person

  /// "conv2 (Conv), going backward: …"
  std::string str() const;
};

/// What is known of a step beside its values.
struct StepHistory {
  std::int64_t global_step = 1;  ///< counted from 1
  double lr = 0;
  /// Losses of the steps before, oldest first.
  std::vector<double> losses;
};

/// Runs a step again, node by node, and names the first whose output (or, going backward, whose
/// gradient) is not finite while all before it were. The weights must be those that the step began
/// with; nothing is changed. An empty layer: everything was finite this time.
Diagnosis diagnose(const Program& program, const Inputs& inputs, const Weights& weights, RunKey key,
                   const StepHistory& history);

}  // namespace striate
