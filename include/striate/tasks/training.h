#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/threads.h"
#include "striate/nn/load.h"
#include "striate/nn/model_card.h"
#include "striate/tasks/settings.h"
#include "striate/train/loop.h"
#include "striate/train/run_folder.h"

namespace striate {

/// A score that validation gives, for people.
struct ScoreLabel {
  std::string name;   ///< in Scores
  std::string label;  ///< "top-1"
  bool share = true;  ///< of 1, shown in percent
};

/// Scores of weights on what was held back. Throws Cancelled once `cancel` is set.
using Validate = std::function<Scores(const Weights&, const std::atomic<bool>* cancel)>;

/// What a training's `finish` is given.
struct FinishContext {
  std::shared_ptr<const Device> device;
  std::filesystem::path folder;  ///< for what is kept beside the run, or while it works
  const std::atomic<bool>* stop = nullptr;
  std::function<void(std::string_view what, std::int64_t done, std::int64_t total)> on_progress;
};

/// What a task makes of settings: datasets opened and split, pictures measured, the graph built.
/// Opening it changes nothing on disk.
struct Training {
  TrainingSettings settings;         ///< what was left to the task is filled in
  ModelCard card;                    ///< goes with the weights
  Graph graph;                       ///< the training form, its output `loss` first
  std::int64_t frozen = 0;           ///< weights that stay as they are
  std::optional<LoadReport> loaded;  ///< what was taken from `settings.weights`
  Weights first;                     ///< and what it begins with then
  std::set<std::string> carried;     ///< parameters that hold a step's state: no weights

  std::int64_t samples = 0, held_back = 0;
  std::string kind;             ///< of the samples: "pictures 3x32x32"
  std::string unit = "images";  ///< one of them, in rates
  std::vector<ScoreLabel> labels;
  std::vector<std::string> notes;  ///< what a person should know of the data, a line each

  std::function<std::unique_ptr<BatchSource>()> batches;
  /// Empty where nothing is held back.
  std::function<Validate(std::shared_ptr<const Device>)> validator;
  /// As in TrainHooks; may be empty.
  std::function<std::int64_t(const Workspace&, const TrainBatch&)> count_right;
  /// What is fitted after the network was trained: weights to be kept in place of those of the last
  /// epoch. Throws Cancelled once it is asked to stop. May be empty.
  std::function<Weights(const Weights& trained, const FinishContext& context)> finish;
};

/// Asks the task of the settings' model. Throws InputError or ModelError for settings, data or model
/// that do not work or do not fit. Where `checkpoint` is a file, the run it belongs to is to go on:
/// its pictures are not measured again, and no other weights are read.
Training open_training(const TrainingSettings& settings, const Threads& threads,
                       const std::filesystem::path& checkpoint = {});

/// The graph with what `settings.freeze` names frozen; its weights are counted in
/// `training.frozen`. Throws InputError where nothing is left to train.
Graph freeze_for(Training& training, Graph graph);

/// What a training tells while it runs; any may be empty.
struct TrainingHooks {
  std::function<void(const StepReport&)> on_step;
  std::function<void(const EpochReport&)> on_epoch;
  const std::atomic<bool>* stop = nullptr;
  /// While what comes after the network is fitted.
  std::function<void(std::string_view what, std::int64_t done, std::int64_t total)> on_finish;
  /// Within an epoch the checkpoint is written anew when it is older than this.
  double save_seconds = 120;
};

struct TrainingOutcome {
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
TrainingOutcome run_training(const Training& training, std::shared_ptr<const Device> device,
                             RunFolder& folder, bool resume = false,
                             const TrainingHooks& hooks = {});

}  // namespace striate
