#include "striate/tasks/training.h"

#include <array>
#include <chrono>
#include <string_view>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/formats/safetensors.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/train_classifier.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/networks.h"
#include "striate/tasks/segmentation/train_segmenter.h"
#include "striate/tasks/sequence/train_sequence.h"
#include "striate/train/checkpoint.h"

namespace striate {
namespace {

struct Task {
  std::string_view name;  // as models have it
  Training (*open)(const TrainingSettings&, const Threads&, const std::filesystem::path&);
};
constexpr std::array kTasks{Task{"classification", open_classifier_training},
                            Task{"segmentation", open_segmentation_training},
                            Task{"detection", open_detection_training},
                            Task{"sequence", open_sequence_training}};

std::vector<std::string> paths_in(std::string_view text) {
  std::vector<std::string> paths;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    paths.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return paths;
}

std::int64_t trained_weights(const Graph& graph) {
  std::int64_t count = 0;
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.trainable) count += parameter.shape.elements();
  }
  return count;
}

}  // namespace

Training open_training(const TrainingSettings& settings, const Threads& threads,
                       const std::filesystem::path& checkpoint) {
  const std::string task = find_network(settings.model).row.task;
  const SegmentationSettings& masks = settings.segmentation;
  if (task != "segmentation" && masks.class_weights != "none") {
    fail<InputError>("class_weights is for segmentation, {} is for {}", settings.model, task);
  }
  if (task != "segmentation" && task != "detection" && (masks.height != 0 || masks.width != 0)) {
    fail<InputError>("height and width are for segmentation and detection, {} is for {}",
                     settings.model, task);
  }
  for (const Task& row : kTasks) {
    if (row.name == task) return row.open(settings, threads, checkpoint);
  }
  throw BugError("internal error: a model is of a task that cannot be trained: " + task);
}

Graph freeze_for(Training& training, Graph graph) {
  const std::int64_t all = trained_weights(graph);
  graph = freeze(std::move(graph), paths_in(training.settings.freeze));
  training.frozen = all - trained_weights(graph);
  if (training.frozen == all) {
    fail<InputError>("freeze: nothing is left to train of {}", graph.name);
  }
  return graph;
}

TrainingOutcome run_training(const Training& training, std::shared_ptr<const Device> device,
                             RunFolder& folder, bool resume, const TrainingHooks& hooks) {
  const TrainingSettings& settings = training.settings;
  TrainState state;
  if (resume && std::filesystem::exists(folder.checkpoint())) {
    state = load_checkpoint(folder.checkpoint()).state;
    state.weights = pick_weights(training.graph, state.weights, folder.checkpoint().string());
  } else {
    state.weights = training.loaded ? training.first.clone()
                                    : initialize(training.graph,
                                                 static_cast<std::uint64_t>(settings.train.seed));
    write_file(folder.config(), to_toml(settings));
  }
  folder.keep_metrics(state.epoch);

  const Program program(training.graph, device, {.differentiate = {"loss"}});
  const std::unique_ptr<BatchSource> batches = training.batches();
  const Metadata metadata = to_metadata(training.card);
  TrainingOutcome outcome;
  using Clock = std::chrono::steady_clock;
  Clock::time_point saved = Clock::now();
  TrainHooks loop;
  loop.stop = hooks.stop;
  if (training.validator) {
    loop.validate = [validate = training.validator(std::move(device)),
                     stop = hooks.stop](const Weights& weights) { return validate(weights, stop); };
  }
  loop.count_right = training.count_right;
  const auto save = [&] {
    save_checkpoint(folder.checkpoint(), state, metadata);
    saved = Clock::now();
  };
  const auto save_best = [&](const Weights& weights) {
    Weights kept;
    for (const Parameter& parameter : training.graph.parameters) {
      if (training.carried.contains(parameter.name)) continue;
      kept[parameter.name] = weights.at(parameter.name);
    }
    save_safetensors(folder.best(), {.tensors = kept, .metadata = metadata});
  };
  loop.on_step = [&](const StepReport& report, const Workspace&, const TrainBatch&) {
    if (std::chrono::duration<double>(Clock::now() - saved).count() > hooks.save_seconds) save();
    if (hooks.on_step) hooks.on_step(report);
  };
  loop.on_epoch = [&](const EpochReport& report, const TrainState& now) {
    // Without validation the last epoch is the best there is.
    if (report.improved || !training.validator) {
      save_best(now.weights);
    }
    // The checkpoint last: killed before it, the epoch ends once more, in the same way.
    folder.append_metrics(report);
    save();
    outcome.epochs.push_back(report);
    if (hooks.on_epoch) hooks.on_epoch(report);
  };
  outcome.end = train(program, state, *batches, settings.train, loop);
  if (outcome.end == TrainEnd::stopped) save();
  if (outcome.end != TrainEnd::stopped && training.finish) {
    // A run that is resumed after its last epoch comes here again.
    try {
      save_best(training.finish(state.weights, {.device = program.device(),
                                                .folder = folder.path(),
                                                .stop = hooks.stop,
                                                .on_progress = hooks.on_finish}));
    } catch (const Cancelled&) {
      outcome.end = TrainEnd::stopped;
    }
  }
  outcome.best_epoch = state.best_epoch;
  outcome.best_score = state.best_score;
  return outcome;
}

}  // namespace striate
