#include "striate/tasks/sequence/autoregression.h"

#include <cmath>
#include <filesystem>
#include <numbers>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/tasks/sequence/series.h"
#include "testing/paths.h"

namespace striate {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Numbers = std::vector<double>;

// x_t = 0.5 + 1.2 x_{t-1} - 0.5 x_{t-2} + e with e of deviation 2.
Numbers made(int n) {
  Random random({.seed = 7, .purpose = purpose_of("autoregression test")}, 0);
  Numbers x{0, 0};
  for (int t = 0; t < n + 200; ++t) {
    x.push_back(0.5 + 1.2 * x[x.size() - 1] - 0.5 * x[x.size() - 2] + 2 * random.normal());
  }
  return {x.end() - n, x.end()};
}

// Gauss's elimination with pivots, on its own so that the library's algebra is not its own judge.
Numbers solve(std::vector<Numbers> a, Numbers b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i; r < n; ++r) {
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    }
    std::swap(a[i], a[pivot]);
    std::swap(b[i], b[pivot]);
    for (std::size_t r = i + 1; r < n; ++r) {
      const double factor = a[r][i] / a[i][i];
      for (std::size_t c = i; c < n; ++c) a[r][c] -= factor * a[i][c];
      b[r] -= factor * b[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t c = i + 1; c < n; ++c) b[i] -= a[i][c] * b[c];
    b[i] /= a[i][i];
  }
  return b;
}

void expect_near(const Numbers& got, const Numbers& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << i;
}

std::string refusal(const Numbers& x, std::int64_t order, const std::string& method) {
  try {
    fit_autoregression(x, order, method);
    return "fitted";
  } catch (const InputError& error) {
    return error.what();
  }
}

// What R and Stata computed.
class Sunspots : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path folder = fs::path(kSourceFolder) / "../shared/data/series";
    if (!fs::exists(folder)) GTEST_SKIP() << "no series in " << folder;
    x_ = read_series(folder / "sunspots_yearly_1700_2008.csv").values;
    const Bytes bytes = read_file(folder / "reference_ar.json");
    known_ = nlohmann::json::parse(bytes.begin(), bytes.end()).at("sunspots_yearly_1700_2008");
  }

  Numbers x_;
  nlohmann::json known_;
};

TEST_F(Sunspots, LeastSquaresAreStatas) {
  const auto& stata = known_.at("ols_AR9_with_constant_stata");
  const Autoregression fit = fit_autoregression(x_, 9, "ols");
  Numbers got{fit.constant};
  got.insert(got.end(), fit.coefficients.begin(), fit.coefficients.end());
  expect_near(got, stata.at("params_const_then_lags1..9").get<Numbers>(), 1e-10);
  EXPECT_NEAR(fit.residual_error, stata.at("rmse").get<double>(), 1e-10);
  EXPECT_EQ(fit.observations, stata.at("nobs").get<std::int64_t>());
  const double likelihood = stata.at("llf").get<double>();
  EXPECT_NEAR(fit.log_likelihood, likelihood, 1e-8);
  EXPECT_NEAR(fit.aic(), -2 * likelihood + 2 * 11, 1e-7);
  EXPECT_NEAR(fit.bic(), -2 * likelihood + 11 * std::log(300.0), 1e-7);
}

TEST_F(Sunspots, YuleWalkerIsRs) {
  expect_near(fit_autoregression(x_, 4, "yule-walker").coefficients,
              known_.at("yule_walker_order4_mle_R_ar.yw").get<Numbers>(), 1e-10);
}

TEST(Autoregression, LeastSquaresSolveTheNormalEquations) {
  const Numbers x = made(60);
  const std::size_t p = 3;
  std::vector<Numbers> a(p + 1, Numbers(p + 1));
  Numbers b(p + 1);
  for (std::size_t t = p; t < x.size(); ++t) {
    const Numbers row{1, x[t - 1], x[t - 2], x[t - 3]};
    for (std::size_t i = 0; i <= p; ++i) {
      b[i] += row[i] * x[t];
      for (std::size_t j = 0; j <= p; ++j) a[i][j] += row[i] * row[j];
    }
  }
  const Autoregression fit = fit_autoregression(x, 3, "ols");
  const Numbers solved = solve(a, b);
  EXPECT_NEAR(fit.constant, solved[0], 1e-9);
  expect_near(fit.coefficients, {solved.begin() + 1, solved.end()}, 1e-9);
}

TEST(Autoregression, YuleWalkerSolvesItsEquations) {
  const Numbers x = made(80);
  const Numbers c = autocovariances(x, 5);
  std::vector<Numbers> a(5, Numbers(5));
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) a[i][j] = c[static_cast<std::size_t>(std::abs(i - j))];
  }
  const Autoregression fit = fit_autoregression(x, 5, "yule-walker");
  const Numbers phi = solve(a, {c.begin() + 1, c.end()});
  expect_near(fit.coefficients, phi, 1e-12);
  double variance = c[0];
  for (std::size_t k = 0; k < 5; ++k) variance -= phi[k] * c[k + 1];
  EXPECT_NEAR(fit.variance, variance, 1e-12);
  EXPECT_TRUE(fit.stationary());  // always so of Yule-Walker's
}

// The forward and backward errors of order p under Levinson's and Durbin's recursion, whose last
// reflection is `k`: written from the definition, by filtering with the coefficients.
double both_errors(const Numbers& x, Numbers phi, double k) {
  const double mean = mean_of(x);
  Numbers next = phi;
  for (std::size_t j = 0; j < phi.size(); ++j) next[j] -= k * phi[phi.size() - 1 - j];
  next.push_back(k);
  const std::size_t p = next.size();
  double sum = 0;
  for (std::size_t t = p; t < x.size(); ++t) {
    double forward = x[t] - mean;
    double backward = x[t - p] - mean;
    for (std::size_t j = 0; j < p; ++j) {
      forward -= next[j] * (x[t - 1 - j] - mean);
      backward -= next[j] * (x[t - p + 1 + j] - mean);
    }
    sum += forward * forward + backward * backward;
  }
  return sum / (2 * static_cast<double>(x.size() - p));
}

TEST(Autoregression, BurgsReflectionsMinimizeBothErrors) {
  const Numbers x = made(70);
  Numbers before;
  for (std::int64_t p = 1; p <= 6; ++p) {
    const Autoregression fit = fit_autoregression(x, p, "burg");
    const double k = fit.coefficients.back();
    const double least = both_errors(x, before, k);
    EXPECT_NEAR(fit.variance, least, 1e-10 * least) << p;
    EXPECT_GT(both_errors(x, before, k + 1e-4), least) << p;
    EXPECT_GT(both_errors(x, before, k - 1e-4), least) << p;
    EXPECT_LT(std::abs(k), 1);
    before = fit.coefficients;
  }
}

TEST(Autoregression, BurgOfOrderOneByHand) {
  // About the mean 2: -1 0 2 -1; 2 (0 + 0 - 2) / (1 + 0 + 0 + 4 + 4 + 1).
  const Autoregression fit = fit_autoregression(Numbers{1, 2, 4, 1}, 1, "burg");
  EXPECT_NEAR(fit.coefficients[0], -0.4, 1e-15);
  EXPECT_NEAR(fit.constant, 2 * 1.4, 1e-15);
}

TEST(Autoregression, EveryMethodFindsTheProcess) {
  const Numbers x = made(20000);
  for (const char* method : {"ols", "yule-walker", "burg"}) {
    const Autoregression fit = fit_autoregression(x, 2, method);
    EXPECT_NEAR(fit.coefficients[0], 1.2, 0.02) << method;
    EXPECT_NEAR(fit.coefficients[1], -0.5, 0.02) << method;
    EXPECT_NEAR(fit.mean(), 0.5 / 0.3, 0.2) << method;
    EXPECT_NEAR(std::sqrt(fit.variance), 2, 0.05) << method;
    EXPECT_EQ(best_order(score_orders(x, 8, method), "bic"), 2) << method;
  }
}

TEST(Autoregression, CriteriaFollowTheirFormulas) {
  const Numbers x = made(50);
  const auto scores = score_orders(x, 4, "ols");
  ASSERT_EQ(scores.size(), 5U);
  // Order 1 about x_5 … x_50, by hand: least squares of one variable.
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
  for (std::size_t t = 4; t < x.size(); ++t) {
    n += 1;
    sx += x[t - 1];
    sy += x[t];
    sxx += x[t - 1] * x[t - 1];
    sxy += x[t - 1] * x[t];
    syy += x[t] * x[t];
  }
  const double cov = sxy - sx * sy / n;
  const double left = syy - sy * sy / n - cov * cov / (sxx - sx * sx / n);
  const double minus_two_l = n * (std::log(2 * std::numbers::pi * left / n) + 1);
  EXPECT_NEAR(scores[1].aic, minus_two_l + 2 * 3, 1e-9);
  EXPECT_NEAR(scores[1].bic, minus_two_l + 3 * std::log(n), 1e-9);
  EXPECT_EQ(best_order(std::vector<OrderScore>{{0, 3, 1}, {1, 2, 2}, {2, 2, 3}}, "aic"), 1);
  EXPECT_EQ(best_order(std::vector<OrderScore>{{0, 3, 1}, {1, 2, 2}}, "bic"), 0);
}

// The largest order's values are those of its own fit.
TEST(Autoregression, NestedFitsAgree) {
  const Numbers x = made(90);
  const auto scores = score_orders(x, 6, "ols");
  const Autoregression fit = fit_autoregression(x, 6, "ols");
  EXPECT_NEAR(scores[6].aic, fit.aic(), 1e-9);
  EXPECT_NEAR(scores[6].bic, fit.bic(), 1e-9);
}

TEST(Autoregression, RootsTellWhatIsStationary) {
  Autoregression fit;
  fit.coefficients = {1.1, -0.3};  // roots 0.6 and 0.5
  EXPECT_NEAR(fit.roots()[0].real(), 0.6, 1e-12);
  EXPECT_NEAR(fit.roots()[1].real(), 0.5, 1e-12);
  EXPECT_TRUE(fit.stationary());
  fit.coefficients = {0.5, 0.5};  // 1 and -0.5
  EXPECT_NEAR(std::abs(fit.roots()[0]), 1, 1e-12);
  fit.coefficients = {0, -1.21};  // +-1.1 i
  EXPECT_NEAR(fit.roots()[0].imag() * fit.roots()[1].imag(), -1.21, 1e-12);
  EXPECT_FALSE(fit.stationary());
  fit.coefficients.clear();
  EXPECT_TRUE(fit.stationary());
}

TEST(Autoregression, ForecastsByHand) {
  Autoregression fit;
  fit.constant = 1;
  fit.coefficients = {0.5, 0.25};
  fit.variance = 4;
  const Forecast f = fit.forecast(Numbers{100, 4, 8}, 3);
  expect_near(f.mean, {6, 6, 5.5}, 1e-15);  // 1 + 4 + 1, 1 + 3 + 2, 1 + 3 + 1.5
  // psi = 1, 0.5, 0.5: 0.5 * 0.5 + 0.25.
  expect_near(f.deviation, {2, 2 * std::sqrt(1.25), 2 * std::sqrt(1.5)}, 1e-15);
}

TEST(Autoregression, OrderZeroIsTheMean) {
  for (const char* method : {"ols", "yule-walker", "burg"}) {
    const Autoregression fit = fit_autoregression(Numbers{1, 2, 6}, 0, method);
    EXPECT_NEAR(fit.constant, 3, 1e-14) << method;
    EXPECT_NEAR(fit.variance, 14.0 / 3, 1e-14) << method;
    EXPECT_EQ(fit.forecast(Numbers{1, 2, 6}, 1).mean[0], fit.constant);
  }
}

TEST(Autoregression, AStraightLineGoesOn) {
  Numbers line;
  for (int t = 0; t < 30; ++t) line.push_back(3 + 2 * t);
  const Forecast f = fit_autoregression(line, 4, "ols").forecast(line, 2);
  expect_near(f.mean, {63, 65}, 1e-8);
}

TEST(Autoregression, SaysWhatIsWrong) {
  EXPECT_THAT(refusal({1, 2, 3, 5}, 2, "ols"), HasSubstr("order 2 is too long for a series of 4"));
  EXPECT_THAT(refusal({1, 2, 3}, 3, "burg"), HasSubstr("burg takes at most 2"));
  EXPECT_THAT(refusal({2, 2, 2, 2}, 1, "ols"), HasSubstr("the series is constant, 2 throughout"));
  EXPECT_THAT(refusal({1, 2, 3}, 1, "burgs"), HasSubstr("did you mean \"burg\"?"));
  EXPECT_THAT(refusal({1, 2, 3}, -1, "burg"), HasSubstr("order: expected 0 or more"));
  EXPECT_THAT(refusal({1}, 0, "burg"), HasSubstr("at least 2 values, got 1"));
}

}  // namespace
}  // namespace striate
