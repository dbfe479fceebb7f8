#include "tasks/detection/detector_training.h"

#include <algorithm>
#include <optional>

#include "striate/base/error.h"
#include "striate/data/registry.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/detection/score.h"

namespace striate {
namespace {

class BoxedBatches final : public BatchSource {
 public:
  BoxedBatches(std::shared_ptr<const Dataset> dataset, LoaderOptions options, MakeTargets targets)
      : dataset_(std::move(dataset)),
        options_(std::move(options)),
        targets_(std::move(targets)),
        steps_(Loader(*dataset_, options_).batches()) {}

  std::int64_t steps() const override { return steps_; }

  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override {
    options_.seed = static_cast<std::uint64_t>(seed);
    options_.epoch = static_cast<std::uint64_t>(epoch);
    options_.first = first;
    loader_.emplace(*dataset_, options_);
  }

  TrainBatch next() override {
    std::optional<Batch> batch = loader_->next();
    invariant(batch.has_value(), "the loader ended before its last batch");
    TrainBatch step{.samples = batch->labels.shape()[0]};
    targets_(*batch, step.inputs);
    step.inputs["input"] = std::move(batch->pictures);
    return step;
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  MakeTargets targets_;
  std::int64_t steps_;
  std::optional<Loader> loader_;
};

void open_pictures(DetectorStart& start) {
  const TrainingSettings& settings = start.training.settings;
  const std::shared_ptr<const Dataset> whole = training_pictures(settings);
  if (!whole->boxed()) {
    fail<InputError>("{}: its pictures have no boxes, {} is for pictures with objects in boxes",
                     settings.data, settings.model);
  }
  start.training.notes = whole->notes();
  start.train = whole;
  start.validation = open_dataset(settings.data, Split::validation);
  if (start.validation->size() != 0 && settings.validation != 0) return;
  Parts parts =
      split_by_seed(whole, settings.validation, static_cast<std::uint64_t>(settings.train.seed));
  start.train = std::move(parts.train);
  start.validation = std::move(parts.validation);
}

void choose_size(DetectorStart& start, const DetectorPlan& plan) {
  SegmentationSettings& own = start.training.settings.segmentation;
  if (own.height < 0 || own.width < 0 || (own.height == 0) != (own.width == 0)) {
    fail<InputError>("height and width: expected both, or neither, got {}x{}", own.height,
                     own.width);
  }
  if (own.height > 0) return;
  own.height = plan.height;
  own.width = plan.width;
  if (own.height > 0) return;
  const Image first = start.train->get(0).picture;
  own.height = first.height;
  own.width = first.width;
}

Preprocessing preprocessing_for(const DetectorStart& start, std::int64_t channels,
                                const Threads& threads) {
  const SegmentationSettings& size = start.training.settings.segmentation;
  Preprocessing wanted{.channels = channels, .height = size.height, .width = size.width};
  const Preprocessing& before = start.beginning.card.preprocessing;
  if (before.channels != channels || before.mean.empty()) {
    return measure_preprocessing(*start.train, channels, size.height, size.width, threads);
  }
  wanted.mean = before.mean;
  wanted.deviation = before.deviation;
  wanted.order = before.order;
  check(wanted);
  return wanted;
}

// What another number of classes changes.
std::vector<std::string> head_of(const DetectorStart& start) {
  const ModelRow row = network_of(start.training.card).row;
  ModelSize size = size_of(start.training.card);
  const Graph graph = row.build(size);
  ++size.classes;
  const Graph other = row.build(size);
  std::vector<std::string> head;
  for (const Parameter& parameter : graph.parameters) {
    const Parameter* same = other.find_parameter(parameter.name);
    if (same == nullptr || !(same->shape == parameter.shape)) head.push_back(parameter.name);
  }
  return head;
}

}  // namespace

DetectorStart start_detector(const TrainingSettings& settings, const Threads& threads,
                             const std::filesystem::path& checkpoint, const DetectorPlan& plan) {
  DetectorStart start{.training = {.settings = settings}};
  Training& training = start.training;
  TrainingSettings& own = training.settings;
  if (own.train.batch == -1) own.train.batch = plan.batch;
  if (own.train.best_by.empty()) own.train.best_by = "map50";
  check(own.train);
  if (own.resize != 0) {
    fail<InputError>("resize: pictures for {} are squeezed to height and width", own.model);
  }
  Augmentation::parse(own.augment);
  const Network network = find_network(own.model);
  open_pictures(start);
  choose_size(start, plan);
  ModelCard& card = training.card;
  card.model = own.model;
  card.classes = start.train->classes();
  const auto classes = static_cast<std::int64_t>(card.classes.size());
  if (own.classes != 0 && own.classes != classes) {
    fail<InputError>("classes: {} has {}, not {}", own.data, classes, own.classes);
  }
  start.resumed = std::filesystem::exists(checkpoint);
  if (start.resumed) {
    const ModelCard begun = begun_card(checkpoint, own, card.classes);
    card.preprocessing = begun.preprocessing;
    card.definition = begun.definition;
    start.network = read_detector_network(begun.definition, checkpoint.string());
  } else {
    start.network = own.detection.network;
    if (plan.complete) plan.complete(start.network, *start.train);
    card.definition = to_definition(start.network);
    start.beginning = beginning_of(own, network);
    card.preprocessing = preprocessing_for(start, network.row.natural.channels, threads);
  }
  training.samples = start.train->size();
  training.held_back = start.validation->size();
  training.kind =
      fmt::format("pictures {}x{}x{} with objects of {} classes", card.preprocessing.channels,
                  card.preprocessing.height, card.preprocessing.width, classes);
  training.labels = {{.name = "map50", .label = "mAP at 0.5"}};
  return start;
}

Training finish_detector(DetectorStart start, const Graph& graph, MakeTargets make_targets,
                         MakeDetector make) {
  Training& training = start.training;
  const TrainingSettings& settings = training.settings;
  training.graph = freeze_for(training, graph);
  if (!start.resumed && !settings.weights.empty()) {
    training.first = initialize(training.graph, static_cast<std::uint64_t>(settings.train.seed));
    const std::vector<std::string>& before = start.beginning.card.classes;
    const bool other = !before.empty() && before != training.card.classes;
    training.loaded = begin_from(training.graph, start.beginning.file.weights, settings.weights,
                                 head_of(start), other || settings.classes != 0, training.first);
  }
  training.batches = [train = start.train, targets = std::move(make_targets),
                      options = LoaderOptions{.batch = settings.train.batch,
                                              .shuffle = true,
                                              .augment = Augmentation::parse(settings.augment),
                                              .preprocessing = training.card.preprocessing}] {
    return std::make_unique<BoxedBatches>(train, options, targets);
  };
  if (training.held_back == 0) return std::move(training);
  if (!make) make = detectors().find(settings.model).make;
  training.validator = [=, validation = start.validation,
                        card = training.card](std::shared_ptr<const Device> device) -> Validate {
    // The weights' tensors stay the same while they are trained; each validation is handed them.
    return [=](const Weights& weights, const std::atomic<bool>* cancel) -> Scores {
      const auto detector = make(card, weights, device);
      const DetectionRun run =
          detect_all(*detector, *validation, {.score = kLeastScored, .cancel = cancel});
      const auto classes = static_cast<std::int64_t>(card.classes.size());
      return {{"map50", mean_average_precision(run.found, run.truth, classes)}};
    };
  };
  return std::move(training);
}

std::int64_t most_objects(const Batch& batch) {
  std::size_t most = 0;
  for (const auto& objects : batch.objects) most = std::max(most, objects.size());
  return static_cast<std::int64_t>(most);
}

}  // namespace striate
