#include <gtest/gtest.h>

#include "striate/graph/summary.h"
#include "striate/models/registry.h"

namespace striate {
namespace {

TEST(Rcnn, NamesAreAFileFormat) {
  const ModelRow& row = models().find("rcnn");
  ModelSize size = row.natural;
  size.classes = 3;
  const Graph graph = row.build(size);
  const auto shape = [&](const char* name) {
    const Parameter* parameter = graph.find_parameter(name);
    return parameter == nullptr ? Shape{} : parameter->shape;
  };
  EXPECT_EQ(shape("head.fc6.weight"), (Shape{512, 256 * 3 * 3}));
  EXPECT_EQ(shape("head.cls.weight"), (Shape{4, 512}));
  EXPECT_EQ(shape("head.svm.weight"), (Shape{3, 512}));
  EXPECT_EQ(shape("head.box.weight"), (Shape{12, 512}));
  EXPECT_EQ(graph.outputs[0], "logits");
}

TEST(Rcnn, TakesAnyClassifiersLayers) {
  const ModelRow& row = models().find("rcnn");
  const Graph graph =
      row.build_detector({.height = 64, .width = 64, .classes = 3}, {.backbone = "resnet18"});
  EXPECT_EQ(graph.find_parameter("head.fc6.weight")->shape, (Shape{512, 512 * 2 * 2}));
}

}  // namespace
}  // namespace striate
