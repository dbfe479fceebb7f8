#include <gtest/gtest.h>

#include "graph/plan_impl.h"
#include "striate/base/random.h"

namespace striate {
namespace {

TEST(Place, NothingThatLivesTogetherOverlaps) {
  Random random({.seed = 3, .purpose = purpose_of("place")}, 0);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<PlanBuffer> buffers(1 + random.below(60));
    for (PlanBuffer& buffer : buffers) {
      buffer.bytes = random.below(5000);
      buffer.first = static_cast<int>(random.below(40));
      buffer.last = buffer.first + static_cast<int>(random.below(10));
      if (random.below(10) == 0) buffer.source = Source::parameter;
    }
    const std::size_t total = place(buffers);
    std::size_t most = 0;  // alive at one time: no placement can be smaller
    for (int time = 0; time < 60; ++time) {
      std::size_t alive = 0;
      for (const PlanBuffer& b : buffers) {
        if (b.source == Source::workspace && b.first <= time && time <= b.last) alive += b.bytes;
      }
      most = std::max(most, alive);
    }
    EXPECT_GE(total, most);
    for (const PlanBuffer& a : buffers) {
      if (a.source != Source::workspace || a.bytes == 0) continue;
      EXPECT_EQ(a.offset % 64, 0U);
      EXPECT_LE(a.offset + a.bytes, total);
      for (const PlanBuffer& b : buffers) {
        if (&a == &b || b.source != Source::workspace || b.bytes == 0) continue;
        const bool together = a.first <= b.last && b.first <= a.last;
        const bool apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        EXPECT_TRUE(!together || apart);
      }
    }
  }
}

TEST(Place, ReusesTheMemoryOfTheDead) {
  std::vector<PlanBuffer> buffers(10);
  for (int i = 0; i < 10; ++i) {
    buffers[static_cast<std::size_t>(i)].bytes = 1024;
    buffers[static_cast<std::size_t>(i)].first = i;
    buffers[static_cast<std::size_t>(i)].last = i + 1;
  }
  EXPECT_EQ(place(buffers), 2048U) << "a chain needs two buffers";
}

}  // namespace
}  // namespace striate
