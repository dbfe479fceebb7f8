#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "striate/tasks/sequence/sequence_model.h"

namespace striate {

/// What one recurrent layer does at every step of a sequence.
struct GateTrace {
  std::string layer;  ///< with " reversed" where it reads from the end
  std::string op;     ///< RNN, LSTM or GRU
  /// By name, float32 [steps, hidden], steps in the order of time: h; an LSTM's input, output,
  /// forget, candidate and c; a GRU's update, reset and candidate.
  std::map<std::string, Tensor> gates;
};

/// The gates of every layer while the model reads these symbols. Throws ModelError where it has no
/// recurrent layer.
std::vector<GateTrace> gate_values(const SequenceModel& model,
                                   std::span<const std::int64_t> symbols);

}  // namespace striate
