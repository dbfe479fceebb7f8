#include "tasks/detection/linear_svm.h"

#include <cmath>

#include <gtest/gtest.h>

#include "striate/base/random.h"

namespace striate {
namespace {

struct Rows {
  std::vector<float> values;
  std::vector<char> positive;
};

Rows rows_of(int count, int columns) {
  Random random({.seed = 5, .purpose = purpose_of("svm")}, 0);
  Rows rows;
  for (int r = 0; r < count; ++r) {
    const bool positive = r % 3 == 0;
    rows.positive.push_back(positive ? 1 : 0);
    for (int c = 0; c < columns; ++c) {
      rows.values.push_back(static_cast<float>(random.normal() + (positive && c < 2 ? 1.5 : 0)));
    }
  }
  return rows;
}

// At the minimum of |w|^2 / 2 + sum of C max(0, 1 - y (w x))^2 the gradient is 0.
TEST(LinearSvm, IsAtTheMinimumOfItsObjective) {
  const int columns = 5;
  const Rows rows = rows_of(200, columns);
  const SvmOptions options{.cost = 0.1, .positive_weight = 3, .bias = 2, .tolerance = 1e-8};
  const LinearSvm svm = fit_svm(rows.values, columns, rows.positive, options);
  std::vector<double> gradient = svm.weights;
  gradient.push_back(svm.bias / options.bias);
  for (std::size_t r = 0; r < rows.positive.size(); ++r) {
    const std::span<const float> row(rows.values.data() + r * columns, columns);
    const double sign = rows.positive[r] != 0 ? 1 : -1;
    const double slack = std::max(0.0, 1 - sign * svm.score(row));
    const double factor = -2 * options.cost * (sign > 0 ? 3 : 1) * slack * sign;
    for (std::size_t c = 0; c < row.size(); ++c) gradient[c] += factor * double{row[c]};
    gradient.back() += factor * options.bias;
  }
  for (const double one : gradient) EXPECT_NEAR(one, 0, 1e-4);
  EXPECT_EQ(fit_svm(rows.values, columns, rows.positive, options).weights, svm.weights);
}

TEST(LinearSvm, ItsSignDoesNotDependOnWhichComesFirst) {
  const std::vector<float> values{1, 2, -1, -2};
  const std::vector<char> first{1, 1, 0, 0};
  const std::vector<char> last{0, 0, 1, 1};
  const SvmOptions options{.cost = 1, .positive_weight = 1, .tolerance = 1e-8};
  EXPECT_GT(fit_svm(values, 1, first, options).weights[0], 0.5);
  EXPECT_LT(fit_svm(values, 1, last, options).weights[0], -0.5);
}

TEST(Ridge, FindsALinePastThePenalty) {
  Random random({.seed = 6, .purpose = purpose_of("ridge")}, 0);
  Ridge ridge(2, 2);
  for (int i = 0; i < 700; ++i) {
    const std::vector<float> row{static_cast<float>(random.normal()),
                                 static_cast<float>(random.normal())};
    const double a = double{row[0]};
    const double b = double{row[1]};
    ridge.add(row, std::vector<double>{2 * a - b + 3, 0.5 * b - 1});
  }
  const auto exact = ridge.solve(0);
  EXPECT_NEAR(exact[0][0], 2, 1e-9);
  EXPECT_NEAR(exact[0][1], -1, 1e-9);
  EXPECT_NEAR(exact[0][2], 3, 1e-9);
  EXPECT_NEAR(exact[1][2], -1, 1e-9);
  // All of the penalty's weight: only the bias, the targets' mean, is left.
  EXPECT_NEAR(ridge.solve(1e12)[1][1], 0, 1e-6);
  EXPECT_EQ(Ridge(2, 1).solve(1)[0], std::vector<double>(3));
}

}  // namespace
}  // namespace striate
