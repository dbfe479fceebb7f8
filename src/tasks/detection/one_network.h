#pragma once

#include <memory>
#include <vector>

#include "striate/graph/plan.h"
#include "striate/tasks/detection/detector.h"

namespace striate {

/// A detector whose answer is one run of one network on the whole picture, squeezed to its size.
class OneNetworkDetector : public Detector {
 public:
  /// `outputs` are the network's that `decode` reads.
  OneNetworkDetector(ModelCard card, Weights weights, std::shared_ptr<const Device> device);

  const ModelCard& card() const override { return card_; }
  Found detect(const Image& picture, const DetectOptions& options) const override;

 protected:
  /// What the outputs say, in shares of the picture, none scored below `least`.
  virtual std::vector<Detection> decode(const std::vector<Tensor>& outputs, double least) const = 0;
  /// What remains of them.
  virtual std::vector<Detection> suppressed(std::vector<Detection> found,
                                            const DetectOptions& options) const;

 private:
  ModelCard card_;
  std::vector<std::string> outputs_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Prepared> weights_;
};

}  // namespace striate
