#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using Ints = std::vector<std::int64_t>;

TEST(Constant, TakesEveryFormOfValue) {
  const auto value = [](const char* name, const Attribute& attribute) {
    return *infer({.op = "Constant", .attributes = {{name, attribute}}})[0].constant;
  };
  EXPECT_THAT(value("value_ints", Ints{3, 4}).values<std::int64_t>(), ElementsAre(3, 4));
  EXPECT_EQ(value("value_int", std::int64_t{3}).shape(), Shape{});
  EXPECT_THAT(value("value_floats", std::vector<double>{0.5}).values<float>(), ElementsAre(0.5F));
  EXPECT_THAT(value("value", Tensor::of<float>({1}, {{2.5F}})).values<float>(), ElementsAre(2.5F));
  EXPECT_THROW(value("value", std::string("x")), ModelError);
}

TEST(Shape, IsKnownWhenCompiled) {
  const auto sizes = [](std::int64_t start, std::int64_t end) {
    const auto out = infer({.op = "Shape",
                            .attributes = {{"start", start}, {"end", end}},
                            .inputs = {random({2, 3, 4})}});
    const auto values = out[0].constant->values<std::int64_t>();
    return Ints(values.begin(), values.end());
  };
  EXPECT_THAT(sizes(0, 3), ElementsAre(2, 3, 4));
  EXPECT_THAT(sizes(-2, 100), ElementsAre(3, 4));
  EXPECT_THAT(sizes(1, -1), ElementsAre(3));
  EXPECT_TRUE(sizes(2, 1).empty());
}

TEST(ConstantOfShape, FillsAndFolds) {
  EXPECT_EQ(outputs_of({.op = "ConstantOfShape",
                        .attributes = {{"value", Tensor::of<double>({1}, {{7.0}})}},
                        .inputs = {known(Ints{2, 2})}})[0],
            (Numbers{7, 7, 7, 7}));
  const auto folded = infer({.op = "ConstantOfShape",
                             .attributes = {{"value", Tensor::of<std::int64_t>({1}, {{9}})}},
                             .inputs = {known(Ints{2})}});
  EXPECT_THAT(folded[0].constant->values<std::int64_t>(), ElementsAre(9, 9));
  EXPECT_EQ(error_of({.op = "ConstantOfShape", .inputs = {known(Ints{-1})}}),
            "expected sizes of at least 0");
}

TEST(Cast, ConvertsAndFolds) {
  EXPECT_EQ(outputs_of({.op = "Cast",
                        .attributes = {{"to", std::int64_t{7}}},
                        .inputs = {given({2}, {1.75, -2.5})}})[0],
            (Numbers{1, -2}));
  const auto folded =
      infer({.op = "Cast", .attributes = {{"to", std::int64_t{1}}}, .inputs = {known(Ints{3})}});
  EXPECT_THAT(folded[0].constant->values<float>(), ElementsAre(3.0F));
  EXPECT_THROW(
      infer({.op = "Cast", .attributes = {{"to", std::int64_t{8}}}, .inputs = {random({1})}}),
      ModelError);
}

}  // namespace
}  // namespace striate
