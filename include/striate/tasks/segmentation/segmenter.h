#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "striate/data/dataset.h"
#include "striate/graph/plan.h"
#include "striate/models/registry.h"
#include "striate/nn/model_card.h"
#include "striate/tasks/prepared_plans.h"
#include "striate/train/pixel_metrics.h"

namespace striate {

struct SegmentOptions {
  /// Longest side of what the network is given at once; a larger picture is cut into tiles.
  std::int64_t tile = 1024;
  /// Whether probabilities are asked for.
  bool probabilities = false;
  const std::atomic<bool>* cancel = nullptr;
  /// Told after each tile how many are done, and of how many.
  std::function<void(std::int64_t done, std::int64_t all)> on_tile;
};

struct Segmentation {
  Image mask;            ///< one channel, the picture's size: the class of each pixel
  Tensor probabilities;  ///< float32 [classes, H, W], where asked for
};

/// A trained network that names each pixel's class, with class names and preprocessing. Takes
/// pictures of any size, at their own. Several threads may call it at once.
class Segmenter {
 public:
  /// Throws InputError where the card's model is none for segmentation, or the card has no classes.
  Segmenter(ModelCard card, Weights weights, std::shared_ptr<const Device> device);

  /// From a file that a training wrote. `defaults` fills in what the file does not carry (weights
  /// from elsewhere). Throws InputError naming the file.
  static Segmenter load(const std::filesystem::path& path, std::shared_ptr<const Device> device,
                        const ModelCard& defaults = {});

  const ModelCard& card() const { return card_; }
  const Weights& weights() const { return weights_; }

  /// Scores [1, classes, H, W] of a whole picture, in memory that grows with it.
  Tensor scores(const Image& picture, const std::atomic<bool>* cancel = nullptr) const;

  /// The class of each pixel, the lowest of equals. A picture larger than the tile is cut into tiles
  /// that overlap by as much as a score sees of the picture (at most half a tile) and begin at
  /// multiples of 32 pixels, where the network's maps have theirs; each gives its middle, so that no
  /// seam shows. Takes memory for one tile and the results.
  Segmentation segment(const Image& picture, const SegmentOptions& options = {}) const;

  /// How far from a pixel lies what its score depends on; 0 where that is not known.
  std::int64_t reach() const { return reach_; }

 private:
  struct Programs {
    std::mutex mutex;
    std::vector<std::pair<Shape, std::shared_ptr<const Program>>> latest;
  };

  std::shared_ptr<const Program> program(std::int64_t height, std::int64_t width) const;

  ModelCard card_;
  Weights weights_;
  std::shared_ptr<const Device> device_;
  ModelRow model_;
  std::int64_t reach_ = 0;
  std::shared_ptr<Programs> programs_;
  std::shared_ptr<PreparedPlans> prepared_;
};

struct PixelEvaluation {
  PixelMetrics metrics;
  double loss = 0;  ///< mean cross-entropy over the pixels that have a class
  double seconds = 0;
  std::vector<std::string> all_void;  ///< pictures whose masks have no class
};

/// Runs the network over every picture of a masked dataset at its own size. Throws what the dataset
/// throws, and Cancelled.
PixelEvaluation evaluate(const Segmenter& segmenter, const Dataset& dataset,
                         const std::function<void(std::int64_t done)>& on_progress = {},
                         const std::atomic<bool>* cancel = nullptr);

}  // namespace striate
