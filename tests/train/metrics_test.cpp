#include "striate/train/metrics.h"

#include <cmath>

#include <gtest/gtest.h>

namespace striate {
namespace {

using Labels = std::vector<std::int64_t>;

TEST(Metrics, CountsRightOnes) {
  ClassMetrics metrics(3);
  metrics.add(Tensor::of<float>({4, 3}, std::vector<float>{3, 1, 2,    // right
                                                           0, 1, 2,    // 2 for 1
                                                           5, 6, 7,    // right
                                                           9, 0, 1}),  // 0 for 1
              Labels{0, 1, 2, 1});
  EXPECT_EQ(metrics.count(), 4);
  EXPECT_EQ(metrics.top1(), 0.5);
  EXPECT_EQ(metrics.top5(), 1.0);
  EXPECT_EQ(metrics.confusion(1, 2), 1);
  EXPECT_EQ(metrics.confusion(1, 0), 1);
  EXPECT_EQ(metrics.confusion(1, 1), 0);
  EXPECT_EQ(metrics.precision(0), 0.5);
  EXPECT_EQ(metrics.recall(0), 1.0);
  EXPECT_EQ(metrics.precision(1), 0.0);
  EXPECT_EQ(metrics.recall(1), 0.0);
}

TEST(Metrics, TopFiveIsTheFiveLargest) {
  const Tensor logits = Tensor::of<double>({1, 7}, std::vector<double>{0, 1, 2, 3, 4, 5, 6});
  for (std::int64_t label = 0; label < 7; ++label) {
    ClassMetrics metrics(7);
    metrics.add(logits, Labels{label});
    EXPECT_EQ(metrics.top5(), label >= 2 ? 1.0 : 0.0) << label;
    EXPECT_EQ(metrics.top1(), label == 6 ? 1.0 : 0.0) << label;
  }
}

TEST(Metrics, TheLowestOfEqualsIsTaken) {
  const Tensor logits(DType::f32, {1, 6});
  for (std::int64_t label = 0; label < 6; ++label) {
    ClassMetrics metrics(6);
    metrics.add(logits, Labels{label});
    EXPECT_EQ(metrics.top1(), label == 0 ? 1.0 : 0.0) << label;
    EXPECT_EQ(metrics.top5(), label < 5 ? 1.0 : 0.0) << label;
    EXPECT_EQ(metrics.confusion(label, 0), 1);
  }
}

TEST(Metrics, NotANumberIsNeverRight) {
  for (const int at : {0, 1}) {
    Tensor logits(DType::f32, {1, 2});
    logits.data<float>()[at] = NAN;
    ClassMetrics metrics(2);
    metrics.add(logits, Labels{0});
    metrics.add(Tensor::of<float>({1, 2}, std::vector<float>{1, 0}), Labels{0});
    EXPECT_EQ(metrics.top1(), 0.5);
    EXPECT_EQ(metrics.top5(), 0.5);
    EXPECT_EQ(metrics.undefined(), 1);
    EXPECT_EQ(metrics.confusion(0, 0) + metrics.confusion(0, 1), 1);
    EXPECT_EQ(metrics.recall(0), 0.5);
    EXPECT_TRUE(std::isnan(metrics.loss()));
  }
}

TEST(Metrics, LossIsTheMeanCrossEntropy) {
  ClassMetrics metrics(2);
  EXPECT_EQ(metrics.loss(), 0);
  EXPECT_EQ(metrics.top1(), 0);
  metrics.add(Tensor::of<double>({1, 2}, std::vector<double>{0, 0}), Labels{1});
  EXPECT_NEAR(metrics.loss(), std::log(2.0), 1e-15);
  metrics.add(Tensor::of<double>({1, 2}, std::vector<double>{1000, 990}), Labels{1});
  EXPECT_NEAR(metrics.loss(), (std::log(2.0) + 10 + std::log1p(std::exp(-10.0))) / 2, 1e-12);
}

TEST(Metrics, RefusesLabelsAndShapesThatDoNotFit) {
  ClassMetrics metrics(2);
  const Tensor logits(DType::f32, {1, 2});
  EXPECT_THROW(metrics.add(logits, Labels{2}), InputError);
  EXPECT_THROW(metrics.add(logits, Labels{-1}), InputError);
  EXPECT_THROW(metrics.add(logits, Labels{0, 0}), ModelError);
  EXPECT_THROW(metrics.add(Tensor(DType::f32, {1, 3}), Labels{0}), ModelError);
  EXPECT_EQ(metrics.count(), 0);
}

}  // namespace
}  // namespace striate
