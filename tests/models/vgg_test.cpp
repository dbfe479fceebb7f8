#include "account.h"

namespace striate {
namespace {

using namespace testing;

// torchvision's documentation of its weights.
TEST(Vgg, CountsAsPublished) {
  expect_counts({{"vgg11", 132863336, 7.609},
                 {"vgg13", 133047848, 11.308},
                 {"vgg16", 138357544, 15.470},
                 {"vgg19", 143667240, 19.632},
                 {"vgg11_bn", 132868840, 7.609},
                 {"vgg13_bn", 133053736, 11.308},
                 {"vgg16_bn", 138365992, 15.470},
                 {"vgg19_bn", 143678248, 19.632}});
  EXPECT_EQ(sees("vgg16", "features.30"), 212);
}

TEST(Vgg, NamesAreTorchvisions) {
  expect_parameters("vgg16", {"features.0.weight", "features.28.bias", "classifier.3.bias"});
  expect_parameters("vgg11_bn",
                    {"features.1.running_mean", "features.25.weight", "features.26.running_var"});
}

TEST(Vgg, Trains) { expect_trainable({"vgg11", "vgg19_bn"}); }

}  // namespace
}  // namespace striate
