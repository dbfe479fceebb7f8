#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Split, Gradients) {
  check_operator({.op = "Split",
                  .attributes = {{"axis", std::int64_t{1}}},
                  .inputs = {random({2, 6, 3, 2}), known(Ints{1, 3, 2})},
                  .outputs = 3,
                  .differentiable = {0, 1, 2}});
  // A part that nothing reaches leaves zeros.
  check_operator({.op = "Split",
                  .attributes = {{"axis", std::int64_t{-1}}, {"num_outputs", std::int64_t{2}}},
                  .inputs = {random({3, 4})},
                  .outputs = 2,
                  .differentiable = {1}});
}

TEST(Split, KnownValues) {
  const auto parts = outputs_of({.op = "Split",
                                 .attributes = {{"num_outputs", std::int64_t{2}}},
                                 .inputs = {given({5}, {1, 2, 3, 4, 5})},
                                 .outputs = 2});
  EXPECT_EQ(parts[0], (Numbers{1, 2, 3}));
  EXPECT_EQ(parts[1], (Numbers{4, 5}));
}

TEST(Split, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Split", .inputs = {random({5}), known(Ints{2, 2})}}),
            "the sizes do not sum to the 5 elements of axis 0");
  EXPECT_EQ(error_of({.op = "Split", .inputs = {random({5})}}),
            "expected sizes, or num_outputs in [1, 5], got 0");
}

}  // namespace
}  // namespace striate
