#include "striate/base/suggest.h"

#include <vector>

#include <gtest/gtest.h>

namespace striate {
namespace {

const std::vector<std::string> kModels{"cnn", "lenet5", "resnet20"};

TEST(Suggest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("resnet2", kModels), "resnet20");
  EXPECT_EQ(nearest("resent20", kModels), "resnet20");  // neighbours swapped: one edit
  EXPECT_EQ(nearest("lenet", kModels), "lenet5");
  EXPECT_EQ(nearest("ccn", kModels), "cnn");
}

TEST(Suggest, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("transformer", kModels), "");
  EXPECT_EQ(nearest(std::string(100000, 'x'), kModels), "");
  EXPECT_EQ(suggestion("transformer", kModels), "; known: cnn, lenet5, resnet20");
  EXPECT_EQ(suggestion("lenet", kModels), "; did you mean \"lenet5\"?");
  const std::vector<std::string> many(13, "x");
  EXPECT_EQ(suggestion("lenet", many), "; known: x, x, x, x, x, x, x, x, x, x, x and 2 more");
  EXPECT_EQ(suggestion("lenet", std::span(many).first(12)),
            "; known: x, x, x, x, x, x, x, x, x, x, x, x");
}

}  // namespace
}  // namespace striate
