#include <gtest/gtest.h>

#include "account.h"
#include "striate/models/two_stage.h"

namespace striate {
namespace {

using namespace testing;

const ModelSize kSmall{.height = 96, .width = 128, .classes = 3};

// Section 4.1: 6 by 6, 3 by 3, 2 by 2 and 1 part, 50 in all.
TEST(Sppnet, ARegionGivesFiftyPartsOfEachChannel) {
  const Graph graph = models().find("sppnet").build_detector(kSmall, {.regions = 40});
  const ValueInfos infos = infer_shapes(graph);
  EXPECT_EQ(infos.at("head.level6").shape, Shape({40, 128, 6, 6}));
  EXPECT_EQ(infos.at("head.level1").shape, Shape({40, 128, 1, 1}));
  EXPECT_EQ(infos.at("head.pyramid").shape, Shape({40, 50 * 128}));
  EXPECT_EQ(infos.at("head.features").shape, Shape({40, 512}));
  EXPECT_EQ(infos.at("logits").shape, Shape({40, 4}));
  EXPECT_EQ(infos.at("head.svm").shape, Shape({40, 3}));
  EXPECT_EQ(infos.at("head.box").shape, Shape({40, 12}));
}

TEST(Sppnet, TrainsTheParametersThatItRunsWith) {
  const Graph runs = models().find("sppnet").build(kSmall);
  const Graph trains = sppnet_training(kSmall, {});
  EXPECT_EQ(trains.outputs[0], "loss");
  ASSERT_EQ(runs.parameters.size(), trains.parameters.size());
  for (const Parameter& parameter : runs.parameters) {
    const Parameter* same = trains.find_parameter(parameter.name);
    ASSERT_NE(same, nullptr) << parameter.name;
    EXPECT_EQ(same->shape, parameter.shape) << parameter.name;
  }
}

}  // namespace
}  // namespace striate
