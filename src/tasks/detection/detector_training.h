#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "striate/data/loader.h"
#include "striate/tasks/detection/detector.h"
#include "tasks/picture_training.h"

namespace striate {

// What trainings of detectors share: start_detector opens the pictures and fills in settings and card;
// the detector builds its training graph; finish_detector adds weights to begin from, batches and
// validation.

struct DetectorStart {
  Training training;
  DetectorNetwork network;  ///< completed; in the card, too
  std::shared_ptr<const Dataset> train, validation;
  Beginning beginning;
  bool resumed = false;
};

/// What is a detector's own in that.
struct DetectorPlan {
  std::int64_t batch = 8;              ///< where the settings name none
  std::int64_t height = 0, width = 0;  ///< likewise; 0: those of the first picture
  /// Fills in what the settings leave open, and checks it. Not called for a run that goes on.
  std::function<void(DetectorNetwork& network, const Dataset& train)> complete;
};

/// Throws InputError for settings and data that cannot be used.
DetectorStart start_detector(const TrainingSettings& settings, const Threads& threads,
                             const std::filesystem::path& checkpoint, const DetectorPlan& plan);

/// Inputs of a step beside `input`, made of a batch.
using MakeTargets =
    std::function<void(const Batch&, std::map<std::string, Tensor, std::less<>>& inputs)>;

/// `graph` is the training form with `loss` as its first output. The best epoch is chosen by mAP at
/// 0.5, `map50`, of the detector that `make`, or the detector's row, makes of the weights. A picture
/// without objects is a picture like any other.
using MakeDetector = std::function<std::unique_ptr<Detector>(ModelCard card, Weights weights,
                                                             std::shared_ptr<const Device> device)>;
Training finish_detector(DetectorStart start, const Graph& graph, MakeTargets make_targets,
                         MakeDetector make = {});

/// How many of the batch's objects there are of each picture, at most: what a tensor of them holds.
std::int64_t most_objects(const Batch& batch);

}  // namespace striate
