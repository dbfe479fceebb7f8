#include "striate/train/pixel_metrics.h"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {
namespace {

using Mask = std::vector<std::uint8_t>;
constexpr std::uint8_t kNone = 255;

// Ten pixels, worked by hand:
//
//   truth      0 0 0 0  1 1 1  2 2  void      t = 4, 3, 2
//   predicted  0 0 0 1  1 1 2  2 0  1         n(0,0) = 3, n(1,1) = 2, n(2,2) = 1
//
// IoU 3/5, 2/4, 1/3; accuracy 3/4, 2/3, 1/2.
TEST(PixelMetrics, KnownValues) {
  PixelMetrics metrics(3);
  metrics.add(Mask{0, 0, 0, 1, 1, 1, 2, 2, 0, 1}, Mask{0, 0, 0, 0, 1, 1, 1, 2, 2, kNone});
  EXPECT_EQ(metrics.pixels(), 9);
  EXPECT_EQ(metrics.void_pixels(), 1);
  EXPECT_EQ(metrics.confusion(2, 0), 1);
  EXPECT_DOUBLE_EQ(metrics.iou(0), 3.0 / 5);
  EXPECT_DOUBLE_EQ(metrics.iou(1), 2.0 / 4);
  EXPECT_DOUBLE_EQ(metrics.iou(2), 1.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.pixel_accuracy(), 6.0 / 9);
  EXPECT_DOUBLE_EQ(metrics.mean_accuracy(), (3.0 / 4 + 2.0 / 3 + 1.0 / 2) / 3);
  EXPECT_DOUBLE_EQ(metrics.mean_iou(), (3.0 / 5 + 2.0 / 4 + 1.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(metrics.frequency_weighted_iou(), (4 * 3.0 / 5 + 3 * 2.0 / 4 + 2 * 1.0 / 3) / 9);
}

// Over all pixels: the mean of two pictures' own scores would be 0.75 and 0.5.
TEST(PixelMetrics, CountsPixelsNotPictures) {
  PixelMetrics metrics(2);
  metrics.add(Mask{0, 1}, Mask{0, 0});  // one of two right
  metrics.add(Mask{0, 0, 0, 0, 0, 0, 1, 1}, Mask{0, 0, 0, 0, 0, 0, 1, 1});
  EXPECT_EQ(metrics.masks(), 2);
  EXPECT_DOUBLE_EQ(metrics.pixel_accuracy(), 9.0 / 10);
  EXPECT_DOUBLE_EQ(metrics.mean_iou(), (7.0 / 8 + 2.0 / 3) / 2);
}

TEST(PixelMetrics, ClassesThatAreNotThereHaveNoNumber) {
  PixelMetrics metrics(4);
  metrics.add(Mask{0, 0, 2}, Mask{0, 0, 0});
  EXPECT_TRUE(std::isnan(metrics.iou(1)));
  EXPECT_TRUE(std::isnan(metrics.accuracy(2))) << "no pixel is of it";
  EXPECT_EQ(metrics.iou(2), 0) << "but one was taken for it";
  EXPECT_DOUBLE_EQ(metrics.mean_iou(), (2.0 / 3 + 0) / 2);
  EXPECT_DOUBLE_EQ(metrics.mean_accuracy(), 2.0 / 3);
}

TEST(PixelMetrics, MasksVoidEverywhereAreCounted) {
  PixelMetrics metrics(2);
  metrics.add(Mask{0, 1}, Mask{kNone, kNone});
  EXPECT_EQ(metrics.all_void(), 1);
  EXPECT_EQ(metrics.pixels(), 0);
  EXPECT_EQ(metrics.mean_iou(), 0);
  EXPECT_EQ(metrics.frequency_weighted_iou(), 0);
}

// Against counting one pixel after another, for areas and for noise of every length.
TEST(PixelMetrics, CountsEveryPixel) {
  Random random({.seed = 5, .purpose = purpose_of("masks")}, 0);
  for (std::uint32_t size = 1; size < 70; ++size) {
    Mask truth;
    Mask predicted;
    while (truth.size() < size) {
      const std::uint32_t run = 1 + random.below(random.below(2) == 0 ? 1 : 30);
      const auto t = static_cast<std::uint8_t>(random.below(5) == 0 ? kNone : random.below(7));
      const auto p = static_cast<std::uint8_t>(random.below(7));
      for (std::uint32_t i = 0; i < run && truth.size() < size; ++i) {
        truth.push_back(t);
        predicted.push_back(p);
      }
    }
    PixelMetrics metrics(7);
    metrics.add(predicted, truth);
    for (std::uint8_t t = 0; t < 7; ++t) {
      for (std::uint8_t p = 0; p < 7; ++p) {
        std::int64_t count = 0;
        for (std::size_t i = 0; i < size; ++i) count += truth[i] == t && predicted[i] == p ? 1 : 0;
        EXPECT_EQ(metrics.confusion(t, p), count);
      }
    }
  }
}

TEST(PixelMetrics, SaysWhatIsNoClass) {
  PixelMetrics metrics(3);
  const auto refusal = [&](const Mask& predicted, const Mask& truth) -> std::string {
    try {
      metrics.add(predicted, truth);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({0, 3}, {0, 1}), "label 3 is none of the 3 classes, 0 to 2");
  EXPECT_EQ(refusal({0, 1}, {0, 7}), "label 7 is none of the 3 classes, 0 to 2");
  EXPECT_EQ(metrics.masks(), 0) << "what is refused counts nothing";
}

}  // namespace
}  // namespace striate
