#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "striate/tasks/detection/detector.h"
#include "tasks/detection/region_cache.h"

namespace striate {

// What R-CNN and SPPNet share: a network gives the features of regions; support vector machines and
// regressions of boxes, fitted to them after the network was trained, name the regions.

/// The part of such a detector in which they differ. Several threads may call it at once.
class RegionFeatures {
 public:
  RegionFeatures() = default;
  RegionFeatures(const RegionFeatures&) = delete;
  RegionFeatures& operator=(const RegionFeatures&) = delete;
  virtual ~RegionFeatures() = default;

  /// A row for each region, given in pixels of the picture. Throws Cancelled.
  virtual Tensor of(const Image& picture, std::span<const Box> regions,
                    const std::atomic<bool>* cancel) const = 0;
};

/// Makes them of a card and weights.
using MakeRegionFeatures = std::function<std::unique_ptr<RegionFeatures>(
    const ModelCard& card, const Weights& weights, std::shared_ptr<const Device> device)>;

/// The detector, whose machines are the weights head.svm and head.box.
std::unique_ptr<Detector> make_svm_detector(ModelCard card, Weights weights,
                                            std::unique_ptr<RegionFeatures> features);

/// Fits head.svm and head.box to the regions of a dataset and returns all weights (Girshick et al.,
/// arXiv:1311.2524, section 2.3 and appendix C):
/// - a machine for each class: objects against regions whose IoU with all of the class is below 0.3,
///   at first some of each picture, then, picture by picture, those that it does not put beyond the
///   margin (hard negatives); features scaled to a mean norm of 20
/// - ridge regression (lambda 1000) of the box of the nearest object, from regions of an IoU of 0.6 or
///   more
/// Features are kept in the context's folder while it works, as they may not fit in memory.
Weights fit_machines(const ModelCard& card, const Weights& trained, const Dataset& dataset,
                     const RegionCache& regions, const RegionFeatures& features,
                     const FinishContext& context);

/// The regions of a picture that `network` asks for.
std::int64_t regions_of(const DetectorNetwork& network);

}  // namespace striate
