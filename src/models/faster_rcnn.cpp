// Ren, He, Girshick, Sun, "Faster R-CNN: towards real-time object detection with region proposal
// networks", arXiv:1506.01497: Fast R-CNN whose regions a small network proposes from the same map
// (section 3.1: a 3x3 convolution, and of each anchor two scores and four offsets), trained jointly
// (section 3.2, "approximate joint training": no gradient goes through the proposals' places).
// Departures: backbone, dense layers and batch as in Fast R-CNN here; the anchors' losses are means
// over those drawn, each counted once (the paper divides the second by the number of places and
// multiplies by 10, which is about the same); 500 proposals are kept of 2000 while training.

#include <array>

#include "models/region_head.h"
#include "striate/boxes/anchors.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

constexpr std::int64_t kChannels = 256;

struct Proposer {
  Value scores, offsets;
  Attributes anchors;
};

Proposer region_proposal_network(Builder& b, const Backbone& backbone,
                                 const DetectorNetwork& network) {
  const std::vector<BoxSize> sizes =
      network.anchors.empty() ? paper_anchors() : parse_anchors(network.anchors);
  const auto count = static_cast<std::int64_t>(sizes.size());
  const Builder::Scope scope(b, "rpn");
  const Value x = b.relu(
      "relu", b.conv("conv", backbone.map,
                     {.out = kChannels, .kernel = 3, .padding = 1, .weights = small_normal}));
  Proposer proposer;
  proposer.scores = b.conv("cls_score", x, {.out = 2 * count, .weights = small_normal});
  proposer.offsets = b.conv("bbox_pred", x, {.out = 4 * count, .weights = small_normal});
  // Around the middle of the part of the picture that a pixel of the map stands for.
  const double middle = static_cast<double>(backbone.stride) / 2;
  std::vector<double> boxes;
  for (const auto& [width, height] : sizes) {
    boxes.insert(boxes.end(), {middle - width / 2, middle - height / 2, middle + width / 2,
                               middle + height / 2});
  }
  proposer.anchors = {{"anchors", boxes},
                      {"strides", std::vector<std::int64_t>{backbone.stride, backbone.stride}}};
  return proposer;
}

Value proposals(Builder& b, const Proposer& proposer, const ModelSize& size, std::int64_t before,
                std::int64_t after) {
  Attributes attributes = proposer.anchors;
  attributes["height"] = size.height;
  attributes["width"] = size.width;
  attributes["before"] = before;
  attributes["after"] = after;
  return b.node("RegionProposal", "proposals", {proposer.scores, proposer.offsets}, attributes);
}

Value proposer_loss(Builder& b, const Proposer& proposer, const Value& objects) {
  // What the authors' code has: the parabola ends at 1 / 9.
  constexpr double kBeta = 1.0 / 9;
  const std::vector<Value> wanted =
      b.node("AnchorSample", "anchors", {objects, proposer.offsets}, proposer.anchors,
             {"anchors.labels", "anchors.offsets", "anchors.weights"});
  const std::array<std::int64_t, 3> flat{0, 2, -1};
  const Value scores =
      b.node("Reshape", "anchors.scores",
             {proposer.scores, b.constant("anchors.shape", Tensor::of<std::int64_t>({3}, flat))});
  const Value found = b.node("SoftmaxCrossEntropyLoss", "loss.object", {scores, wanted[0]},
                             {{"ignore_index", std::int64_t{-1}}});
  const Value placed = b.node("SmoothL1Loss", "loss.anchor",
                              {proposer.offsets, wanted[1], wanted[2]}, {{"beta", kBeta}});
  return b.add("loss.proposal", found, placed);
}

Graph build(const std::string& name, const ModelSize& size, const DetectorNetwork& network) {
  constexpr std::int64_t kBefore = 6000;
  constexpr std::int64_t kAfter = 300;
  Backbone backbone = region_backbone(name, size, network);
  Builder& b = backbone.builder;
  const Proposer proposer = region_proposal_network(b, backbone, network);
  const Value regions =
      proposals(b, proposer, size, kBefore, network.regions == 0 ? kAfter : network.regions);
  const RegionScores scores = region_head(b, backbone, regions, size.classes);
  b.output(scores.offsets);
  b.output(regions);
  return b.finish(scores.logits, "logits");
}

}  // namespace

Graph faster_rcnn_training(const std::string& name, const ModelSize& size,
                           const DetectorNetwork& network) {
  constexpr std::int64_t kBefore = 2000;
  constexpr std::int64_t kAfter = 500;
  Backbone backbone = region_backbone(name, size, network);
  Builder& b = backbone.builder;
  const Value objects = objects_input(b);
  const Proposer proposer = region_proposal_network(b, backbone, network);
  const Value first = proposer_loss(b, proposer, objects);
  const Value regions = proposals(b, proposer, size, kBefore, kAfter);
  const Value second = region_loss(b, backbone, regions, objects, size.classes, 0);
  return b.finish(b.add("loss.sum", first, second), "loss");
}

void register_model_faster_rcnn(ModelRegistry& registry);
void register_model_faster_rcnn(ModelRegistry& registry) {
  registry.add({.name = "faster_rcnn",
                .doc = "Ren et al. 2015, on a ResNet-18 of half width",
                .natural = {.height = 600, .width = 800, .classes = 20},
                .build = [](const ModelSize& size) { return build("faster_rcnn", size, {}); },
                .task = "detection",
                .build_detector =
                    [](const ModelSize& size, const DetectorNetwork& network) {
                      return build("faster_rcnn", size, network);
                    }});
}

}  // namespace striate
