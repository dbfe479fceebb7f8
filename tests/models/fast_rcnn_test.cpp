#include <gtest/gtest.h>

#include "account.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

using namespace testing;

const ModelSize kSmall{.height = 96, .width = 128, .classes = 3};

TEST(FastRcnn, AnswersForEveryGivenRegion) {
  const Graph graph = models().find("fast_rcnn").build_detector(kSmall, {.regions = 40});
  ASSERT_NE(graph.find_input("proposals"), nullptr);
  const ValueInfos infos = infer_shapes(graph);
  EXPECT_EQ(infos.at("head.roi_pool").shape, Shape({40, 128, 7, 7}));
  EXPECT_EQ(infos.at("logits").shape, Shape({40, 4}));
  EXPECT_EQ(infos.at("head.bbox_pred").shape, Shape({40, 16}));
  EXPECT_EQ(infer_shapes(models().find("fast_rcnn").build(kSmall)).at("logits").shape[0], 2000);
}

// Section 2.3: a batch's regions are drawn, 128 of each picture, whatever their number before.
TEST(FastRcnn, TrainsThroughOneLoss) {
  const Graph graph = fast_rcnn_training("fast_rcnn", kSmall, {.regions = 40, .stride = 8});
  EXPECT_EQ(graph.outputs, (std::vector<std::string>{"loss"}));
  const ValueInfos infos = infer_shapes(
      graph, {{"input", {2, 3, 96, 128}}, {"objects", {2, 16, 5}}, {"proposals", {80, 5}}});
  EXPECT_EQ(infos.at("loss").shape, Shape({}));
  EXPECT_EQ(infos.at("head.roi_pool").shape[0], 256);
  const auto background = graph.producer("drawn.regions")->attributes.at("background");
  EXPECT_EQ(std::get<double>(background), 0.1);
}

// Its weights and Faster R-CNN's are called alike: either may begin from the other's.
TEST(FastRcnn, SharesItsNamesWithFasterRcnn) {
  const Graph faster = models().find("faster_rcnn").build(kSmall);
  for (const Parameter& parameter : models().find("fast_rcnn").build(kSmall).parameters) {
    const Parameter* same = faster.find_parameter(parameter.name);
    ASSERT_NE(same, nullptr) << parameter.name;
    EXPECT_EQ(same->shape, parameter.shape) << parameter.name;
  }
}

}  // namespace
}  // namespace striate
