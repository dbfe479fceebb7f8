#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Arithmetic, GradientsWithEveryBroadcast) {
  const std::vector<std::pair<Shape, Shape>> shapes = {{{2, 3, 2, 4}, {2, 3, 2, 4}},
                                                       {{2, 3, 2, 4}, {3, 1, 1}},
                                                       {{1, 3, 1, 1}, {2, 3, 2, 4}},
                                                       {{2, 1, 4}, {3, 1}},
                                                       {{4}, {}},
                                                       {{2, 3, 2, 1}, {1, 3, 1, 4}}};
  for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
    for (const auto& [a, b] : shapes) {
      SCOPED_TRACE(a.str() + " and " + b.str());
      check_operator({.op = op, .inputs = {random(a), random(b, 0.5, 2)}});
    }
  }
}

TEST(Arithmetic, KnownValues) {
  const auto run = [](const char* op) {
    return outputs_of({.op = op, .inputs = {given({2, 1}, {6, 9}), given({2}, {2, 3})}})[0];
  };
  EXPECT_EQ(run("Add"), (Numbers{8, 9, 11, 12}));
  EXPECT_EQ(run("Sub"), (Numbers{4, 3, 7, 6}));
  EXPECT_EQ(run("Mul"), (Numbers{12, 18, 18, 27}));
  EXPECT_EQ(run("Div"), (Numbers{3, 2, 4.5, 3}));
}

// A graph's shape arithmetic is done when it is compiled.
TEST(Arithmetic, FoldsIntegers) {
  const auto fold = [](const char* op, const std::vector<std::int64_t>& b) {
    const auto outputs =
        infer({.op = op, .inputs = {known(std::vector<std::int64_t>{7, -7}), known(b)}});
    const auto values = outputs[0].constant->values<std::int64_t>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  };
  EXPECT_THAT(fold("Add", {1}), ::testing::ElementsAre(8, -6));
  EXPECT_THAT(fold("Sub", {1, 2}), ::testing::ElementsAre(6, -9));
  EXPECT_THAT(fold("Mul", {3}), ::testing::ElementsAre(21, -21));
  EXPECT_THAT(fold("Div", {2}), ::testing::ElementsAre(3, -3));
  EXPECT_THAT(fold("Div", {-1}), ::testing::ElementsAre(-7, 7));
  EXPECT_THROW(fold("Div", {0}), ModelError);
}

TEST(Arithmetic, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Add", .inputs = {random({2, 3}), random({2, 4})}}),
            "expected shapes that broadcast, got 2x3 and 2x4");
  EXPECT_EQ(error_of({.op = "Add", .inputs = {random({2}), labels({2}, {1, 2})}}),
            "expected operands of one type, got float64 and int64");
  EXPECT_EQ(error_of({.op = "Add", .inputs = {labels({1}, {1}), labels({1}, {1})}}),
            "expected floating-point operands, or int64 ones that are known when the network is "
            "compiled, got int64");
}

}  // namespace
}  // namespace striate
