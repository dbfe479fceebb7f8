#include "striate/tasks/classification/train_classifier.h"

#include <algorithm>

#include "striate/base/error.h"
#include "striate/data/registry.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"
#include "striate/nn/load.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/classification/evaluate.h"
#include "tasks/picture_training.h"

namespace striate {
namespace {

std::int64_t count_right(const Workspace& workspace, const TrainBatch& batch) {
  const Tensor logits = workspace.fetch("logits");
  const std::int64_t classes = logits.shape()[1];
  const float* row = logits.data<float>();
  std::int64_t right = 0;
  for (const std::int64_t label : batch.inputs.at("labels").values<std::int64_t>()) {
    right += std::max_element(row, row + classes) - row == label ? 1 : 0;
    row += classes;
  }
  return right;
}

void build_graph(Training& training, const ModelRow& model) {
  Graph graph;
  try {
    graph = model.build(size_of(training.card));
  } catch (const ModelError& error) {
    const Preprocessing& pictures = training.card.preprocessing;
    fail<ModelError>("{} was published for pictures of {}x{}x{}, {} gives it {}x{}x{}: {}",
                     training.settings.model, model.natural.channels, model.natural.height,
                     model.natural.width, training.settings.data, pictures.channels,
                     pictures.height, pictures.width, error.what());
  }
  training.graph = with_classification_loss(freeze_for(training, std::move(graph)));
}

// Datasets whose pictures have one size set the network's; others are brought to the size that the
// weights begun from were trained with, or to the model's. Those weights' mean and deviation are
// kept.
Preprocessing preprocessing_for(const TrainingSettings& settings, const Dataset& pictures,
                                const ModelRow& model, const Preprocessing& before,
                                const Threads& threads) {
  const DatasetRow& row = datasets().find(settings.data.substr(0, settings.data.find(':')));
  const bool known = !before.mean.empty();
  Preprocessing wanted{.channels = row.channels, .height = row.height, .width = row.width};
  if (row.channels == 0) wanted.channels = known ? before.channels : model.natural.channels;
  if (row.height == 0) {
    wanted.height = known ? before.height : model.natural.height;
    wanted.width = known ? before.width : model.natural.width;
    wanted.resize = known ? before.resize : 0;
  }
  if (settings.resize != 0) wanted.resize = settings.resize;
  if (known && before.channels == wanted.channels) {
    wanted.mean = before.mean;
    wanted.deviation = before.deviation;
    check(wanted);
    return wanted;
  }
  return measure_preprocessing(pictures, wanted.channels, wanted.height, wanted.width, threads,
                               wanted.resize);
}

// The samples, and what is asked of them.
void describe(Training& training, const std::shared_ptr<const Dataset>& train,
              const std::shared_ptr<const Dataset>& validation) {
  const Preprocessing& preprocessing = training.card.preprocessing;
  training.samples = train->size();
  training.held_back = validation->size();
  training.kind = fmt::format("pictures {}x{}x{}", preprocessing.channels, preprocessing.height,
                              preprocessing.width);
  training.labels = {{.name = "loss", .label = "loss", .share = false},
                     {.name = "top1", .label = "top-1"}};
  training.count_right = count_right;
  training.batches = picture_batches(train, training.settings, preprocessing);
  if (validation->size() == 0) return;
  Graph forward = training.graph;
  forward.outputs = {"logits"};
  training.validator = [validation, preprocessing, graph = inference_form(std::move(forward))](
                           std::shared_ptr<const Device> device) -> Validate {
    const auto program = std::make_shared<const Program>(graph, std::move(device));
    return [=](const Weights& weights, const std::atomic<bool>* cancel) -> Scores {
      const Evaluation score =
          evaluate(*program, weights, *validation, preprocessing, {.cancel = cancel});
      return {{"top1", score.metrics.top1()},
              {"top5", score.metrics.top5()},
              {"loss", score.metrics.loss()}};
    };
  };
}

}  // namespace

Training open_classifier_training(const TrainingSettings& given, const Threads& threads,
                                  const std::filesystem::path& checkpoint) {
  Training training{.settings = given};
  TrainingSettings& settings = training.settings;
  if (settings.train.batch == -1) settings.train.batch = 128;
  if (settings.train.best_by.empty()) settings.train.best_by = "top1";
  check(settings.train);
  const Network network = find_network(settings.model);
  const ModelRow& model = network.row;
  Augmentation::parse(settings.augment);
  const std::shared_ptr<const Dataset> whole = training_pictures(settings);
  if (whole->masked()) {
    fail<InputError>("{}: its pictures have masks, {} is for pictures with a class each",
                     settings.data, settings.model);
  }
  if (whole->boxed()) {
    fail<InputError>("{}: its pictures have objects in boxes, {} is for pictures with a class each",
                     settings.data, settings.model);
  }
  Parts parts =
      split_by_seed(whole, settings.validation, static_cast<std::uint64_t>(settings.train.seed));
  const std::shared_ptr<const Dataset> train = std::move(parts.train);
  const std::shared_ptr<const Dataset> validation = std::move(parts.validation);

  training.card.model = settings.model;
  training.card.definition = network.definition;
  training.card.classes = whole->classes();
  const auto classes = static_cast<std::int64_t>(whole->classes().size());
  if (settings.classes != 0 && settings.classes != classes) {
    fail<InputError>("classes: {} has {}, not {}", settings.data, classes, settings.classes);
  }
  if (std::filesystem::exists(checkpoint)) {
    training.card.preprocessing =
        begun_card(checkpoint, settings, training.card.classes).preprocessing;
    build_graph(training, model);
    describe(training, train, validation);
    return training;
  }
  const Beginning beginning = beginning_of(settings, network);
  const ModelCard& before = beginning.card;
  const bool named = network.definition.empty() && before.definition.empty();
  if (named && !before.model.empty() && before.model != settings.model) {
    fail<InputError>("{}: it holds the weights of {}, not of {}", settings.weights, before.model,
                     settings.model);
  }
  training.card.preprocessing =
      preprocessing_for(settings, *train, model, before.preprocessing, threads);
  build_graph(training, model);
  if (!settings.weights.empty()) {
    training.first = initialize(training.graph, static_cast<std::uint64_t>(settings.train.seed));
    const bool other = !before.classes.empty() && before.classes != training.card.classes;
    // Before its loss, the graph knows its auxiliary scores.
    const Graph scores = model.build(size_of(training.card));
    training.loaded = begin_from(scores, beginning.file.weights, settings.weights,
                                 other || settings.classes != 0, training.first);
  }
  describe(training, train, validation);
  return training;
}

}  // namespace striate
