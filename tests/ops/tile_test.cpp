#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Expand, GradientsAndValues) {
  check_operator({.op = "Expand", .inputs = {random({3, 1, 4}), known(Ints{2, 1, 5, 1})}});
  check_operator({.op = "Expand", .inputs = {random({}), known(Ints{2, 3})}});
  EXPECT_EQ(outputs_of({.op = "Expand", .inputs = {given({2, 1}, {1, 2}), known(Ints{1, 2})}})[0],
            (Numbers{1, 1, 2, 2}));
}

TEST(Tile, GradientsAndValues) {
  check_operator({.op = "Tile", .inputs = {random({2, 3, 1, 2}), known(Ints{1, 2, 3, 2})}});
  check_operator({.op = "Tile", .inputs = {random({5}), known(Ints{3})}});
  EXPECT_EQ(
      outputs_of({.op = "Tile", .inputs = {given({2, 2}, {1, 2, 3, 4}), known(Ints{1, 2})}})[0],
      (Numbers{1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(shape_of({.op = "Tile", .inputs = {random({2, 3}), known(Ints{0, 2})}}), "0x6");
}

TEST(Tile, SaysWhatDoesNotFit) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  EXPECT_EQ(error_of({.op = "Tile", .inputs = {random({2}), known(Ints{1, 2})}}),
            "expected 1 repeats, got 2");
  EXPECT_EQ(error_of({.op = "Tile", .inputs = {random({2}), known(Ints{kHuge})}}),
            "the tiles are too many");
}

}  // namespace
}  // namespace striate
