#include <map>

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

// The paper's table 6, worked from first principles.
TEST(ResnetCifar, ParametersOfEveryDepth) {
  const std::map<std::string, std::int64_t> rows = {{"resnet32", 464154},
                                                    {"resnet44", 658586},
                                                    {"resnet56", 853018},
                                                    {"resnet110", 1727962},
                                                    {"plain20", 269722}};
  for (const auto& [name, count] : rows) {
    const ModelRow& row = models().find(name);
    EXPECT_EQ(summarize(row.build(row.natural)).parameters, count) << name;
  }
  // Two projections with their batch norms; without bn behind them where norms come first.
  const auto count = [](const char* name) {
    const ModelRow& row = models().find(name);
    return summarize(row.build(row.natural)).parameters;
  };
  EXPECT_EQ(count("resnet20_projected"), 269722 + 16 * 32 + 32 * 64 + 2 * (32 + 64));
}

}  // namespace
}  // namespace striate
