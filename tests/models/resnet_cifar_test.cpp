#include <gtest/gtest.h>

#include "striate/graph/summary.h"
#include "striate/models/registry.h"

namespace striate {
namespace {

TEST(ResnetCifar, ParametersOfThePaperForm) {
  const ModelRow& row = models().find("resnet20");
  const Summary summary = summarize(row.build(row.natural));
  EXPECT_EQ(summary.parameters, 269722);
  // 3x3x3x16 at 32x32, then per stage six 3x3 convolutions; the first of a stage has half the
  // inputs; the last layer 640.
  const std::int64_t expected =
      1024 * 432 + 6 * 1024 * 2304 + 256 * (4608 + 5 * 9216) + 64 * (18432 + 5 * 36864) + 640;
  EXPECT_EQ(summary.macs, expected);
}

TEST(ResnetCifar, NamesAreAFileFormat) {
  const ModelRow& row = models().find("resnet20");
  const Graph graph = row.build(row.natural);
  for (const char* name : {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight",
                           "layer3.2.bn2.bias", "fc.weight", "fc.bias"}) {
    EXPECT_NE(graph.find_parameter(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace striate
