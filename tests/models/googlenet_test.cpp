#include "account.h"

namespace striate {
namespace {

using namespace testing;

// torchvision's documentation of its weights, without the auxiliary classifiers.
TEST(Googlenet, CountsAsPublished) {
  expect_counts({{"googlenet", 6624904, 1.498}});
  EXPECT_EQ(account("googlenet_paper").parameters, 6998552);
}

TEST(Googlenet, AuxiliaryClassifiersAreTrainingsOnly) {
  EXPECT_EQ(trained(built("googlenet")), 13004888);
  EXPECT_EQ(trained(inference_form(built("googlenet"))), 6624904);
}

// Output sizes in table 1 of the paper.
TEST(Googlenet, ShapesOfTable1) {
  const ValueInfos infos = infer_shapes(built("googlenet_paper"));
  EXPECT_EQ(infos.at("inception3a.concat").shape, Shape({1, 256, 28, 28}));
  EXPECT_EQ(infos.at("inception4a.concat").shape, Shape({1, 512, 14, 14}));
  EXPECT_EQ(infos.at("inception4e.concat").shape, Shape({1, 832, 14, 14}));
  EXPECT_EQ(infos.at("inception5b.concat").shape, Shape({1, 1024, 7, 7}));
}

TEST(Googlenet, NamesAreTorchvisions) {
  expect_parameters("googlenet",
                    {"conv1.conv.weight", "conv3.bn.running_var", "inception3a.branch1.conv.weight",
                     "inception4d.branch3.1.bn.weight", "inception5b.branch4.1.conv.weight",
                     "aux1.conv.conv.weight", "aux2.fc2.bias", "fc.weight"});
}

TEST(Googlenet, Trains) { expect_trainable({"googlenet", "googlenet_paper"}); }

}  // namespace
}  // namespace striate
