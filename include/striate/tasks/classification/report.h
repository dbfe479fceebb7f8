#pragma once

#include <span>
#include <string>

#include "striate/draw/canvas.h"
#include "striate/train/loop.h"
#include "striate/train/metrics.h"

namespace striate {

/// Loss and accuracy by epoch, side by side.
draw::Canvas training_curves(const std::string& title, std::span<const EpochReport> epochs);

/// The confusion matrix with recalls and precisions.
draw::Canvas confusion_picture(const ClassMetrics& metrics, const std::vector<std::string>& classes,
                               const std::string& title);

}  // namespace striate
