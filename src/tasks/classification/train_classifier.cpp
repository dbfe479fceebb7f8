#include "striate/tasks/classification/train_classifier.h"

#include <chrono>
#include <optional>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/data/loader.h"
#include "striate/data/registry.h"
#include "striate/formats/safetensors.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/classification/evaluate.h"
#include "striate/tasks/networks.h"
#include "striate/train/checkpoint.h"

namespace striate {
namespace {

// The loop's batches from a picture loader, one loader an epoch.
class PictureBatches final : public BatchSource {
 public:
  PictureBatches(const Dataset& dataset, LoaderOptions options)
      : dataset_(dataset),
        options_(std::move(options)),
        steps_(Loader(dataset, options_).batches()) {}

  std::int64_t steps() const override { return steps_; }

  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override {
    options_.seed = static_cast<std::uint64_t>(seed);
    options_.epoch = static_cast<std::uint64_t>(epoch);
    options_.first = first;
    loader_.emplace(dataset_, options_);
  }

  TrainBatch next() override {
    std::optional<Batch> batch = loader_->next();
    invariant(batch.has_value(), "the loader ended before its last batch");
    const std::int64_t samples = batch->labels.elements();
    return {.inputs = {{"input", std::move(batch->pictures)}, {"labels", std::move(batch->labels)}},
            .samples = samples};
  }

 private:
  const Dataset& dataset_;
  LoaderOptions options_;
  std::int64_t steps_;
  std::optional<Loader> loader_;
};

}  // namespace

ClassifierTraining open_training(const ClassifierSettings& settings, const Threads& threads) {
  check(settings.train);
  ClassifierTraining training{.settings = settings};
  const Network network = find_network(settings.model);
  const ModelRow& model = network.row;
  Augmentation::parse(settings.augment);
  if (!(settings.validation >= 0 && settings.validation < 1)) {
    fail<InputError>("validation: expected a share from 0 to under 1, got {}", settings.validation);
  }
  std::shared_ptr<const Dataset> whole = open_dataset(settings.data, Split::train);
  if (whole->size() == 0) fail<InputError>("{}: it holds no training pictures", settings.data);
  Parts parts =
      split_by_seed(whole, settings.validation, static_cast<std::uint64_t>(settings.train.seed));
  training.train = std::move(parts.train);
  training.validation = std::move(parts.validation);

  // Datasets whose pictures have one size set the network's; others are brought to the model's.
  const DatasetRow& row = datasets().find(settings.data.substr(0, settings.data.find(':')));
  const bool own_size = row.height == 0;
  training.card.model = settings.model;
  training.card.definition = network.definition;
  training.card.classes = whole->classes();
  training.card.preprocessing = measure_preprocessing(
      *training.train, row.channels == 0 ? model.natural.channels : row.channels,
      own_size ? model.natural.height : row.height, own_size ? model.natural.width : row.width,
      threads, settings.resize);
  training.graph = with_classification_loss(model.build(size_of(training.card)));
  return training;
}

ClassifierOutcome train_classifier(const ClassifierTraining& training,
                                   std::shared_ptr<const Device> device, RunFolder& folder,
                                   bool resume, const ClassifierHooks& hooks) {
  const ClassifierSettings& settings = training.settings;
  TrainState state;
  if (resume && std::filesystem::exists(folder.checkpoint())) {
    state = load_checkpoint(folder.checkpoint()).state;
  } else {
    state.weights = initialize(training.graph, static_cast<std::uint64_t>(settings.train.seed));
    write_file(folder.config(), to_toml(settings));
  }
  folder.keep_metrics(state.epoch);

  const Program program(training.graph, device, {.differentiate = {"loss"}});
  Graph forward = training.graph;
  forward.outputs = {"logits"};
  const Program inference(inference_form(std::move(forward)), std::move(device));
  const Preprocessing& preprocessing = training.card.preprocessing;
  PictureBatches batches(*training.train, {.batch = settings.train.batch,
                                           .shuffle = true,
                                           .augment = Augmentation::parse(settings.augment),
                                           .preprocessing = preprocessing});
  const Metadata metadata = to_metadata(training.card);
  ClassifierOutcome outcome;
  using Clock = std::chrono::steady_clock;
  Clock::time_point saved = Clock::now();
  TrainHooks loop;
  loop.stop = hooks.stop;
  if (training.validation->size() > 0) {
    loop.validate = [&](const Weights& weights) -> Scores {
      const Evaluation score =
          evaluate(inference, weights, *training.validation, preprocessing, {.cancel = hooks.stop});
      return {{"top1", score.metrics.top1()},
              {"top5", score.metrics.top5()},
              {"loss", score.metrics.loss()}};
    };
  }
  const auto save = [&] {
    save_checkpoint(folder.checkpoint(), state, metadata);
    saved = Clock::now();
  };
  loop.on_step = [&](const StepReport& report, const Workspace&, const TrainBatch&) {
    if (std::chrono::duration<double>(Clock::now() - saved).count() > hooks.save_seconds) save();
    if (hooks.on_step) hooks.on_step(report);
  };
  loop.on_epoch = [&](const EpochReport& report, const TrainState& now) {
    // Without validation the last epoch is the best there is.
    if (report.improved || training.validation->size() == 0) {
      Weights kept;
      for (const Parameter& parameter : training.graph.parameters) {
        kept[parameter.name] = now.weights.at(parameter.name);
      }
      save_safetensors(folder.best(), {.tensors = kept, .metadata = metadata});
    }
    // The checkpoint last: killed before it, the epoch ends once more, in the same way.
    folder.append_metrics(report);
    save();
    outcome.epochs.push_back(report);
    if (hooks.on_epoch) hooks.on_epoch(report);
  };
  outcome.end = train(program, state, batches, settings.train, loop);
  if (outcome.end == TrainEnd::stopped) save();
  outcome.best_epoch = state.best_epoch;
  outcome.best_score = state.best_score;
  return outcome;
}

}  // namespace striate
