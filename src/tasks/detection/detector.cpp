#include "striate/tasks/detection/detector.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"
#include "train/fields_json.h"

namespace striate {

void register_every_detector(DetectorRegistry& registry);

void DetectorRegistry::add(DetectorRow row) { rows_.push_back(std::move(row)); }

const DetectorRow& DetectorRegistry::find(std::string_view name) const {
  const auto found = std::find_if(rows_.begin(), rows_.end(),
                                  [&](const DetectorRow& row) { return row.name == name; });
  if (found != rows_.end()) return *found;
  std::vector<std::string> known;
  for (const DetectorRow& row : rows_) known.push_back(row.name);
  fail<InputError>("{} is no detector{}", name, suggestion(name, known));
}

const DetectorRegistry& detectors() {
  static const DetectorRegistry registry = [] {
    DetectorRegistry all;
    register_every_detector(all);
    return all;
  }();
  return registry;
}

std::string to_definition(const DetectorNetwork& network) { return fields_to_json(network).dump(); }

DetectorNetwork read_detector_network(const std::string& definition, const std::string& file) {
  DetectorNetwork network;
  const nlohmann::json given = nlohmann::json::parse(definition, nullptr, false);
  // A file from before a setting existed means what was done then, the setting's default.
  nlohmann::json all = fields_to_json(network);
  if (given.is_object()) {
    all.update(given);
  } else {
    all = given;
  }
  fields_from_json(all, network, file + ": its definition");
  return network;
}

const DetectorRow& detector_of(const ModelCard& card) {
  const bool own = !card.definition.empty() && !card.definition.starts_with("{");
  return detectors().find(own ? "darknet" : card.model);
}

Training open_detection_training(const TrainingSettings& settings, const Threads& threads,
                                 const std::filesystem::path& checkpoint) {
  const DetectorRow& row =
      detector_of({.model = settings.model, .definition = find_network(settings.model).definition});
  if (row.open == nullptr) fail<InputError>("{}: it cannot be trained here", settings.model);
  return row.open(settings, threads, checkpoint);
}

std::unique_ptr<Detector> load_detector(const std::filesystem::path& path,
                                        std::shared_ptr<const Device> device,
                                        const ModelCard& defaults) {
  const std::string name = path.string();
  std::optional<Graph> network;
  if (!defaults.definition.empty()) {
    const ModelRow row = network_of(defaults).row;
    network = row.build(row.natural);
  }
  const ModelFile file = load_trained_file(path, network ? &*network : nullptr);
  ModelCard card = model_card(file.metadata, name);
  if (!card.model.empty() && !defaults.model.empty() && card.model != defaults.model) {
    fail<InputError>("{}: it holds the weights of {}, not of {}", name, card.model, defaults.model);
  }
  if (card.model.empty()) card.model = defaults.model;
  if (card.definition.empty()) card.definition = defaults.definition;
  if (card.classes.empty()) card.classes = defaults.classes;
  if (card.preprocessing.mean.empty()) card.preprocessing = defaults.preprocessing;
  if (card.model.empty()) {
    fail<InputError>("{}: it does not say which model its weights are for: name the model", name);
  }
  const DetectorRow& row = detector_of(card);
  if (card.preprocessing.mean.empty()) {
    fail<InputError>("{}: it carries no mean and deviation: give --mean and --std", name);
  }
  Weights weights = fit_card(card, {}, file.weights, name);
  return row.make(std::move(card), std::move(weights), std::move(device));
}

DetectionRun detect_all(const Detector& detector, const Dataset& dataset,
                        const DetectOptions& options,
                        const std::function<void(std::int64_t done)>& on_progress) {
  const std::size_t classes = detector.card().classes.size();
  if (dataset.classes().size() != classes) {
    fail<InputError>("the data has {} classes, {} was trained for {}", dataset.classes().size(),
                     detector.card().model, classes);
  }
  DetectionRun run;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    Example example = dataset.get(i);
    Found found = detector.detect(example.picture, options);
    run.found.push_back(std::move(found.detections));
    run.truth.push_back(std::move(example.objects));
    run.seconds.regions += found.seconds.regions;
    run.seconds.features += found.seconds.features;
    run.seconds.classification += found.seconds.classification;
    run.seconds.suppression += found.seconds.suppression;
    if (on_progress) on_progress(i + 1);
  }
  return run;
}

}  // namespace striate
