// Redmon, Divvala, Girshick, Farhadi, "You only look once: unified, real-time object detection",
// arXiv:1506.02640: a map of S by S cells, each with B boxes (x, y, the roots of w and h, confidence)
// and the probabilities of C classes, behind one another along the channels.
// - yolo: the form for little data and time. A classifier's layers (resnet18_half, or `backbone`), two
//   3x3 convolutions and a 1x1. Departures from section 2.1: two added convolutions of 256 channels
//   with batch norms for four of 1024 and two dense layers, which are most of the paper's weights; so
//   every cell is answered for by the same weights, and sees less than the picture.
// - yolo_paper: figure 3, 24 convolutions and two dense layers.
// - yolo_fast: Fast YOLO, nine convolutions. The paper gives their number alone: filters and dense
//   layers are as in the authors' program.
// All predict the roots of w and h, as the authors' program does, where the paper takes roots in the
// loss: no root of a negative number is ever needed.

#include <array>

#include "models/backbone.h"

namespace striate {
namespace {

constexpr std::int64_t kMostCells = 512, kMostBoxes = 64;

Value leaky(Builder& b, const std::string& name, const Value& x) {
  return b.node("LeakyRelu", name, {x}, {{"alpha", 0.1}});
}

std::int64_t answers(const DetectorNetwork& network, std::int64_t classes) {
  return 5 * network.boxes + classes;
}

Value conv_norm(Builder& b, const std::string& n, const Value& x, std::int64_t out,
                std::int64_t stride) {
  const Value y = b.conv("conv" + n, x,
                         {.out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false});
  return leaky(b, "leaky" + n, b.batch_norm("bn" + n, y));
}

Graph build_on_backbone(const std::string& name, const ModelSize& size,
                        const DetectorNetwork& network) {
  constexpr std::int64_t kChannels = 256;
  Backbone backbone = begin_backbone(name, network.backbone, size, network.grid);
  Builder& b = backbone.builder;
  const Shape& map = b.shape(backbone.map);
  if (map[2] % network.grid != 0) {
    fail<ModelError>(
        "grid: {} makes maps of {}x{} of pictures of {}x{}, which is no multiple of {} cells",
        network.backbone, map[2], map[3], size.height, size.width, network.grid);
  }
  Value x = backbone.map;
  {
    const Builder::Scope head(b, "head");
    x = conv_norm(b, "1", x, kChannels, map[2] / network.grid);
    x = conv_norm(b, "2", x, kChannels, 1);
    x = b.conv("answers", x, {.out = answers(network, size.classes), .weights = fan_in_uniform});
  }
  return b.finish(x, "logits");
}

// A 3x3 or 1x1 convolution; 0: pooling by 2.
struct Layer {
  std::int64_t out = 0, kernel = 3, stride = 1;
};

Graph build_own(const std::string& name, std::span<const Layer> layers,
                std::span<const std::int64_t> dense, const ModelSize& size,
                const DetectorNetwork& network) {
  Builder b(name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  int convs = 0;
  int pools = 0;
  for (const Layer& layer : layers) {
    if (layer.out == 0) {
      x = b.max_pool("pool" + std::to_string(++pools), x);
      continue;
    }
    const std::string n = std::to_string(++convs);
    x = leaky(b, "leaky" + n,
              b.conv("conv" + n, x,
                     {.out = layer.out,
                      .kernel = layer.kernel,
                      .stride = layer.stride,
                      .padding = layer.kernel / 2}));
  }
  x = b.flatten("flatten", x);
  int number = 0;
  for (const std::int64_t out : dense) {
    const std::string n = std::to_string(++number);
    x = leaky(b, "leaky_fc" + n, b.linear("fc" + n, x, out));
  }
  x = b.dropout("dropout", x);
  const std::int64_t channels = answers(network, size.classes);
  x = b.linear("answers", x,
               {.out = channels * network.grid * network.grid, .weights = fan_in_uniform});
  const std::array<std::int64_t, 4> shape{-1, channels, network.grid, network.grid};
  x = b.node("Reshape", "cells", {x, b.constant("shape", Tensor::of<std::int64_t>({4}, shape))});
  return b.finish(x, "logits");
}

constexpr std::array kPaper{
    Layer{64, 7, 2}, Layer{0},          Layer{192},    Layer{0},      Layer{128, 1}, Layer{256},
    Layer{256, 1},   Layer{512},        Layer{0},      Layer{256, 1}, Layer{512},    Layer{256, 1},
    Layer{512},      Layer{256, 1},     Layer{512},    Layer{256, 1}, Layer{512},    Layer{512, 1},
    Layer{1024},     Layer{0},          Layer{512, 1}, Layer{1024},   Layer{512, 1}, Layer{1024},
    Layer{1024},     Layer{1024, 3, 2}, Layer{1024},   Layer{1024}};
constexpr std::array<std::int64_t, 1> kPaperDense{4096};
constexpr std::array kFast{Layer{16},  Layer{0},   Layer{32},   Layer{0},    Layer{64},
                           Layer{0},   Layer{128}, Layer{0},    Layer{256},  Layer{0},
                           Layer{512}, Layer{0},   Layer{1024}, Layer{1024}, Layer{1024}};
constexpr std::array<std::int64_t, 2> kFastDense{256, 4096};

Graph build(const std::string& name, const ModelSize& size, DetectorNetwork network) {
  if (network.grid == 0) network.grid = 7;
  if (network.boxes == 0) network.boxes = 2;
  if (network.grid < 1 || network.grid > kMostCells) {
    fail<InputError>("grid: expected 1 to {} cells, got {}", kMostCells, network.grid);
  }
  if (network.boxes < 1 || network.boxes > kMostBoxes) {
    fail<InputError>("boxes: expected 1 to {} of a cell, got {}", kMostBoxes, network.boxes);
  }
  if (name == "yolo") {
    if (size.height != size.width) {
      fail<ModelError>("{}: expected a square picture, got {}x{}", name, size.height, size.width);
    }
    if (network.backbone.empty()) network.backbone = "resnet18_half";
    return build_on_backbone(name, size, network);
  }
  if (!network.backbone.empty()) {
    fail<InputError>("backbone: {} has layers of its own; yolo takes a classifier's", name);
  }
  return name == "yolo_fast" ? build_own(name, kFast, kFastDense, size, network)
                             : build_own(name, kPaper, kPaperDense, size, network);
}

struct Variant {
  const char* name;
  const char* doc;
};
constexpr Variant kVariants[] = {{"yolo", "Redmon et al. 2016, on a ResNet-18 of half width"},
                                 {"yolo_paper", "Redmon et al. 2016, 24 convolutions"},
                                 {"yolo_fast", "Redmon et al. 2016, Fast YOLO: nine convolutions"}};

}  // namespace

Graph with_yolo_loss(Graph graph, std::int64_t boxes) {
  const ValueInfo answered = infer_shapes(graph).at("logits");
  const Shape& answers = answered.shape;
  graph.inputs.push_back(
      {.name = "truth", .dtype = answered.dtype, .shape = {answers[0], 5, answers[2], answers[3]}});
  const auto node = [&](const char* op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, Attributes attributes = {}) {
    graph.nodes.push_back({.name = outputs[0],
                           .op = op,
                           .attributes = std::move(attributes),
                           .inputs = inputs,
                           .outputs = outputs});
  };
  node("YoloTargets", {"logits", "truth"}, {"loss.wanted", "loss.weight"}, {{"boxes", boxes}});
  node("Sub", {"logits", "loss.wanted"}, {"loss.difference"});
  node("Mul", {"loss.difference", "loss.difference"}, {"loss.square"});
  node("Mul", {"loss.square", "loss.weight"}, {"loss.each"});
  graph.constants["loss.axes"] = Tensor::of<std::int64_t>({3}, {{1, 2, 3}});
  node("ReduceSum", {"loss.each", "loss.axes"}, {"loss.of_picture"},
       {{"keepdims", std::int64_t{0}}});
  node("ReduceMean", {"loss.of_picture"}, {"loss"}, {{"keepdims", std::int64_t{0}}});
  graph.outputs.insert(graph.outputs.begin(), "loss");
  check(graph);
  return graph;
}

void register_model_yolo(ModelRegistry& registry);
void register_model_yolo(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    const std::string name = variant.name;
    registry.add({.name = name,
                  .doc = variant.doc,
                  .natural = {.height = 448, .width = 448, .classes = 20},
                  .build = [name](const ModelSize& size) { return build(name, size, {}); },
                  .task = "detection",
                  .build_detector =
                      [name](const ModelSize& size, const DetectorNetwork& network) {
                        return build(name, size, network);
                      }});
  }
}

}  // namespace striate
