#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(TopK, Gradients) {
  for (const std::size_t outputs : {std::size_t{1}, std::size_t{2}}) {
    check_operator({.op = "TopK",
                    .attributes = {{"axis", std::int64_t{1}}},
                    .inputs = {distinct({2, 7, 3, 2}), known(Ints{3})},
                    .outputs = outputs});
  }
}

TEST(TopK, KnownValues) {
  const auto got = outputs_of({.op = "TopK",
                               .attributes = {{"largest", std::int64_t{0}}},
                               .inputs = {given({1, 4}, {4, 1, 1, 3}), known(Ints{3})},
                               .outputs = 2});
  EXPECT_EQ(got[0], (Numbers{1, 1, 3}));
  EXPECT_EQ(got[1], (Numbers{1, 2, 3}));
  EXPECT_EQ(error_of({.op = "TopK", .inputs = {random({3}), known(Ints{4})}}),
            "expected one K in [0, 3]");
}

TEST(ArgMax, TakesTheFirstOrTheLast) {
  const auto run = [](std::int64_t last, std::int64_t keep) {
    return outputs_of(
        {.op = "ArgMax",
         .attributes = {{"axis", std::int64_t{1}}, {"keepdims", keep}, {"select_last_index", last}},
         .inputs = {given({2, 3, 1}, {2, 5, 5, 7, 1, 7})}})[0];
  };
  EXPECT_EQ(run(0, 1), (Numbers{1, 0}));
  EXPECT_EQ(run(1, 0), (Numbers{2, 2}));
  check_operator({.op = "ArgMax", .inputs = {distinct({4, 3, 2, 2})}, .differentiable = {}});
}

}  // namespace
}  // namespace striate
