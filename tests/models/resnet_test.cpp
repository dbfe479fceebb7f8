#include "account.h"

namespace striate {
namespace {

using namespace testing;

// torchvision's documentation of its weights, and the paper's form worked from first principles.
TEST(Resnet, CountsAsPublished) {
  expect_counts({{"resnet18", 11689512, 1.814},
                 {"resnet34", 21797672, 3.664},
                 {"resnet50", 25557032, 4.089},
                 {"resnet101", 44549160, 7.801},
                 {"resnet152", 60192808, 11.514},
                 {"resnet50_paper", 25557032, 3.858},
                 {"resnet101_paper", 44549160, 7.570},
                 {"resnet152_paper", 60192808, 11.282}});
}

TEST(Resnet, ReceptiveFieldsAsPublished) {
  EXPECT_EQ(sees("resnet18", "layer4.1.relu"), 435);
  EXPECT_EQ(sees("resnet34", "layer4.2.relu"), 899);
  EXPECT_EQ(sees("resnet50", "layer4.2.relu"), 427);
  EXPECT_EQ(sees("resnet50_paper", "layer4.2.relu"), 483);
  EXPECT_EQ(sees("resnet101", "layer4.2.relu"), 971);
  EXPECT_EQ(sees("resnet101_paper", "layer4.2.relu"), 1027);
  EXPECT_EQ(sees("resnet152", "layer4.2.relu"), 1451);
  EXPECT_EQ(sees("resnet152_paper", "layer4.2.relu"), 1507);
}

TEST(Resnet, NamesAreTorchvisions) {
  expect_parameters("resnet50", {"conv1.weight", "bn1.weight", "layer1.0.downsample.1.running_var",
                                 "layer2.0.downsample.0.weight", "layer4.2.bn3.bias", "fc.weight"});
}

TEST(Resnet, Trains) { expect_trainable({"resnet18", "resnet50", "resnet152_paper"}); }

}  // namespace
}  // namespace striate
