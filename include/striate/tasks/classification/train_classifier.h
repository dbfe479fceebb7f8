#pragma once

#include "striate/tasks/training.h"

namespace striate {

/// The training of a model that names what a picture shows: see open_training in tasks/training.h.
Training open_classifier_training(const TrainingSettings& settings, const Threads& threads,
                                  const std::filesystem::path& checkpoint);

}  // namespace striate
