#include "account.h"

namespace striate {
namespace {

using namespace testing;

// torchvision's documentation of its weights.
TEST(Densenet, CountsAsPublished) {
  expect_counts({{"densenet121", 7978856, 2.834},
                 {"densenet161", 28681000, 7.728},
                 {"densenet169", 14149480, 3.360},
                 {"densenet201", 20013928, 4.291}});
}

// Table 2 of the paper rounds: 1.0M and 0.8M.
TEST(Densenet, CountsOfTheCifarForms) {
  EXPECT_NEAR(static_cast<double>(account("densenet40_12").parameters), 1.0e6, 0.05e6);
  EXPECT_NEAR(static_cast<double>(account("densenet_bc100_12").parameters), 0.8e6, 0.05e6);
}

TEST(Densenet, NamesAreTorchvisions) {
  expect_parameters(
      "densenet121",
      {"features.conv0.weight", "features.norm0.weight",
       "features.denseblock3.denselayer24.conv2.weight", "features.transition2.norm.running_mean",
       "features.transition3.conv.weight", "features.norm5.bias", "classifier.weight"});
}

// Joined one at a time, a block's maps lie in one buffer: no map is copied.
TEST(Densenet, JoinsWithoutCopies) {
  Graph graph = inference_form(built("densenet121"));
  const auto plan = Plan::compile(graph, make_reference_device(), {}, {});
  // The first block's whole is the largest: 256 channels of 56x56, beside what one layer needs.
  EXPECT_LT(plan->workspace_bytes(), std::size_t{4} * 56 * 56 * (256 + 3 * 128));
}

TEST(Densenet, Trains) { expect_trainable({"densenet121", "densenet40_12", "densenet_bc100_12"}); }

}  // namespace
}  // namespace striate
