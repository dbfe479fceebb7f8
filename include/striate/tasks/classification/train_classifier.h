#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "striate/base/threads.h"
#include "striate/data/dataset.h"
#include "striate/nn/load.h"
#include "striate/nn/model_card.h"
#include "striate/tasks/classification/settings.h"
#include "striate/train/loop.h"
#include "striate/train/run_folder.h"

namespace striate {

/// Settings made into what is trained: datasets opened and split, pictures measured, the graph
/// built. Opening it changes nothing on disk.
struct ClassifierTraining {
  ClassifierSettings settings;
  ModelCard card;
  std::shared_ptr<const Dataset> train, validation;
  Graph graph;                       ///< the training form with its loss
  std::int64_t frozen = 0;           ///< weights that stay as they are
  std::optional<LoadReport> loaded;  ///< what was taken from `settings.weights`
  Weights first;                     ///< and what it begins with then
};

/// Throws InputError or ModelError for settings, data or model that do not work or do not fit. Where
/// `checkpoint` is a file, the run it belongs to is to go on: its pictures are not measured again,
/// and no other weights are read.
ClassifierTraining open_training(const ClassifierSettings& settings, const Threads& threads,
                                 const std::filesystem::path& checkpoint = {});

/// What a training tells while it runs; any may be empty.
struct ClassifierHooks {
  std::function<void(const StepReport&)> on_step;
  std::function<void(const EpochReport&)> on_epoch;
  const std::atomic<bool>* stop = nullptr;
  /// Within an epoch the checkpoint is written anew when it is older than this.
  double save_seconds = 120;
};

struct ClassifierOutcome {
  TrainEnd end = TrainEnd::finished;
  std::vector<EpochReport> epochs;  ///< of this session
  std::int64_t best_epoch = 0;
  double best_score = 0;
};

/// Trains into a folder: config.toml at once, then after each epoch best.safetensors, where it is
/// the best so far, a line of metrics and the checkpoint. With `resume`, goes on from the folder's
/// checkpoint, or from the beginning where none was written yet, with the bits of a run that was
/// never interrupted: whenever the process is killed, nothing in the folder is half-written and no
/// more is lost than the steps since the checkpoint. When stopped, the checkpoint holds the last
/// finished step. Throws SystemError where a file cannot be written, and leaves the one before;
/// InputError for a checkpoint of another run; DivergedError; what hooks throw. The hooks are called
/// on this thread. One call a folder at a time: RunFolder sees to it.
ClassifierOutcome train_classifier(const ClassifierTraining& training,
                                   std::shared_ptr<const Device> device, RunFolder& folder,
                                   bool resume = false, const ClassifierHooks& hooks = {});

}  // namespace striate
