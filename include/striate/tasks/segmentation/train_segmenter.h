#pragma once

#include "striate/tasks/training.h"

namespace striate {

/// The training of a network that names each pixel's class: see open_training in tasks/training.h.
/// It sees pictures of the settings' size, changed and mirrored together with their masks; those
/// held back, and the dataset's own validation part where it has one, are measured at their own size.
Training open_segmentation_training(const TrainingSettings& settings, const Threads& threads,
                                    const std::filesystem::path& checkpoint);

}  // namespace striate
