#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "striate/data/loader.h"
#include "striate/tasks/detection/detector.h"

namespace striate {

/// Boxes in a picture's pixels where objects may be, best first.
using Propose = std::function<std::vector<Box>(const Image& picture)>;

/// A detector whose network names regions: its own proposals, or what `propose` gives.
class RegionDetector final : public Detector {
 public:
  RegionDetector(ModelCard card, Weights weights, std::shared_ptr<const Device> device,
                 Propose propose = {});

  const ModelCard& card() const override { return card_; }
  Found detect(const Image& picture, const DetectOptions& options) const override;

 private:
  ModelCard card_;
  Propose propose_;
  std::int64_t given_ = 0;            ///< regions that the network takes
  std::vector<std::string> outputs_;  ///< logits, offsets, and proposals where they are its own
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Prepared> weights_;
};

/// Boxes as rows of image, x1, y1, x2, y2 in pixels of the network's input, `scale` times the
/// picture's; `count` rows, those that are missing without an area.
Tensor region_rows(std::span<const Box> boxes, std::int64_t count, double scale_x, double scale_y);

/// Softmax, offsets and cut at the edges of a network's answers, in its input's pixels: no detection
/// below `least`, which is above 0.
std::vector<Detection> read_regions(const Tensor& logits, const Tensor& offsets,
                                    const Tensor& proposals, double width, double height,
                                    double least);

/// The training input `objects` of a batch.
Tensor objects_tensor(const Batch& batch);

}  // namespace striate
