#pragma once

#include <functional>
#include <memory>
#include <string>

#include "striate/data/dataset.h"
#include "striate/data/loader.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"
#include "striate/tasks/training.h"

namespace striate {

// What trainings on pictures share.

/// The loop's batches from a picture loader, one loader an epoch: inputs `input` and `labels`.
std::function<std::unique_ptr<BatchSource>()> picture_batches(
    std::shared_ptr<const Dataset> pictures, const TrainingSettings& settings,
    const Preprocessing& preprocessing);

/// The dataset's training pictures, or as many of them as `limit` says. Throws InputError.
std::shared_ptr<const Dataset> training_pictures(const TrainingSettings& settings);

/// What `settings.weights` names, with its card; empty where it names nothing. Throws InputError where
/// the weights are another model's.
struct Beginning {
  ModelFile file;
  ModelCard card;
};
Beginning beginning_of(const TrainingSettings& settings, const Network& network);

/// The card of the run that a checkpoint belongs to, which must have these classes.
ModelCard begun_card(const std::filesystem::path& checkpoint, const TrainingSettings& settings,
                     const std::vector<std::string>& classes);

}  // namespace striate
