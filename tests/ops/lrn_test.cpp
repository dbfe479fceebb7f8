#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Lrn, Gradients) {
  for (const std::int64_t size : {1, 3, 4, 9}) {
    check_operator({.op = "LRN",
                    .attributes = {{"size", size}, {"alpha", 0.7}, {"beta", 0.6}, {"bias", 1.5}},
                    .inputs = {random({2, 5, 3, 2})}});
  }
}

TEST(Lrn, KnownValues) {
  // s = 1 + (sum of squares over two channels: itself and the next) for alpha = size = 2.
  EXPECT_EQ(outputs_of({.op = "LRN",
                        .attributes = {{"size", std::int64_t{2}}, {"alpha", 2.0}, {"beta", 1.0}},
                        .inputs = {given({1, 2, 1}, {1, 2})}})[0],
            (Numbers{1 / 6.0, 2 / 5.0}));
  EXPECT_EQ(error_of({.op = "LRN", .inputs = {random({1, 2, 1})}}),
            "size: expected at least 1, got 0");
}

}  // namespace
}  // namespace striate
