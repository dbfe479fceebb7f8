#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Transpose, Gradients) {
  check_operator({.op = "Transpose", .inputs = {random({2, 3, 4, 5})}});
  check_operator({.op = "Transpose",
                  .attributes = {{"perm", Ints{0, 2, 3, 1}}},
                  .inputs = {random({2, 3, 4, 5})}});
  check_operator(
      {.op = "Transpose", .attributes = {{"perm", Ints{1, 2, 0}}}, .inputs = {random({2, 3, 4})}});
}

TEST(Transpose, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "Transpose", .inputs = {given({2, 3}, {1, 2, 3, 4, 5, 6})}})[0],
            (Numbers{1, 4, 2, 5, 3, 6}));
}

TEST(Transpose, SaysWhatDoesNotFit) {
  for (const Ints& perm : {Ints{0, 0}, Ints{0}, Ints{0, 2}}) {
    EXPECT_EQ(
        error_of({.op = "Transpose", .attributes = {{"perm", perm}}, .inputs = {random({2, 3})}}),
        "perm is no permutation of the 2 axes");
  }
}

}  // namespace
}  // namespace striate
