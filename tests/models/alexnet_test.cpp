#include "account.h"

namespace striate {
namespace {

using namespace testing;

// torchvision's documentation of its weights.
TEST(Alexnet, CountsAsPublished) {
  expect_counts({{"alexnet", 61100840, 0.714}});
  EXPECT_EQ(sees("alexnet", "features.12"), 195);
}

// The paper's network with its biases; and what lectures add up: weights alone, 13x13 pixels into
// the first dense layer.
TEST(Alexnet, CountsOfThePaperAndTheLecture) {
  EXPECT_EQ(account("alexnet_paper").parameters, 60965224);
  EXPECT_EQ(account("alexnet_lecture").parameters, 200415264);
  EXPECT_EQ(34848 + 307200 + 884736 + 663552 + 442368 + 177209344 + 16777216 + 4096000, 200415264);
}

TEST(Alexnet, NamesAreTorchvisions) {
  expect_parameters("alexnet", {"features.0.weight", "features.10.bias", "classifier.6.weight"});
}

TEST(Alexnet, Trains) { expect_trainable({"alexnet", "alexnet_paper", "alexnet_lecture"}); }

// A map smaller than 6x6 stays as it is; one that cannot be cut into 6x6 equal parts is refused.
TEST(Alexnet, TakesOtherSizes) {
  const ModelRow& row = models().find("alexnet");
  EXPECT_NO_THROW(row.build({.channels = 3, .height = 63, .width = 63, .classes = 10}));
  EXPECT_THROW(row.build({.channels = 3, .height = 300, .width = 300, .classes = 10}), ModelError);
}

}  // namespace
}  // namespace striate
