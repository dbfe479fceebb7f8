#pragma once

#include <span>
#include <string>
#include <vector>

#include "striate/draw/canvas.h"
#include "striate/tasks/training.h"
#include "striate/train/loop.h"
#include "striate/train/metrics.h"

namespace striate {

/// Loss by epoch, and beside it those validation scores that are shares.
draw::Canvas training_curves(const std::string& title, std::span<const EpochReport> epochs,
                             std::span<const ScoreLabel> labels);

/// Curves of several runs beside one another: error on the training pictures (of the epoch's
/// batches, each under the weights of its step) and on those held back, and both losses. What no
/// run measured has no panel.
struct NamedRun {
  std::string name;
  std::vector<EpochReport> epochs;
};
draw::Canvas compared_runs(std::span<const NamedRun> runs);

/// The confusion matrix with recalls and precisions.
draw::Canvas confusion_picture(const ClassMetrics& metrics, const std::vector<std::string>& classes,
                               const std::string& title);

}  // namespace striate
