#include "striate/boxes/box.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Box, OverlapIsWhatBothCoverOverWhatEitherDoes) {
  EXPECT_DOUBLE_EQ(iou({0, 0, 2, 2}, {1, 1, 3, 3}), 1.0 / 7);
  EXPECT_DOUBLE_EQ(iou({0, 0, 4, 4}, {1, 1, 3, 3}), 0.25);
  EXPECT_DOUBLE_EQ(iou({0, 0, 2, 2}, {2, 0, 4, 2}), 0);
  EXPECT_DOUBLE_EQ(iou({0, 0, 2, 2}, {0, 0, 2, 2}), 1);
}

TEST(Box, EmptyAndInvertedOnesOverlapNothing) {
  EXPECT_EQ(iou({1, 1, 1, 1}, {1, 1, 1, 1}), 0);
  EXPECT_EQ(iou({3, 3, 1, 1}, {0, 0, 4, 4}), 0);
  EXPECT_EQ((Box{3, 3, 1, 1}).area(), 0);
}

}  // namespace
}  // namespace striate
