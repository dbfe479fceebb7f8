#include "striate/boxes/anchors.h"

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {
namespace {

using testing::ElementsAre;

TEST(Anchors, OfThePaper) {
  const auto anchors = paper_anchors();
  ASSERT_EQ(anchors.size(), 9U);
  EXPECT_NEAR(anchors[0].width, 181.0193, 1e-3);
  EXPECT_NEAR(anchors[0].height, 90.5097, 1e-3);
  EXPECT_EQ(anchors[4], (BoxSize{256, 256}));
  EXPECT_NEAR(anchors[8].height / anchors[8].width, 2, 1e-12);
}

TEST(Anchors, AsText) {
  EXPECT_THAT(parse_anchors("32x32,64x128.5"), ElementsAre(BoxSize{32, 32}, BoxSize{64, 128.5}));
  EXPECT_EQ(format_anchors(parse_anchors("32x32,64x128.5")), "32x32,64x128.5");
  for (const char* bad :
       {"", "32x32,", "32", "32x", "0x5", "32x-1", "axb", "32x32,,3x3", "1x1x1", "nanx3"}) {
    EXPECT_THROW(parse_anchors(bad), InputError) << bad;
  }
}

TEST(Anchors, FittedToBoxes) {
  // Three sizes, each a little changed: the means come back.
  Random random({.seed = 1, .purpose = purpose_of("test")}, 0);
  const std::vector<BoxSize> sizes{{30, 40}, {100, 90}, {220, 200}};
  std::vector<BoxSize> boxes;
  for (int i = 0; i < 600; ++i) {
    const BoxSize& size = sizes[static_cast<std::size_t>(i % 3)];
    boxes.push_back(
        {size.width * random.uniform(0.9, 1.1), size.height * random.uniform(0.9, 1.1)});
  }
  boxes.push_back({0, 5});
  const auto fitted = fit_anchors(boxes, 3);
  ASSERT_EQ(fitted.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(fitted[i].width, sizes[i].width, 0.02 * sizes[i].width);
    EXPECT_NEAR(fitted[i].height, sizes[i].height, 0.02 * sizes[i].height);
  }
  EXPECT_EQ(fit_anchors(boxes, 3), fitted);
  boxes.pop_back();
  EXPECT_GT(mean_best_iou(boxes, fitted), 0.88);
  EXPECT_LT(mean_best_iou(boxes, fit_anchors(boxes, 1)), mean_best_iou(boxes, fitted));
  EXPECT_EQ(fit_anchors(std::vector<BoxSize>(5, {3, 4}), 3).size(), 1U);
  EXPECT_TRUE(fit_anchors({}, 3).empty());
}

TEST(Anchors, LieAroundTheCentresOfCells) {
  const auto boxes = lay_anchors(std::vector<BoxSize>{{4, 2}, {8, 8}}, 2, 3, 16);
  ASSERT_EQ(boxes.size(), 12U);
  EXPECT_EQ(boxes[0], (Box{6, 7, 10, 9}));
  EXPECT_EQ(boxes[3], (Box{20, 4, 28, 12}));
  EXPECT_EQ(boxes[6], (Box{6, 23, 10, 25}));
}

}  // namespace
}  // namespace striate
