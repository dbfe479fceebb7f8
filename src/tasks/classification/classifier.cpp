#include "striate/tasks/classification/classifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "striate/base/error.h"
#include "striate/formats/safetensors.h"
#include "striate/graph/rewrite.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

ModelCard completed(ModelCard card, const ModelCard& defaults, const std::string& file) {
  if (!card.model.empty() && !defaults.model.empty() && card.model != defaults.model) {
    fail<InputError>("{}: it holds the weights of {}, not of {}", file, card.model, defaults.model);
  }
  if (card.model.empty()) card.model = defaults.model;
  if (card.definition.empty()) card.definition = defaults.definition;
  if (card.classes.empty()) card.classes = defaults.classes;
  if (card.preprocessing.mean.empty()) card.preprocessing = defaults.preprocessing;
  if (card.model.empty()) {
    fail<InputError>("{}: it does not say which model its weights are for: name the model", file);
  }
  if (!card.symbols.empty()) {
    fail<InputError>("{}: {} reads sequences, expected a classifier of pictures", file, card.model);
  }
  if (card.preprocessing.mean.empty()) {
    fail<InputError>("{}: it carries no mean and deviation: give --mean and --std", file);
  }
  return card;
}

}  // namespace

ModelSize size_of(const ModelCard& card) {
  return {.channels = card.preprocessing.channels,
          .height = card.preprocessing.height,
          .width = card.preprocessing.width,
          .classes = static_cast<std::int64_t>(card.classes.size())};
}

Classifier::Classifier(ModelCard card, Weights weights, std::shared_ptr<const Device> device)
    : card_(std::move(card)), weights_(std::move(weights)) {
  check(card_.preprocessing);
  if (card_.classes.empty()) fail<InputError>("{}: a classifier needs class names", card_.model);
  const ModelRow row = network_of(card_).row;
  if (row.task != "classification") {
    fail<InputError>("{} is for {}, expected a network that names what a picture shows",
                     card_.model, row.task);
  }
  Graph graph = inference_form(row.build(size_of(card_)));
  program_ = std::make_shared<Program>(std::move(graph), std::move(device));
  prepared_ = std::make_shared<PreparedPlans>();
}

Classifier Classifier::load(const std::filesystem::path& path, std::shared_ptr<const Device> device,
                            const ModelCard& defaults) {
  const std::string name = path.string();
  std::optional<Graph> definition;
  if (!defaults.definition.empty()) {
    const ModelRow row = network_of(defaults).row;
    definition = row.build(row.natural);
  }
  const ModelFile file = load_trained_file(path, definition ? &*definition : nullptr);
  ModelCard given = model_card(file.metadata, name);
  const LikelyModel likely =
      given.model.empty() || given.classes.empty() ? likely_model(file.weights) : LikelyModel{};
  // A file that does not say what it is of may be a network itself, or look like one of ours.
  if (given.model.empty() && defaults.model.empty()) {
    if (file.graph) {
      given.model = name;
    } else if (likely.exact) {
      given.model = likely.name;
    }
  }
  ModelCard card = completed(std::move(given), defaults, name);
  Weights weights = fit_card(card, likely, file.weights, name);
  return {std::move(card), std::move(weights), std::move(device)};
}

void Classifier::save(const std::filesystem::path& path) const {
  save_safetensors(path, {.tensors = weights_, .metadata = to_metadata(card_)});
}

Tensor Classifier::logits(const Tensor& pictures) const {
  const std::shared_ptr<const Plan> plan = program_->plan({{"input", pictures.shape()}});
  Workspace workspace(plan);
  plan->forward(workspace, {{"input", pictures.view()}}, *prepared_->of(plan, weights_));
  Tensor scores = workspace.fetch("logits");
  // A convolutional form's map for a picture of its size is one place.
  const Shape& shape = scores.shape();
  const bool one_place = shape.rank() == 4 && shape[2] == 1 && shape[3] == 1;
  return one_place ? scores.reshaped({shape[0], shape[1]}) : scores;
}

std::vector<std::vector<Guess>> Classifier::classify(std::span<const Image> pictures,
                                                     int count) const {
  const Preprocessing& prep = card_.preprocessing;
  Tensor input(DType::f32, {static_cast<std::int64_t>(pictures.size()), prep.channels, prep.height,
                            prep.width});
  const std::int64_t each = prep.channels * prep.height * prep.width;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    preprocess(pictures[i], prep, input.data<float>() + static_cast<std::int64_t>(i) * each);
  }
  const Tensor scores = logits(input);
  std::vector<std::vector<Guess>> guesses;
  const std::size_t classes = card_.classes.size();
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    guesses.push_back(
        best_guesses(scores.values<float>().subspan(i * classes, classes), card_.classes, count));
  }
  return guesses;
}

std::vector<Guess> best_guesses(std::span<const float> logits,
                                const std::vector<std::string>& classes, int count) {
  std::vector<double> probabilities(logits.begin(), logits.end());
  const double top =
      logits.empty() ? 0.0 : *std::max_element(probabilities.begin(), probabilities.end());
  for (double& value : probabilities) value = std::exp(value - top);
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return probabilities[a] > probabilities[b];
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(std::max(count, 0))));
  std::vector<Guess> guesses;
  for (const std::size_t label : order) {
    guesses.push_back({.label = static_cast<std::int64_t>(label),
                       .name = classes[label],
                       .probability = probabilities[label] / sum});
  }
  return guesses;
}

}  // namespace striate
