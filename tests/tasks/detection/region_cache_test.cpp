#include "tasks/detection/region_cache.h"

#include <gtest/gtest.h>

#include "striate/boxes/selective_search.h"

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

}  // namespace
}  // namespace striate
