#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "striate/boxes/box.h"
#include "striate/codec/image.h"
#include "striate/data/dataset.h"
#include "striate/device/device.h"
#include "striate/nn/model_card.h"
#include "striate/tasks/training.h"

namespace striate {

/// Least score of detections that are to be scored: far below what a person is shown, for the whole
/// curve counts.
inline constexpr double kLeastScored = 0.005;

struct DetectOptions {
  double score = 0.05;      ///< least that a detection has
  double overlap = 0.5;     ///< of two of one class that overlap by more, the lower score goes
  std::int64_t most = 100;  ///< detections of a picture
  const std::atomic<bool>* cancel = nullptr;
};

/// Where a picture's time went.
struct DetectSeconds {
  double regions = 0;         ///< proposing where to look
  double features = 0;        ///< convolutions
  double classification = 0;  ///< naming the regions, their boxes included
  double suppression = 0;
};

struct Found {
  std::vector<Detection> detections;  ///< in the picture's pixels, highest score first
  DetectSeconds seconds;
  std::int64_t regions = 0;  ///< how many were named
};

/// A trained network, with what stands around it, that finds objects in a picture of any size. Several
/// threads may call it at once.
class Detector {
 public:
  Detector() = default;
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;
  virtual ~Detector() = default;

  virtual const ModelCard& card() const = 0;
  /// Throws Cancelled.
  virtual Found detect(const Image& picture, const DetectOptions& options = {}) const = 0;
};

/// A kind of detector. Its name, or its names, are those of the model registry's rows, whose task is
/// "detection"; networks of darknet's .cfg files are all "darknet".
struct DetectorRow {
  std::string name;
  /// See open_training in tasks/training.h; null where it cannot be trained here.
  Training (*open)(const TrainingSettings& settings, const Threads& threads,
                   const std::filesystem::path& checkpoint);
  /// Throws InputError where card or weights are not this detector's.
  std::unique_ptr<Detector> (*make)(ModelCard card, Weights weights,
                                    std::shared_ptr<const Device> device);
};

class DetectorRegistry {
 public:
  void add(DetectorRow row);
  /// Throws InputError with the nearest name.
  const DetectorRow& find(std::string_view name) const;
  const std::vector<DetectorRow>& rows() const { return rows_; }

 private:
  std::vector<DetectorRow> rows_;
};

/// Every detector the library was built with.
const DetectorRegistry& detectors();

/// The settings of a detector's network as the JSON that a card carries, and back. Throws InputError
/// naming `file` for what cannot be meant.
std::string to_definition(const DetectorNetwork& network);
DetectorNetwork read_detector_network(const std::string& definition, const std::string& file);

/// The kind of detector that a card's weights are for. Throws InputError where it is none.
const DetectorRow& detector_of(const ModelCard& card);

/// The training of a detector: see open_training in tasks/training.h.
Training open_detection_training(const TrainingSettings& settings, const Threads& threads,
                                 const std::filesystem::path& checkpoint);

/// From a file that a training wrote. `defaults` fills in what the file does not carry (weights from
/// elsewhere). Throws InputError naming the file.
std::unique_ptr<Detector> load_detector(const std::filesystem::path& path,
                                        std::shared_ptr<const Device> device,
                                        const ModelCard& defaults = {});

/// What a detector found in each picture of a boxed dataset, and what is there. Throws InputError where
/// the dataset's classes are not as many as the detector's, and what the dataset throws.
struct DetectionRun {
  std::vector<std::vector<Detection>> found;
  std::vector<std::vector<Object>> truth;
  DetectSeconds seconds;  ///< sums
};
DetectionRun detect_all(const Detector& detector, const Dataset& dataset,
                        const DetectOptions& options = {},
                        const std::function<void(std::int64_t done)>& on_progress = {});

}  // namespace striate
