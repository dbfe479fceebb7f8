// Girshick, "Fast R-CNN", arXiv:1504.08083: one pass of convolutions for the whole picture, from whose
// map every region that came from elsewhere is pooled, named and moved. Departures, for a processor:
// the layers of a ResNet-18 of half width up to its third stage for VGG-16, at a stride that may be
// less than the paper's 16 (`stride`), and dense layers of 512 for 4096, so that nothing is truncated
// by SVD; batch norms learn along; 128 regions of every picture of a batch, where the paper draws 64
// of two.

#include "models/region_head.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

constexpr std::int64_t kRegions = 2000;

Graph build(const std::string& name, const ModelSize& size, const DetectorNetwork& network) {
  Backbone backbone = region_backbone(name, size, network);
  Builder& b = backbone.builder;
  const Value proposals =
      b.input("proposals", {network.regions == 0 ? kRegions : network.regions, 5});
  const RegionScores scores = region_head(b, backbone, proposals, size.classes);
  b.output(scores.offsets);
  return b.finish(scores.logits, "logits");
}

}  // namespace

Graph fast_rcnn_training(const std::string& name, const ModelSize& size,
                         const DetectorNetwork& network) {
  // Section 2.3: the less a region that shows no object overlaps one, the less it teaches.
  constexpr double kBackground = 0.1;
  Backbone backbone = region_backbone(name, size, network);
  Builder& b = backbone.builder;
  const Value proposals =
      b.input("proposals", {network.regions == 0 ? kRegions : network.regions, 5});
  const Value loss =
      region_loss(b, backbone, proposals, objects_input(b), size.classes, kBackground);
  return b.finish(loss, "loss");
}

void register_model_fast_rcnn(ModelRegistry& registry);
void register_model_fast_rcnn(ModelRegistry& registry) {
  registry.add({.name = "fast_rcnn",
                .doc = "Girshick 2015, on a ResNet-18 of half width",
                .natural = {.height = 600, .width = 800, .classes = 20},
                .build = [](const ModelSize& size) { return build("fast_rcnn", size, {}); },
                .task = "detection",
                .build_detector =
                    [](const ModelSize& size, const DetectorNetwork& network) {
                      return build("fast_rcnn", size, network);
                    }});
}

}  // namespace striate
