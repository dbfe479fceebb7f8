// Girshick, Donahue, Darrell, Malik, "Rich feature hierarchies for accurate object detection and
// semantic segmentation", arXiv:1311.2524: a classifier's layers on one warped region, trained to name
// it or call it background (section 2.3); a linear SVM for each class (`svm`) and a linear regression
// of its box (`box`, appendix C) stand beside that head and are fitted afterwards. Departures: the
// layers are those of a ResNet-18 of half width, or `backbone`, and one dense layer of 512 stands for
// fc6 and fc7; the boxes are regressed from it too, not from the last map.

#include <algorithm>

#include "models/backbone.h"

namespace striate {
namespace {

Graph build(const ModelSize& size, const DetectorNetwork& network) {
  constexpr std::int64_t kFeatures = 512;
  constexpr std::int64_t kStep = 32;
  const std::int64_t rows = std::max<std::int64_t>(size.height / kStep, 1);
  Backbone backbone = begin_backbone(
      "rcnn", network.backbone.empty() ? "resnet18_half" : network.backbone, size, rows);
  Builder& b = backbone.builder;
  const Builder::Scope head(b, "head");
  Value x = b.flatten("flatten", backbone.map);
  x = b.relu("relu6", b.linear("fc6", x, kFeatures));
  const Value features = b.node("Identity", "features", {x});
  b.output(features);
  b.output(b.linear("svm", features, size.classes));
  b.output(b.linear("box", features, 4 * size.classes));
  const Value kept = b.dropout("drop6", features);
  return b.finish(b.linear("cls", kept, size.classes + 1), "logits");
}

}  // namespace

void register_model_rcnn(ModelRegistry& registry);
void register_model_rcnn(ModelRegistry& registry) {
  registry.add({.name = "rcnn",
                .doc = "Girshick et al. 2014, on a ResNet-18 of half width: one warped region",
                .natural = {.height = 96, .width = 96, .classes = 20},
                .build = [](const ModelSize& size) { return build(size, {}); },
                .task = "detection",
                .build_detector = build});
}

}  // namespace striate
