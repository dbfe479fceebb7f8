#include <gtest/gtest.h>

#include "account.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

using namespace testing;

const ModelSize kSmall{.height = 96, .width = 128, .classes = 3};

std::string refusal(const DetectorNetwork& network) {
  try {
    models().find("faster_rcnn").build_detector(kSmall, network);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

// Section 3.1: of each anchor two scores and four offsets; 300 regions, each with a score for every
// class and for none and offsets for all.
TEST(FasterRcnn, AnswersForEveryRegion) {
  const ModelRow& row = models().find("faster_rcnn");
  const Graph graph = row.build(kSmall);
  const ValueInfos infos = infer_shapes(graph);
  EXPECT_EQ(infos.at("rpn.cls_score").shape, Shape({1, 18, 6, 8}));
  EXPECT_EQ(infos.at("rpn.bbox_pred").shape, Shape({1, 36, 6, 8}));
  EXPECT_EQ(infos.at("proposals").shape, Shape({300, 5}));
  EXPECT_EQ(infos.at("logits").shape, Shape({300, 4}));
  EXPECT_EQ(infos.at("head.bbox_pred").shape, Shape({300, 16}));
  EXPECT_EQ(infos.at("head.roi_pool").shape, Shape({300, 128, 7, 7}));
}

TEST(FasterRcnn, StrideAnchorsRegionsAndBackboneAreGiven) {
  const Graph graph =
      models()
          .find("faster_rcnn")
          .build_detector(
              kSmall,
              {.backbone = "alexnet", .anchors = "10x20,30.5x7", .regions = 50, .stride = 8});
  const ValueInfos infos = infer_shapes(graph);
  EXPECT_EQ(infos.at("rpn.cls_score").shape[1], 4);
  EXPECT_EQ(infos.at("rpn.cls_score").shape[3], 13);
  EXPECT_EQ(infos.at("proposals").shape, Shape({50, 5}));
  const Node* node = graph.producer("proposals");
  EXPECT_EQ(std::get<std::vector<double>>(node->attributes.at("anchors")),
            (std::vector<double>{-1, -6, 9, 14, -11.25, 0.5, 19.25, 7.5}));
}

// The paper's nine, at the first pixel of a map of stride 16.
TEST(FasterRcnn, AnchorsOfThePaper) {
  const Graph graph = models().find("faster_rcnn").build(kSmall);
  const auto boxes =
      std::get<std::vector<double>>(graph.producer("proposals")->attributes.at("anchors"));
  ASSERT_EQ(boxes.size(), 36U);
  EXPECT_DOUBLE_EQ(boxes[4 * 1 + 2] - boxes[4 * 1], 128);
  EXPECT_DOUBLE_EQ(boxes[4 * 1 + 0] + boxes[4 * 1 + 2], 16);
  EXPECT_NEAR((boxes[2] - boxes[0]) * (boxes[3] - boxes[1]), 128 * 128, 1e-9);
  EXPECT_NEAR((boxes[2] - boxes[0]) / (boxes[3] - boxes[1]), 2, 1e-9);
}

// A finer map is made of the same weights: a classifier's file fits.
TEST(FasterRcnn, AFinerMapHasTheSameParameters) {
  const ModelRow& row = models().find("faster_rcnn");
  const Graph coarse = row.build(kSmall);
  const Graph fine = row.build_detector(kSmall, {.stride = 8});
  ASSERT_EQ(coarse.parameters.size(), fine.parameters.size());
  for (const Parameter& parameter : coarse.parameters) {
    const Parameter* same = fine.find_parameter(parameter.name);
    ASSERT_NE(same, nullptr) << parameter.name;
    EXPECT_EQ(same->shape, parameter.shape) << parameter.name;
  }
  EXPECT_EQ(infer_shapes(fine).at("layer3.1.relu").shape, Shape({1, 128, 12, 16}));
  expect_parameters("faster_rcnn",
                    {"conv1.weight", "layer3.1.bn2.running_mean", "rpn.conv.weight",
                     "rpn.cls_score.bias", "rpn.bbox_pred.weight", "head.fc6.weight",
                     "head.fc7.bias", "head.cls_score.weight", "head.bbox_pred.weight"});
}

TEST(FasterRcnn, TrainsThroughOneLoss) {
  const Graph graph = faster_rcnn_training("faster_rcnn", kSmall, {.anchors = "16x16,32x32"});
  EXPECT_EQ(graph.outputs, (std::vector<std::string>{"loss"}));
  EXPECT_NE(graph.find_input("objects"), nullptr);
  EXPECT_EQ(
      infer_shapes(graph, {{"input", {2, 3, 96, 128}}, {"objects", {2, 16, 5}}}).at("loss").shape,
      Shape({}));
}

TEST(FasterRcnn, SaysWhatCannotBeMeant) {
  EXPECT_EQ(refusal({.stride = 5}), "stride: expected 4, 8 or 16 pixels, got 5");
  for (const char* anchors : {"32", "32xa", "0x4"}) {
    EXPECT_NE(refusal({.anchors = anchors}), "accepted") << anchors;
  }
  EXPECT_EQ(refusal({.backbone = "yolo"}), "backbone: yolo is no classifier of pictures");
}

}  // namespace
}  // namespace striate
