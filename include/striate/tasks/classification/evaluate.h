#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "striate/data/dataset.h"
#include "striate/graph/plan.h"
#include "striate/nn/preprocessing.h"
#include "striate/train/metrics.h"

namespace striate {

/// Told how many pictures are done.
using OnProgress = std::function<void(std::int64_t done)>;

struct Evaluation {
  ClassMetrics metrics;
  double seconds = 0;
  double images_per_second = 0;  ///< reading and preprocessing included
};

struct EvaluationOptions {
  std::int64_t batch = 256;
  /// Views of a picture (`crops` in nn/preprocessing.h), whose probabilities are averaged.
  int crops = 1;
  OnProgress on_progress;
  const std::atomic<bool>* cancel = nullptr;
};

/// Runs an inference graph (input `input`, output `logits`) over a whole dataset. Throws InputError
/// where the dataset has labels beyond the network's classes, what the dataset throws, and Cancelled
/// once `cancel` is set. Nothing is kept of what it is given.
Evaluation evaluate(const Program& inference, const Weights& weights, const Dataset& dataset,
                    const Preprocessing& preprocessing, const EvaluationOptions& options = {});

}  // namespace striate
