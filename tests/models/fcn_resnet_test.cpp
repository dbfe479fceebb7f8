#include "account.h"

namespace striate {
namespace {

using namespace testing;

// torchvision's own counts of its weights, auxiliary head included: 35.3 M parameters and 152.717
// GMAC for a picture of 520 pixels, 54.3 M and 232.738.
TEST(FcnResnet, CountsAsPublished) {
  for (const Published& row : {Published{"fcn_resnet50", 35322218, 152.717},
                               Published{"fcn_resnet101", 54314346, 232.738}}) {
    const Summary summary = summarize(built(row.name), {}, {.auxiliary = true});
    EXPECT_EQ(summary.parameters, row.parameters) << row.name;
    EXPECT_NEAR(static_cast<double>(summary.macs) * 1e-9, row.gmacs, 0.0005001) << row.name;
  }
  EXPECT_EQ(account("fcn_resnet50").parameters, 32957013);
}

TEST(FcnResnet, NamesAreTorchvisions) {
  expect_parameters("fcn_resnet50",
                    {"backbone.conv1.weight", "backbone.layer4.0.downsample.1.running_var",
                     "classifier.0.weight", "classifier.1.bias", "classifier.4.bias",
                     "aux_classifier.0.weight", "aux_classifier.4.weight"});
}

TEST(FcnResnet, Trains) { expect_trainable({"fcn_resnet50", "fcn_resnet101"}); }

TEST(FcnResnet, KeepsTheMapAtAnEighth) {
  const Graph graph =
      models().find("fcn_resnet50").build({.height = 100, .width = 83, .classes = 3});
  const ValueInfos infos = infer_shapes(graph, {{"input", {2, 3, 100, 83}}});
  EXPECT_EQ(infos.at("backbone.layer4.2.relu").shape, Shape({2, 2048, 13, 11}));
  EXPECT_EQ(infos.at("logits").shape, Shape({2, 3, 100, 83}));
  EXPECT_EQ(infos.at("aux").shape, Shape({2, 3, 100, 83}));
}

}  // namespace
}  // namespace striate
