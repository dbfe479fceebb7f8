#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

// y = leaky(norm(conv(x)) + residual), one channel of ones under a 1 by 1 kernel of 2.
TEST(FusedConv, KnownValues) {
  const Attributes attributes{{"epsilon", 0.0}, {"slope", 0.5}};
  const std::vector<Input> inputs{given({1, 1, 1, 3}, {1, 2, 3}),
                                  given({1, 1, 1, 1}, {2}),
                                  given({1}, {1}),                   // a bias
                                  given({1, 1, 1, 3}, {1, -20, 3}),  // a residual
                                  nothing(),
                                  nothing(),
                                  nothing(),
                                  nothing(),
                                  given({1}, {3}),   // scale
                                  given({1}, {1}),   // B
                                  given({1}, {2}),   // mean
                                  given({1}, {4})};  // variance
  // (2 x + 1 - 2) / 2 * 3 + 1 = 2.5, 5.5, 8.5
  EXPECT_EQ(outputs_of({.op = "FusedConv", .attributes = attributes, .inputs = inputs})[0],
            (Numbers{3.5, -7.25, 11.5}));
}

// x becomes relu((x - 1) / 2 * 4), but padding stays zero.
TEST(FusedConv, NormsTheInputButNotThePadding) {
  const Attributes attributes{{"in_epsilon", 0.0}, {"in_slope", 0.0}, {"pads", Ints{0, 1, 0, 1}}};
  EXPECT_EQ(outputs_of({.op = "FusedConv",
                        .attributes = attributes,
                        .inputs = {given({1, 1, 1, 2}, {0, 3}), given({1, 1, 1, 3}, {1, 10, 100}),
                                   nothing(), nothing(), given({1}, {4}), given({1}, {0}),
                                   given({1}, {1}), given({1}, {4})}})[0],
            (Numbers{400, 40}));
}

// Without padding, so that the cpu device takes the norm before it too.
TEST(FusedConv, AgreesBetweenTheDevices) {
  const auto vector = [](std::int64_t n) { return random({n}, 0.5, 1.5); };
  check_operator({.op = "FusedConv",
                  .attributes = {{"slope", 0.1}, {"in_slope", 0.0}},
                  .inputs = {random({2, 5, 7, 6}), random({8, 5, 1, 1}), random({8}),
                             random({2, 8, 7, 6}), vector(5), vector(5), vector(5), vector(5),
                             vector(8), vector(8), vector(8), vector(8)},
                  .differentiable = {}});
  check_operator({.op = "FusedConv",
                  .attributes = {{"pads", Ints{1, 1}}, {"slope", 0.0}},
                  .inputs = {random({2, 5, 7}), random({8, 5, 3}), nothing(), random({2, 8, 7})},
                  .differentiable = {}});
}

TEST(FusedConv, SaysWhichOperandDoesNotFit) {
  EXPECT_THAT(error_of({.op = "FusedConv",
                        .inputs = {random({2, 5, 7, 6}), random({8, 5, 1, 1}), nothing(),
                                   random({2, 8, 7, 5})}}),
              ::testing::HasSubstr("residual"));
}

}  // namespace
}  // namespace striate
