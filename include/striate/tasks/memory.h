#pragma once

#include <cstdint>
#include <memory>

#include "striate/graph/plan.h"
#include "striate/train/optimizer.h"

namespace striate {

/// Bytes that a network takes beside the program itself, from its compiled plans.
struct NetworkMemory {
  std::int64_t weights = 0;  ///< parameters and running statistics
  std::int64_t run = 0;      ///< in all, to run one batch: weights, activations, the batch
  /// In all, for one training step: weights, gradients, the optimizer's state, activations, the
  /// batch. 0 where there is nothing to train, or a file's network cannot be.
  std::int64_t train = 0;
  std::int64_t optimizer = 0;  ///< of that, what the optimizer remembers
};

/// `graph` is a network's training form with the outputs named by it; `batch` is the shape of its
/// first input. Throws ModelError, and InputError for the optimizer.
NetworkMemory network_memory(const Graph& graph, const std::shared_ptr<const Device>& device,
                             const Shape& batch, const OptimizerOptions& optimizer);

}  // namespace striate
