#include "striate/boxes/coding.h"

#include <cmath>

#include <gtest/gtest.h>

#include "striate/base/random.h"

namespace striate {
namespace {

void expect_near(const Box& a, const Box& b, double tolerance) {
  EXPECT_NEAR(a.x1, b.x1, tolerance);
  EXPECT_NEAR(a.y1, b.y1, tolerance);
  EXPECT_NEAR(a.x2, b.x2, tolerance);
  EXPECT_NEAR(a.y2, b.y2, tolerance);
}

TEST(Coding, KnownValues) {
  // Centres 5, 5 and 20, 10; sizes 10, 10 and 20, 5.
  const BoxDelta delta = encode({10, 7.5, 30, 12.5}, {0, 0, 10, 10});
  EXPECT_DOUBLE_EQ(delta.dx, 1.5);
  EXPECT_DOUBLE_EQ(delta.dy, 0.5);
  EXPECT_DOUBLE_EQ(delta.dw, std::log(2.0));
  EXPECT_DOUBLE_EQ(delta.dh, std::log(0.5));
  const BoxDelta weighted = encode({10, 7.5, 30, 12.5}, {0, 0, 10, 10}, {10, 10, 5, 5});
  EXPECT_DOUBLE_EQ(weighted.dx, 15);
  EXPECT_DOUBLE_EQ(weighted.dh, 5 * std::log(0.5));
  EXPECT_EQ(decode({}, {3, 4, 7, 9}), (Box{3, 4, 7, 9}));
}

TEST(Coding, DecodingUndoesIt) {
  Random random({.seed = 3, .purpose = purpose_of("coding")}, 0);
  const auto box = [&] {
    const double x = random.uniform(-100, 100);
    const double y = random.uniform(-100, 100);
    return Box{x, y, x + random.uniform(4, 200), y + random.uniform(4, 200)};
  };
  for (int i = 0; i < 1000; ++i) {
    const Box a = box();
    const Box b = box();
    const BoxWeights weights{random.uniform(1, 20), random.uniform(1, 20), random.uniform(1, 20),
                             random.uniform(1, 20)};
    expect_near(decode(encode(a, b, weights), b, weights), a, 1e-9);
  }
}

TEST(Coding, SizesStayFinite) {
  const Box wide = decode({.dw = 1e9, .dh = 1e300}, {0, 0, 16, 16});
  EXPECT_NEAR(wide.width(), 1000, 1e-9);
  EXPECT_NEAR(wide.height(), 1000, 1e-9);
  EXPECT_NEAR(decode({.dw = -1e9}, {0, 0, 16, 16}).width(), 0, 1e-12);
}

TEST(Coding, CutsAtThePicturesEdges) {
  EXPECT_EQ(clip({-5, -5, 30, 10}, 20, 15), (Box{0, 0, 20, 10}));
  EXPECT_EQ(clip({30, 40, 50, 60}, 20, 15).area(), 0);
}

}  // namespace
}  // namespace striate
