// He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition",
// arXiv:1406.4729, section 4: one pass of convolutions for the whole picture; the part of the last map
// that lies under a region is pooled into 6 by 6, 3 by 3, 2 by 2 and one part (50 numbers a channel),
// whatever its size, and dense layers make features of that. A linear SVM for each class and a
// regression of its box stand beside the head that trains them, as in R-CNN. Departures: the layers of
// a ResNet-18 of half width, or `backbone`, at a stride that may be less than 16 (`stride`); one dense
// layer of 512 for fc6 and fc7; with nothing trained before to begin from, the convolutions learn along
// (the authors' stay as they were trained on ImageNet); pictures have one size, not five.

#include "models/region_head.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

constexpr std::int64_t kRegions = 2000;

// The features of each region.
Value pyramid(Builder& b, const Backbone& backbone, const Value& proposals) {
  constexpr std::int64_t kFeatures = 512;
  std::vector<Value> levels;
  for (const std::int64_t parts : {6, 3, 2, 1}) {
    const std::string name = "level" + std::to_string(parts);
    const Value pooled = b.node("MaxRoiPool", name, {backbone.map, proposals},
                                {{"pooled_shape", std::vector<std::int64_t>{parts, parts}},
                                 {"spatial_scale", 1.0 / static_cast<double>(backbone.stride)}});
    levels.push_back(b.flatten(name + ".flat", pooled));
  }
  const Value x = b.concat("pyramid", levels);
  return b.node("Identity", "features", {b.relu("relu6", b.linear("fc6", x, kFeatures))});
}

Value class_scores(Builder& b, const Value& features, std::int64_t classes) {
  return b.linear("cls_score", b.dropout("drop6", features),
                  {.out = classes + 1, .weights = small_normal});
}

Graph build(const ModelSize& size, const DetectorNetwork& network) {
  Backbone backbone = region_backbone("sppnet", size, network);
  Builder& b = backbone.builder;
  const Value proposals =
      b.input("proposals", {network.regions == 0 ? kRegions : network.regions, 5});
  const Builder::Scope head(b, "head");
  const Value features = pyramid(b, backbone, proposals);
  b.output(features);
  b.output(b.linear("svm", features, size.classes));
  b.output(b.linear("box", features, 4 * size.classes));
  return b.finish(class_scores(b, features, size.classes), "logits");
}

}  // namespace

Graph sppnet_training(const ModelSize& size, const DetectorNetwork& network) {
  Backbone backbone = region_backbone("sppnet", size, network);
  Builder& b = backbone.builder;
  const Value proposals =
      b.input("proposals", {network.regions == 0 ? kRegions : network.regions, 5});
  const DrawnRegions drawn = draw_regions(b, proposals, objects_input(b), size.classes, 0);
  const Builder::Scope head(b, "head");
  const Value features = pyramid(b, backbone, drawn.regions);
  // Fitted afterwards, and kept with the others until then.
  b.output(b.linear("svm", features, size.classes));
  b.output(b.linear("box", features, 4 * size.classes));
  const Value scores = class_scores(b, features, size.classes);
  return b.finish(b.node("SoftmaxCrossEntropyLoss", "loss.class", {scores, drawn.labels},
                         {{"ignore_index", std::int64_t{-1}}}),
                  "loss");
}

void register_model_sppnet(ModelRegistry& registry);
void register_model_sppnet(ModelRegistry& registry) {
  registry.add({.name = "sppnet",
                .doc = "He et al. 2014, on a ResNet-18 of half width",
                .natural = {.height = 600, .width = 800, .classes = 20},
                .build = [](const ModelSize& size) { return build(size, {}); },
                .task = "detection",
                .build_detector = build});
}

}  // namespace striate
