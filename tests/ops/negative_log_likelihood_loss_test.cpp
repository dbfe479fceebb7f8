#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(NegativeLogLikelihoodLoss, Gradients) {
  for (const char* reduction : {"mean", "sum", "none"}) {
    const Attributes attributes{{"reduction", std::string(reduction)},
                                {"ignore_index", std::int64_t{1}}};
    check_operator({.op = "NegativeLogLikelihoodLoss",
                    .attributes = attributes,
                    .inputs = {random({4, 3}, -3, 0), labels({4}, {0, 1, 2, 2})}});
    check_operator({.op = "NegativeLogLikelihoodLoss",
                    .attributes = attributes,
                    .inputs = {random({2, 3, 1, 2}, -3, 0), labels({2, 1, 2}, {0, 1, 2, 2}),
                               given({3}, {0.5, 2, 3})}});
  }
}

TEST(NegativeLogLikelihoodLoss, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "NegativeLogLikelihoodLoss",
                        .inputs = {given({2, 2}, {-1, -2, -3, -5}), labels({2}, {1, 0}),
                                   given({2}, {1, 3})}})[0],
            (Numbers{(3 * 2 + 1 * 3) / 4.0}));
  EXPECT_EQ(error_of({.op = "NegativeLogLikelihoodLoss",
                      .inputs = {random({2, 3}), labels({3}, {0, 0, 0})}}),
            "expected labels int64 2, got int64 3");
}

}  // namespace
}  // namespace striate
