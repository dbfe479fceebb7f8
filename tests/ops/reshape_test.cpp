#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Reshape, Gradients) {
  check_operator({.op = "Flatten", .inputs = {random({2, 3, 2, 2})}});
  check_operator({.op = "Reshape", .inputs = {random({2, 3, 4}), known(Ints{0, -1, 2})}});
  for (const Shape& shape : {Shape{2, 3, 2, 2}, Shape{4}}) {
    check_operator({.op = "Identity", .inputs = {random(shape)}});
  }
}

TEST(Reshape, ShapesOfFlatten) {
  const auto flatten = [](std::int64_t axis) {
    return shape_of(
        {.op = "Flatten", .attributes = {{"axis", axis}}, .inputs = {random({2, 3, 4, 5})}});
  };
  EXPECT_EQ(flatten(0), "1x120");
  EXPECT_EQ(flatten(1), "2x60");
  EXPECT_EQ(flatten(3), "24x5");
  EXPECT_EQ(flatten(4), "120x1");
  EXPECT_EQ(flatten(-1), "24x5");
  EXPECT_EQ(flatten(-4), "1x120");
  EXPECT_EQ(
      error_of(
          {.op = "Flatten", .attributes = {{"axis", std::int64_t{3}}}, .inputs = {random({2, 3})}}),
      "expected an axis in [-2, 2], got 3");
}

TEST(Reshape, Shapes) {
  const auto reshape = [](const Ints& shape, bool allowzero = false, const Shape& x = {2, 3, 4}) {
    const OperatorCase test{.op = "Reshape",
                            .attributes = {{"allowzero", static_cast<std::int64_t>(allowzero)}},
                            .inputs = {random(x), known(shape)}};
    const std::string error = error_of(test);
    return error == "no error" ? shape_of(test) : error;
  };
  EXPECT_EQ(reshape({4, 3, 2}), "4x3x2");
  EXPECT_EQ(reshape({24}), "24");
  EXPECT_EQ(reshape({0, -1}), "2x12");
  EXPECT_EQ(reshape({-1, 0, 2}), "4x3x2");
  EXPECT_EQ(reshape({}, false, {1, 1}), "scalar");
  EXPECT_EQ(reshape({0, 5}, true, {7, 0}), "0x5");
  EXPECT_EQ(reshape({5, 5}), "cannot reshape 2x3x4 to [5, 5]");
  EXPECT_EQ(reshape({-1, -1}), "cannot reshape 2x3x4 to [-1, -1]");
  EXPECT_EQ(reshape({-1, 5}), "cannot reshape 2x3x4 to [-1, 5]");
  EXPECT_EQ(reshape({-2, 12}), "cannot reshape 2x3x4 to [-2, 12]");
  EXPECT_EQ(reshape({2, 3, 4, 0}), "cannot reshape 2x3x4 to [2, 3, 4, 0]");
  EXPECT_EQ(reshape({0, -1}, true, {0, 4}), "cannot reshape 0x4 to [0, -1]");
}

TEST(Reshape, FoldsIntegers) {
  const auto outputs =
      infer({.op = "Reshape", .inputs = {known(Ints{5, 6, 7, 8}), known(Ints{2, 2})}});
  ASSERT_NE(outputs[0].constant, nullptr);
  EXPECT_EQ(outputs[0].constant->shape().str(), "2x2");
  EXPECT_THAT(outputs[0].constant->values<std::int64_t>(), ::testing::ElementsAre(5, 6, 7, 8));
}

TEST(Reshape, WantsAKnownShape) {
  EXPECT_EQ(error_of({.op = "Reshape", .inputs = {random({4}), labels({2}, {2, 2})}}),
            "expected the shape to be known when the network is compiled");
}

TEST(Squeeze, GradientsAndShapes) {
  check_operator({.op = "Squeeze", .inputs = {random({2, 1, 3, 1}), known(Ints{1, -1})}});
  check_operator({.op = "Squeeze", .inputs = {random({1, 4, 1})}});
  EXPECT_EQ(shape_of({.op = "Squeeze", .inputs = {random({2, 1, 3, 1}), known(Ints{-1})}}),
            "2x1x3");
  EXPECT_EQ(error_of({.op = "Squeeze", .inputs = {random({2, 1}), known(Ints{0})}}),
            "axis 0 of 2x1 is not of size 1");
}

TEST(Unsqueeze, GradientsAndShapes) {
  check_operator({.op = "Unsqueeze", .inputs = {random({2, 3}), known(Ints{0, -1})}});
  EXPECT_EQ(shape_of({.op = "Unsqueeze", .inputs = {random({2, 3}), known(Ints{3, 0, 1})}}),
            "1x1x2x1x3");
  EXPECT_EQ(error_of({.op = "Unsqueeze", .inputs = {random({2}), known(Ints{0, -3})}}),
            "axis 0 is added twice");
}

}  // namespace
}  // namespace striate
