#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

const std::string kOp = "SoftmaxCrossEntropyLoss";

TEST(SoftmaxCrossEntropyLoss, Gradients) {
  for (const char* reduction : {"mean", "sum", "none"}) {
    SCOPED_TRACE(reduction);
    check_operator({.op = kOp,
                    .attributes = {{"reduction", std::string(reduction)}},
                    .inputs = {random({4, 3}, -2, 2), labels({4}, {0, 2, 1, 2})}});
    check_operator(
        {.op = kOp,
         .attributes = {{"reduction", std::string(reduction)}, {"ignore_index", std::int64_t{-1}}},
         .inputs = {random({2, 3, 2, 2}, -2, 2), labels({2, 2, 2}, {0, 2, -1, 2, 1, 0, 1, -1}),
                    random({3}, 0.5, 2)}});
  }
}

TEST(SoftmaxCrossEntropyLoss, GradientsThroughTheLogarithmToo) {
  for (const std::vector<std::size_t>& through :
       {std::vector<std::size_t>{0, 1}, std::vector<std::size_t>{1}}) {
    check_operator({.op = kOp,
                    .inputs = {random({2, 3, 4}, -2, 2), labels({2, 4}, {0, 2, 1, 2, 1, 0, 1, 1})},
                    .outputs = 2,
                    .differentiable = through});
  }
}

TEST(SoftmaxCrossEntropyLoss, KnownValues) {
  // Rows of equal scores: log softmax is -log 2 everywhere.
  const Input scores = given({3, 2}, {0, 0, 5, 5, -1, -1});
  const Input wanted = labels({3}, {0, 1, 1});
  const Input weights = given({2}, {1, 3});
  const double unit = std::log(2.0);
  const auto run = [&](const char* reduction, std::int64_t ignore, const Input& weight) {
    return outputs_of(
        {.op = kOp,
         .attributes = {{"reduction", std::string(reduction)}, {"ignore_index", ignore}},
         .inputs = {scores, wanted, weight}})[0];
  };
  EXPECT_NEAR(run("mean", -1, nothing())[0], unit, 1e-15);
  EXPECT_NEAR(run("sum", -1, nothing())[0], 3 * unit, 1e-15);
  EXPECT_NEAR(run("sum", -1, weights)[0], 7 * unit, 1e-14);
  // The weighted mean divides by the weights that count: 7, or 1 without class 1.
  EXPECT_NEAR(run("mean", -1, weights)[0], unit, 1e-15);
  EXPECT_NEAR(run("mean", 1, weights)[0], unit, 1e-15);
  EXPECT_EQ(run("none", 1, weights)[1], 0.0);
  EXPECT_NEAR(run("none", 0, weights)[2], 3 * unit, 1e-15);
}

TEST(SoftmaxCrossEntropyLoss, RefusesLabelsOutOfRange) {
  EXPECT_THROW(outputs_of({.op = kOp, .inputs = {random({2, 3}), labels({2}, {0, 3})}}),
               InputError);
}

TEST(SoftmaxCrossEntropyLoss, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = kOp, .inputs = {random({2, 3}), labels({3}, {0, 1, 2})}}),
            "expected labels int64 2, got int64 3");
  EXPECT_EQ(error_of({.op = kOp, .inputs = {random({2, 3}), random({2})}}),
            "expected labels int64 2, got float64 2");
  EXPECT_EQ(error_of({.op = kOp,
                      .attributes = {{"reduction", std::string("average")}},
                      .inputs = {random({2, 3}), labels({2}, {0, 1})}}),
            "reduction: expected mean, sum or none, got average");
}

}  // namespace
}  // namespace striate
