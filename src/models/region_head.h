#pragma once

#include <string>

#include "models/backbone.h"
#include "striate/models/detector.h"

namespace striate {

// What Fast R-CNN and Faster R-CNN share (Girshick, arXiv:1504.08083).

/// The maps that regions are taken from: a backbone's layers up to those of stride 16, made at
/// `network.stride`. Throws InputError for a description that cannot be meant.
Backbone region_backbone(const std::string& name, const ModelSize& size,
                         const DetectorNetwork& network);

/// Figure 1: a region of interest is pooled to 7 by 7, two dense layers, and from these the scores of
/// the classes and of none, and offsets for each.
struct RegionScores {
  Value logits, offsets;
};
RegionScores region_head(Builder& b, const Backbone& backbone, const Value& proposals,
                         std::int64_t classes);

/// Input `objects`.
Value objects_input(Builder& b);

/// Regions drawn by the operator RegionSample, those for no object from IoU `background` on, with what
/// they are to be.
struct DrawnRegions {
  Value regions, labels, offsets, weights;
};
DrawnRegions draw_regions(Builder& b, const Value& proposals, const Value& objects,
                          std::int64_t classes, double background);

/// Drawn regions go through the head; equation 1 of them.
Value region_loss(Builder& b, const Backbone& backbone, const Value& proposals,
                  const Value& objects, std::int64_t classes, double background);

Initial small_normal(const Shape&);

}  // namespace striate
