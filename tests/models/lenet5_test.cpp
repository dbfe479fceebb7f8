#include <gtest/gtest.h>

#include "striate/graph/summary.h"
#include "striate/models/registry.h"

namespace striate {
namespace {

// 156 + 2416 (all maps of C3 connected) + 48,120 + 10,164 + 850.
TEST(Lenet5, Counts) {
  const ModelRow& row = models().find("lenet5");
  const Summary summary = summarize(row.build(row.natural));
  EXPECT_EQ(summary.parameters, 61706);
  // The paper: "each unit in C5 is connected to 5x5 neighbourhoods on all of S4's maps", which
  // makes C5 see the whole 32x32 input; S4 sees 16.
  EXPECT_EQ(summary.rows[5].name, "s4");
  EXPECT_EQ(summary.rows[5].sees.h.size, 16);
}

}  // namespace
}  // namespace striate
