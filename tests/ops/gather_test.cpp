#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Gather, Gradients) {
  check_operator({.op = "Gather",
                  .attributes = {{"axis", std::int64_t{1}}},
                  .inputs = {random({2, 5, 3}), labels({2, 2}, {0, 4, -1, 0})}});
  check_operator({.op = "Gather", .inputs = {random({4, 3, 2, 2}), known(Ints{3, 3, 1})}});
}

TEST(Gather, KnownValuesAndAScalarIndex) {
  const Input data = given({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(outputs_of({.op = "Gather", .inputs = {data, labels({2}, {2, 0})}})[0],
            (Numbers{5, 6, 1, 2}));
  EXPECT_EQ(shape_of({.op = "Gather", .inputs = {data, labels({}, {1})}}), "2");
}

TEST(Gather, FoldsIntegers) {
  const auto outputs =
      infer({.op = "Gather", .inputs = {known(Ints{5, 6, 7}), known(Ints{-1, 0})}});
  ASSERT_NE(outputs[0].constant, nullptr);
  EXPECT_THAT(outputs[0].constant->values<std::int64_t>(), ::testing::ElementsAre(7, 5));
}

TEST(Gather, RefusesIndicesThatAreNotThere) {
  EXPECT_EQ(error_of({.op = "Gather", .inputs = {random({3}), known(Ints{3})}}),
            "index 3 is not in [-3, 3)");
  EXPECT_THROW(outputs_of({.op = "Gather", .inputs = {random({3}), labels({1}, {-4})}}),
               InputError);
}

}  // namespace
}  // namespace striate
