#include "striate/tasks/segmentation/train_segmenter.h"

#include <algorithm>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/data/masks.h"
#include "striate/data/registry.h"
#include "striate/nn/builder.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/segmentation/segmenter.h"
#include "tasks/picture_training.h"

namespace striate {
namespace {

struct Pictures {
  std::shared_ptr<const Dataset> train, validation;
  MaskCensus census;  // of the training pictures
};

// Pictures whose masks are void everywhere are left out, and said.
Pictures open_pictures(Training& training, const Threads& threads) {
  const TrainingSettings& settings = training.settings;
  const std::shared_ptr<const Dataset> whole = training_pictures(settings);
  if (!whole->masked()) {
    fail<InputError>("{}: its pictures have a class each, {} is for pictures with masks",
                     settings.data, settings.model);
  }
  training.notes = whole->notes();
  Pictures pictures;
  pictures.validation = open_dataset(settings.data, Split::validation);
  pictures.train = whole;
  if (pictures.validation->size() == 0 || settings.validation == 0) {
    Parts parts =
        split_by_seed(whole, settings.validation, static_cast<std::uint64_t>(settings.train.seed));
    pictures.train = std::move(parts.train);
    pictures.validation = std::move(parts.validation);
  }
  pictures.census = count_masks(*pictures.train, threads);
  const std::vector<std::int64_t>& nothing = pictures.census.all_void;
  if (nothing.empty()) return pictures;
  training.notes.push_back(fmt::format("{} masks are void everywhere and left out, the first is {}",
                                       nothing.size(), pictures.train->name(nothing[0])));
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < pictures.train->size(); ++i) {
    if (!std::binary_search(nothing.begin(), nothing.end(), i)) kept.push_back(i);
  }
  if (kept.empty()) {
    fail<InputError>("{}: the masks of all its training pictures are void everywhere",
                     settings.data);
  }
  pictures.train = std::make_shared<Subset>(pictures.train, std::move(kept));
  return pictures;
}

LossOptions loss_of(const SegmentationSettings& settings, const MaskCensus& census) {
  const std::vector<std::string> known{"none", "median"};
  if (std::find(known.begin(), known.end(), settings.class_weights) == known.end()) {
    fail<InputError>("class_weights: unknown kind {}{}", settings.class_weights,
                     suggestion(settings.class_weights, known));
  }
  // torchvision's recipe for these networks counts the auxiliary loss 0.5.
  LossOptions loss{.ignored = kVoid, .auxiliary = 0.5};
  if (settings.class_weights == "median") loss.class_weights = median_frequency_weights(census);
  return loss;
}

// What another number of classes changes.
std::vector<std::string> head_of(const ModelRow& model, ModelSize size) {
  const Graph graph = model.build(size);
  ++size.classes;
  const Graph other = model.build(size);
  std::vector<std::string> head;
  for (const Parameter& parameter : graph.parameters) {
    const Parameter* same = other.find_parameter(parameter.name);
    if (same == nullptr || !(same->shape == parameter.shape)) head.push_back(parameter.name);
  }
  return head;
}

Preprocessing preprocessing_for(const SegmentationSettings& settings, const Dataset& pictures,
                                const ModelRow& model, const Preprocessing& before,
                                const Threads& threads) {
  Preprocessing wanted{
      .channels = model.natural.channels, .height = settings.height, .width = settings.width};
  if (before.channels != wanted.channels || before.mean.empty()) {
    return measure_preprocessing(pictures, wanted.channels, wanted.height, wanted.width, threads);
  }
  wanted.mean = before.mean;
  wanted.deviation = before.deviation;
  wanted.order = before.order;
  check(wanted);
  return wanted;
}

}  // namespace

Training open_segmentation_training(const TrainingSettings& given, const Threads& threads,
                                    const std::filesystem::path& checkpoint) {
  Training training{.settings = given};
  TrainingSettings& settings = training.settings;
  if (settings.train.batch == -1) settings.train.batch = 8;
  if (settings.train.best_by.empty()) settings.train.best_by = "mean_iou";
  check(settings.train);
  if (settings.resize != 0) {
    fail<InputError>(
        "resize: pictures for {} keep their size; height and width say what it is "
        "trained on",
        settings.model);
  }
  const Network network = find_network(settings.model);
  Augmentation::parse(settings.augment);
  const Pictures pictures = open_pictures(training, threads);
  SegmentationSettings& own = settings.segmentation;
  if (own.height < 0 || own.width < 0 || (own.height == 0) != (own.width == 0)) {
    fail<InputError>("height and width: expected both, or neither, got {}x{}", own.height,
                     own.width);
  }
  if (own.height == 0) {
    const Image first = pictures.train->get(0).picture;
    own.height = first.height;
    own.width = first.width;
  }
  ModelCard& card = training.card;
  card.model = settings.model;
  card.classes = pictures.train->classes();
  const auto classes = static_cast<std::int64_t>(card.classes.size());
  if (settings.classes != 0 && settings.classes != classes) {
    fail<InputError>("classes: {} has {}, not {}", settings.data, classes, settings.classes);
  }
  Beginning beginning;
  const bool resumed = std::filesystem::exists(checkpoint);
  if (resumed) {
    card.preprocessing = begun_card(checkpoint, settings, card.classes).preprocessing;
  } else {
    beginning = beginning_of(settings, network);
    card.preprocessing =
        preprocessing_for(own, *pictures.train, network.row, beginning.card.preprocessing, threads);
  }
  const Graph scores = network.row.build(size_of(card));
  training.graph = with_classification_loss(freeze_for(training, scores), "logits",
                                            loss_of(own, pictures.census));
  if (!resumed && !settings.weights.empty()) {
    training.first = initialize(training.graph, static_cast<std::uint64_t>(settings.train.seed));
    const bool other = !beginning.card.classes.empty() && beginning.card.classes != card.classes;
    training.loaded = begin_from(scores, beginning.file.weights, settings.weights,
                                 head_of(network.row, size_of(card)),
                                 other || settings.classes != 0, training.first);
  }
  training.samples = pictures.train->size();
  training.held_back = pictures.validation->size();
  training.kind = fmt::format("pictures {}x{}x{} of {} classes", card.preprocessing.channels,
                              own.height, own.width, classes);
  training.labels = {{.name = "loss", .label = "loss", .share = false},
                     {.name = "mean_iou", .label = "mean IoU"},
                     {.name = "pixel_accuracy", .label = "pixels"}};
  training.batches = picture_batches(pictures.train, settings, card.preprocessing);
  if (training.held_back == 0) return training;
  training.validator = [validation = pictures.validation,
                        card](std::shared_ptr<const Device> device) -> Validate {
    // The weights' tensors stay the same while they are trained; each validation is handed them.
    return [=](const Weights& weights, const std::atomic<bool>* cancel) -> Scores {
      const PixelEvaluation found =
          evaluate(Segmenter(card, weights, device), *validation, {}, cancel);
      return {{"mean_iou", found.metrics.mean_iou()},
              {"mean_accuracy", found.metrics.mean_accuracy()},
              {"pixel_accuracy", found.metrics.pixel_accuracy()},
              {"frequency_weighted_iou", found.metrics.frequency_weighted_iou()},
              {"loss", found.loss}};
    };
  };
  return training;
}

}  // namespace striate
