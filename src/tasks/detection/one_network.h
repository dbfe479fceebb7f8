#pragma once

#include <memory>
#include <vector>

#include "striate/graph/plan.h"
#include "striate/tasks/detection/detector.h"

namespace striate {

/// A detector whose answer is one run of one network on the whole picture.
class OneNetworkDetector : public Detector {
 public:
  OneNetworkDetector(ModelCard card, Weights weights, std::shared_ptr<const Device> device);

  const ModelCard& card() const override { return card_; }
  Found detect(const Image& picture, const DetectOptions& options) const override;

 protected:
  /// Writes the network's input: the picture squeezed to its size, unless a detector has another way.
  virtual void take(const Image& picture, float* chw) const;
  /// What the network's outputs say, in shares of the picture, none scored below `least`.
  virtual std::vector<Detection> decode(const std::vector<Tensor>& outputs, const Image& picture,
                                        double least) const = 0;

 private:
  ModelCard card_;
  std::vector<std::string> outputs_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Prepared> weights_;
};

}  // namespace striate
