#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "striate/base/fields.h"
#include "striate/models/detector.h"
#include "striate/models/sequence.h"
#include "striate/train/loop.h"

namespace striate {

/// What concerns sequences alone.
struct SequenceSettings {
  std::int64_t steps = 0;
  std::int64_t min_count = 1;
  SequenceNetwork network;

  STRIATE_FIELDS(
      visit("steps", steps,
            "texts: steps that a batch has and gradients go back through; 0: the model's "
            "own");
      visit("min_count", min_count, "words that are rarer are <unk>"); network.fields(visit);)
};

/// What only networks that name each pixel's class are trained by.
struct SegmentationSettings {
  std::int64_t height = 0, width = 0;
  std::string class_weights = "none";

  STRIATE_FIELDS(visit("height", height,
                       "segmentation, detection: rows of a training picture; 0: those of the first "
                       "one, or the detector's own");
                 visit("width", width, "segmentation, detection: its columns");
                 visit("class_weights", class_weights,
                       "segmentation: none, or median: rare classes count as much as others");)
};

/// What only detectors are trained by. Pictures have SegmentationSettings' height and width.
struct DetectionSettings {
  DetectorNetwork network;

  STRIATE_FIELDS(network.fields(visit);)
};

/// All that a training depends on: kept as config.toml in the run's folder, which is enough to repeat
/// it. A task that has settings of its own adds a struct of them.
struct TrainingSettings {
  std::string model;
  std::string data;
  std::int64_t limit = 0;
  std::string weights;
  std::int64_t classes = 0;
  std::string freeze;
  double validation = 0.05;
  std::string augment;
  std::int64_t resize = 0;
  SegmentationSettings segmentation;
  /// Without a score's name the best epoch is chosen by the task's own.
  TrainOptions train = {.best_by = ""};
  SequenceSettings sequence;
  DetectionSettings detection;

  STRIATE_FIELDS(
      visit("model", model, "a model that `striate models` lists");
      visit("data", data, "a dataset that `striate data` lists, NAME or NAME:PATH");
      visit("limit", limit,
            "so many of the training samples, drawn by seed (of a text, symbols from its "
            "beginning); 0: all");
      visit("weights", weights,
            "file of weights to begin from, its head begun anew where the classes are "
            "others");
      visit("classes", classes,
            "classes of a new head, those that the data has; 0: as many as it has");
      visit("freeze", freeze,
            "dotted paths of parameters that stay as they are, separated by commas: "
            "conv1,layer1");
      visit("validation", validation,
            "share of the training pictures held back to "
            "choose the best epoch by; of data with a validation part, all of that; 0: none");
      visit(
          "augment", augment,
          "random changes of the training pictures, as in crop:4,flip; `striate data` lists them");
      visit("resize", resize,
            "shorter side that pictures are brought to before their centre is cut out; "
            "0: squeezed to the network's input");
      segmentation.fields(visit); train.fields(visit); sequence.fields(visit);
      detection.fields(visit);)
};

/// TOML, one `name = value` line a field.
std::string to_toml(const TrainingSettings& settings);

/// Reads what to_toml wrote, or a person; what is not named keeps the value `settings` has. Throws
/// InputError naming `file`, the line and the key for what is unknown or of another kind.
void read_toml(std::string_view text, std::string_view file, TrainingSettings& settings);

}  // namespace striate
