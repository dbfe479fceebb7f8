#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

Attributes along(std::int64_t axis) { return {{"axis", axis}}; }

TEST(Concat, Gradients) {
  check_operator({.op = "Concat",
                  .attributes = along(1),
                  .inputs = {random({2, 3, 2, 2}), random({2, 1, 2, 2}), random({2, 4, 2, 2})}});
  check_operator(
      {.op = "Concat", .attributes = along(-1), .inputs = {random({2, 3}), random({2, 2})}});
  check_operator({.op = "Concat", .attributes = along(0), .inputs = {random({2, 3, 4})}});
}

TEST(Concat, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "Concat",
                        .attributes = along(1),
                        .inputs = {given({2, 1}, {1, 4}), given({2, 2}, {2, 3, 5, 6})}})[0],
            (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST(Concat, FoldsIntegers) {
  const auto outputs = infer(
      {.op = "Concat", .attributes = along(0), .inputs = {known(Ints{5}), known(Ints{-1, 7})}});
  ASSERT_NE(outputs[0].constant, nullptr);
  EXPECT_THAT(outputs[0].constant->values<std::int64_t>(), ::testing::ElementsAre(5, -1, 7));
}

TEST(Concat, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Concat", .inputs = {random({2})}}), "attribute axis is missing");
  EXPECT_EQ(error_of({.op = "Concat",
                      .attributes = along(1),
                      .inputs = {random({2, 3, 4, 4}), random({2, 3, 4, 5})}}),
            "expected input 1 like input 0 (float64 2x3x4x4) but for axis 1, got float64 2x3x4x5");
}

}  // namespace
}  // namespace striate
