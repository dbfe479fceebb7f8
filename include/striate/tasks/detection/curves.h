#pragma once

#include <string>
#include <vector>

#include "striate/draw/canvas.h"
#include "striate/tasks/detection/score.h"

namespace striate {

/// Precision over recall: as measured, and the best precision at that recall or a higher one, whose
/// area or mean is the average precision. A panel for each class that has objects, at most 24.
draw::Canvas precision_recall_curves(const Score& score, const std::vector<std::string>& classes,
                                     const ScoreOptions& options);

}  // namespace striate
