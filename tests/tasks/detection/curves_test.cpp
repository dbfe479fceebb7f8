#include "striate/tasks/detection/curves.h"

#include <gtest/gtest.h>

#include "striate/base/error.h"

namespace striate {
namespace {

TEST(Curves, APanelForEachClassWithObjects) {
  const std::vector<std::vector<Object>> truth{
      {{.box = {0, 0, 9, 9}}, {.box = {0, 0, 9, 9}, .label = 2}}};
  const std::vector<std::vector<Detection>> found{{{{0, 0, 9, 9}, 0, 0.5}}};
  const std::vector<std::string> classes{"a", "b", "c"};
  const Score score = score_detections(found, truth, 3);
  const Image two = precision_recall_curves(score, classes, {}).image();
  EXPECT_GT(two.width, 1000);
  EXPECT_LT(two.height, 500);
  const Score none = score_detections(std::vector<std::vector<Detection>>{{}},
                                      std::vector<std::vector<Object>>{{}}, 3);
  EXPECT_THROW(precision_recall_curves(none, classes, {}), InputError);
}

}  // namespace
}  // namespace striate
