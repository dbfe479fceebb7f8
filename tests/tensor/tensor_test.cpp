#include "striate/tensor/tensor.h"

#include <limits>

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Shape, CountsAndPrints) {
  EXPECT_EQ(Shape({1, 3, 224, 224}).str(), "1x3x224x224");
  EXPECT_EQ(Shape({1, 3, 224, 224}).elements(), 150528);
  EXPECT_EQ(Shape().str(), "scalar");
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({4, 0, 2}).elements(), 0);
  EXPECT_NE(Shape({2, 3}), Shape({2, 3, 1}));
}

TEST(Shape, RefusesWhatCannotBeCounted) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  EXPECT_THROW(Shape({kHuge, kHuge}).elements(), ModelError);
  EXPECT_THROW(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), ModelError);
}

TEST(Strides, ChannelsLastIsIndexedAsNchw) {
  const Strides strides = dense_strides({2, 3, 4, 5}, Layout::channels_last);
  EXPECT_EQ(strides[0], 60);
  EXPECT_EQ(strides[1], 1);
  EXPECT_EQ(strides[2], 15);
  EXPECT_EQ(strides[3], 3);
  EXPECT_EQ(map_strides({2, 3, 4, 5}, 8)[2], 40);
  EXPECT_EQ(dense_strides({2, 3}, Layout::channels_last)[0], 3) << "a matrix has one layout";
}

TEST(Views, KnowWhetherTheyAreDense) {
  Tensor tensor(DType::f32, {2, 1, 4, 5});
  View view = tensor.view();
  EXPECT_TRUE(view.is_dense());
  EXPECT_TRUE(view.is_dense(Layout::channels_last)) << "one channel lies the same in both";
  view.strides[3] = 2;
  EXPECT_FALSE(view.is_dense());
  EXPECT_THROW(view.as<double>(), BugError);
}

TEST(Tensors, ShareAndClone) {
  Tensor a(DType::f32, {2, 3});
  Tensor shared = a;
  const Tensor copy = a.clone();
  shared.data<float>()[5] = 7;
  EXPECT_EQ(a.data<float>()[5], 7);
  EXPECT_EQ(copy.data<float>()[5], 0);
  EXPECT_EQ(a.reshaped({3, 2}).shape(), Shape({3, 2}));
  EXPECT_THROW(a.reshaped({4, 2}), ModelError);
  EXPECT_EQ(a.cast(DType::f64).data<double>()[5], 7.0);
}

}  // namespace
}  // namespace striate
