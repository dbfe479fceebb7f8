#include "models/region_head.h"

#include "striate/base/error.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

constexpr std::int64_t kPooled = 7;
constexpr std::int64_t kHidden = 512;
constexpr std::int64_t kDrawn = 128;

// Section 2.3: deviations of 0.01 for classes and 0.001 for boxes.
Initial smaller_normal(const Shape&) { return {.kind = Initial::Kind::normal, .a = 0, .b = 0.001}; }

}  // namespace

Initial small_normal(const Shape&) { return {.kind = Initial::Kind::normal, .a = 0, .b = 0.01}; }

Backbone region_backbone(const std::string& name, const ModelSize& size,
                         const DetectorNetwork& network) {
  if (network.stride != 0 && network.stride != 4 && network.stride != 8 && network.stride != 16) {
    fail<InputError>("stride: expected 4, 8 or 16 pixels, got {}", network.stride);
  }
  // Three quarters of the rows that a map of stride 16 has: of some classifiers it has fewer.
  const std::int64_t rows = std::max<std::int64_t>(1, size.height * 3 / 64);
  return begin_backbone(name, network.backbone.empty() ? "resnet18_half" : network.backbone, size,
                        rows, network.stride == 0 ? 16 : network.stride);
}

Value objects_input(Builder& b) {
  constexpr std::int64_t kSome = 8;
  return b.input("objects", {1, kSome, 5});
}

RegionScores region_head(Builder& b, const Backbone& backbone, const Value& proposals,
                         std::int64_t classes) {
  const Builder::Scope head(b, "head");
  Value x = b.node("MaxRoiPool", "roi_pool", {backbone.map, proposals},
                   {{"pooled_shape", std::vector<std::int64_t>{kPooled, kPooled}},
                    {"spatial_scale", 1.0 / static_cast<double>(backbone.stride)}});
  x = b.flatten("flatten", x);
  x = b.relu("relu6", b.linear("fc6", x, kHidden));
  x = b.relu("relu7", b.linear("fc7", x, kHidden));
  return {
      .logits = b.linear("cls_score", x, {.out = classes + 1, .weights = small_normal}),
      .offsets = b.linear("bbox_pred", x, {.out = 4 * (classes + 1), .weights = smaller_normal})};
}

DrawnRegions draw_regions(Builder& b, const Value& proposals, const Value& objects,
                          std::int64_t classes, double background) {
  const std::vector<Value> drawn =
      b.node("RegionSample", "drawn", {proposals, objects},
             {{"classes", classes},
              {"regions", kDrawn},
              {"background", background},
              {"scales", std::vector<double>(std::begin(kOffsetScales), std::end(kOffsetScales))}},
             {"drawn.regions", "drawn.labels", "drawn.offsets", "drawn.weights"});
  return {drawn[0], drawn[1], drawn[2], drawn[3]};
}

Value region_loss(Builder& b, const Backbone& backbone, const Value& proposals,
                  const Value& objects, std::int64_t classes, double background) {
  const DrawnRegions drawn = draw_regions(b, proposals, objects, classes, background);
  const RegionScores scores = region_head(b, backbone, drawn.regions, classes);
  const Value named = b.node("SoftmaxCrossEntropyLoss", "loss.class", {scores.logits, drawn.labels},
                             {{"ignore_index", std::int64_t{-1}}});
  const Value placed = b.node("SmoothL1Loss", "loss.box",
                              {scores.offsets, drawn.offsets, drawn.weights}, {{"beta", 1.0}});
  return b.add("loss.region", named, placed);
}

}  // namespace striate
