#include "tasks/detection/region_cache.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "data/support.h"
#include "striate/boxes/selective_search.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

Image striped() {
  Image picture(64, 48, 3);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 64; ++x) picture.row(y)[3 * x] = x / 16 % 2 == 0 ? 200 : 20;
  }
  return picture;
}

TEST(RegionCache, SearchesOnce) {
  const auto expected = selective_search(striped(), {.most = 50});
  ASSERT_GT(expected.size(), 3U);
  const RegionCache cache(2, 50);
  EXPECT_EQ(cache.regions(1, striped()), expected);
  EXPECT_EQ(cache.regions(1, Image()), expected);
  EXPECT_TRUE(cache.regions(0, Image()).empty());
}

// OpenCV's 'fast' finds 81 % of the objects of the first eight test pictures, with 1,447 boxes each.
TEST(RegionCache, MissesFewBloodCells) {
  const auto root = testing_data::shared_data("bccd") / "BCCD";
  STRIATE_SKIP_WITHOUT(root);
  const auto data = open_dataset("voc:" + root.string(), Split::test);
  const RegionCache cache(data->size(), 2000);
  double objects = 0;
  double covered = 0;
  for (std::int64_t i = 0; i < 8; ++i) {
    const Example example = data->get(i);
    const auto& regions = cache.regions(i, example.picture);
    EXPECT_EQ(regions.size(), 2000U);
    for (const Object& object : example.objects) {
      objects += 1;
      covered += std::any_of(regions.begin(), regions.end(),
                             [&](const Box& region) { return iou(region, object.box) >= 0.5; })
                     ? 1
                     : 0;
    }
  }
  EXPECT_GT(covered / objects, 0.94);
}

}  // namespace
}  // namespace striate
