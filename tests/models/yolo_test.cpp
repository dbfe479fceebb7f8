#include <gtest/gtest.h>

#include "striate/base/random.h"
#include "striate/graph/plan.h"
#include "striate/graph/summary.h"
#include "striate/models/registry.h"

namespace striate {
namespace {

Graph built(const char* name, const ModelSize& size, const DetectorNetwork& network) {
  return models().find(name).build_detector(size, network);
}

std::string refusal(const char* name, const ModelSize& size, const DetectorNetwork& network) {
  try {
    built(name, size, network);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Yolo, AnswersForEveryCell) {
  for (const char* name : {"yolo", "yolo_paper", "yolo_fast"}) {
    const ModelRow& row = models().find(name);
    EXPECT_EQ(infer_shapes(row.build(row.natural)).at("logits").shape, Shape({1, 30, 7, 7})) << name;
  }
  EXPECT_EQ(infer_shapes(built("yolo", {.height = 256, .width = 256, .classes = 3},
                               {.grid = 16, .boxes = 3}))
                .at("logits")
                .shape,
            Shape({1, 18, 16, 16}));
}

// Figure 3's layers, their biases and 7 * 7 * 30 answers.
TEST(Yolo, PaperCountsFromFirstPrinciples) {
  const auto conv = [](std::int64_t in, std::int64_t out, std::int64_t kernel) {
    return in * out * kernel * kernel + out;
  };
  const std::int64_t four = 4 * (conv(512, 256, 1) + conv(256, 512, 3));
  const std::int64_t two = 2 * (conv(1024, 512, 1) + conv(512, 1024, 3));
  const std::int64_t convs = conv(3, 64, 7) + conv(64, 192, 3) + conv(192, 128, 1) +
                             conv(128, 256, 3) + conv(256, 256, 1) + conv(256, 512, 3) + four +
                             conv(512, 512, 1) + conv(512, 1024, 3) + two + 4 * conv(1024, 1024, 3);
  const std::int64_t dense = 7 * 7 * 1024 * 4096 + 4096 + 4096 * 1470 + 1470;
  const ModelRow& row = models().find("yolo_paper");
  EXPECT_EQ(summarize(row.build(row.natural)).parameters, convs + dense);
}

TEST(Yolo, BackboneKeepsItsNames) {
  const Graph graph = built("yolo", {.height = 224, .width = 224, .classes = 3}, {.grid = 14});
  EXPECT_NE(graph.find_parameter("layer3.1.conv2.weight"), nullptr);
  EXPECT_EQ(graph.find_parameter("layer4.0.conv1.weight"), nullptr);
  EXPECT_EQ(graph.find_parameter("fc.weight"), nullptr);
  EXPECT_NE(graph.find_parameter("head.answers.bias"), nullptr);
  EXPECT_NE(built("yolo", {.height = 224, .width = 224, .classes = 3},
                  {.backbone = "vgg11_bn", .grid = 14})
                .find_parameter("features.25.weight"),
            nullptr);
}

TEST(Yolo, SaysWhatDoesNotFit) {
  const ModelSize size{.height = 256, .width = 256, .classes = 3};
  EXPECT_EQ(refusal("yolo", size, {.grid = 7}),
            "grid: resnet18_half makes maps of 8x8 of pictures of 256x256, which is no multiple of "
            "7 cells");
  EXPECT_EQ(refusal("yolo", size, {.grid = 9999}), "grid: expected 1 to 512 cells, got 9999");
  EXPECT_EQ(refusal("yolo", size, {.boxes = 65}), "boxes: expected 1 to 64 of a cell, got 65");
  EXPECT_EQ(refusal("yolo", {.height = 256, .width = 320, .classes = 3}, {}),
            "yolo: expected a square picture, got 256x320");
  EXPECT_EQ(refusal("yolo", size, {.backbone = "fcn8s_resnet18", .grid = 8}),
            "backbone: fcn8s_resnet18 is no classifier of pictures");
  EXPECT_EQ(refusal("yolo_fast", size, {.backbone = "resnet18"}),
            "backbone: yolo_fast has layers of its own; yolo takes a classifier's");
}

// The loss that a gradient goes through, what is asked being given: by central differences in float64.
TEST(YoloLoss, Gradient) {
  const Shape answers{2, 13, 3, 3};
  Graph graph{.name = "loss"};
  graph.inputs.push_back({.name = "logits", .dtype = DType::f64, .shape = answers});
  graph.outputs = {"logits"};
  graph = with_yolo_loss(std::move(graph), 2);
  std::map<std::string, Tensor> values;
  Random random({.seed = 3, .purpose = purpose_of("yolo loss")}, 0);
  for (const GraphInput& input : graph.inputs) {
    Tensor tensor(DType::f64, input.shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      tensor.data<double>()[i] = random.uniform(0.1, 0.9);
    }
    values[input.name] = std::move(tensor);
  }
  // Objects of class 1 in half of the cells.
  for (std::int64_t i = 0; i < 18; ++i) {
    values["truth"].data<double>()[i / 9 * 45 + i % 9] = i % 2 == 0 ? 1 : -1;
  }
  const std::shared_ptr<const Device> device = make_reference_device();
  const auto inputs = [&] {
    Inputs all;
    for (const auto& [name, tensor] : values) all[name] = tensor.view();
    return all;
  };
  const auto plan = Plan::compile(graph, device, {},
                                  {.differentiate = {"loss"}, .input_gradients = {"logits"}});
  Workspace workspace(plan);
  plan->forward(workspace, inputs(), Weights{});
  plan->backward(workspace, inputs(), Weights{});
  const ConstView gradient = workspace.gradient("logits");

  Graph asked = graph;
  asked.outputs = {"loss.wanted", "loss.weight"};
  const Program targets(asked, device);
  Tensor wanted = targets.run(inputs(), Weights{}, "loss.wanted");
  Tensor weight = targets.run(inputs(), Weights{}, "loss.weight");
  values["loss.wanted"] = std::move(wanted);
  values["loss.weight"] = std::move(weight);
  std::erase_if(graph.nodes, [](const Node& node) { return node.op == "YoloTargets"; });
  graph.outputs = {"loss"};
  graph.inputs = {{.name = "logits", .dtype = DType::f64, .shape = answers},
                  {.name = "loss.wanted", .dtype = DType::f64, .shape = answers},
                  {.name = "loss.weight", .dtype = DType::f64, .shape = answers}};
  values.erase("truth");
  const Program fixed(graph, device);
  const auto loss = [&] { return fixed.run(inputs(), Weights{}, "loss").data<double>()[0]; };
  EXPECT_GT(loss(), 0.1);
  double* x = values["logits"].data<double>();
  int through = 0;
  for (std::int64_t i = 0; i < answers.elements(); ++i) {
    constexpr double kStep = 1e-5;
    const double before = x[i];
    x[i] = before + kStep;
    const double above = loss();
    x[i] = before - kStep;
    const double slope = (above - loss()) / (2 * kStep);
    x[i] = before;
    const double got = static_cast<const double*>(gradient.data)[i];
    EXPECT_NEAR(got, slope, 1e-7) << i;
    through += got != 0 ? 1 : 0;
  }
  EXPECT_GT(through, 60);
}

}  // namespace
}  // namespace striate
