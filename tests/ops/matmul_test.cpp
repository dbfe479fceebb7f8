#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(MatMul, GradientsWithEveryBroadcast) {
  const std::vector<std::pair<Shape, Shape>> shapes = {{{3, 4}, {4, 5}},
                                                       {{2, 3, 4}, {4, 5}},
                                                       {{2, 3, 4}, {2, 4, 5}},
                                                       {{2, 1, 3, 4}, {3, 4, 2}},
                                                       {{4}, {4, 5}},
                                                       {{3, 4}, {4}},
                                                       {{4}, {4}},
                                                       {{4}, {2, 4, 3}},
                                                       {{3, 4}, {2, 4, 5}}};
  for (const auto& [a, b] : shapes) {
    SCOPED_TRACE(a.str() + " and " + b.str());
    check_operator({.op = "MatMul", .inputs = {random(a), random(b)}});
  }
}

TEST(MatMul, KnownValuesAndShapes) {
  EXPECT_EQ(
      outputs_of({.op = "MatMul", .inputs = {given({2, 2}, {1, 2, 3, 4}), given({2}, {10, 1})}})[0],
      (Numbers{12, 34}));
  EXPECT_EQ(shape_of({.op = "MatMul", .inputs = {random({7, 1, 2, 3}), random({5, 3, 4})}}),
            "7x5x2x4");
  EXPECT_EQ(error_of({.op = "MatMul", .inputs = {random({2, 3}), random({2, 3})}}),
            "expected matrices M,K and K,N, got 2x3 and 2x3");
}

}  // namespace
}  // namespace striate
