// The whole past: the conditional of step t sees the t - 1 values before it, so that it grows with
// every step. Its examples are the series' windows of t values; from about half the series on there
// are fewer of them than parameters, and of all solutions the one of least norm is taken.

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "striate/base/error.h"
#include "tasks/sequence/forecasters.h"

namespace striate {
namespace {

using Values = std::span<const double>;

// As many numbers as a system of equations may have.
constexpr std::int64_t kMostNumbers = std::int64_t{1} << 22;

struct Conditional {
  Eigen::VectorXd weights;  // the constant, then those of 1, 2, … steps before
  double error = 0;         // root mean square on its examples
};

std::int64_t examples_of(Values values, std::int64_t inputs) {
  return static_cast<std::int64_t>(values.size()) - inputs;
}

Conditional fit_conditional(Values values, std::int64_t inputs) {
  const std::int64_t rows = examples_of(values, inputs);
  Eigen::MatrixXd past(rows, inputs + 1);
  Eigen::VectorXd now(rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto t = static_cast<std::size_t>(r + inputs);
    now(r) = values[t];
    past(r, 0) = 1;
    for (std::int64_t k = 1; k <= inputs; ++k) past(r, k) = values[t - static_cast<std::size_t>(k)];
  }
  Conditional fitted{.weights = past.completeOrthogonalDecomposition().solve(now)};
  fitted.error = std::sqrt((now - past * fitted.weights).squaredNorm() / static_cast<double>(rows));
  return fitted;
}

class NaiveForecaster final : public Forecaster {
 public:
  // The longest conditional that has an example. Its own residual is zero, so its errors are
  // measured on values that a fit to the first four fifths has not seen.
  NaiveForecaster(Values values, bool measure) {
    const auto n = static_cast<std::int64_t>(values.size());
    if (n < 2) fail<InputError>("expected a series of at least 2 values, got {}", n);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    if (*least == *most) {
      fail<InputError>("the series is constant, {} throughout: there is nothing to fit", *least);
    }
    inputs_ = n - 1;
    longest_ = fit_conditional(values, inputs_);
    if (!measure) return;
    const std::int64_t first = n * 4 / 5;
    if (first < 2 || first >= n) return;
    const auto before = values.first(static_cast<std::size_t>(first));
    const auto [low, high] = std::minmax_element(before.begin(), before.end());
    if (*low == *high) return;
    constexpr std::int64_t kMostSteps = 60;
    errors_ = rolling_errors(NaiveForecaster(before, false), values, first,
                             std::min(n - first, kMostSteps));
    grow(values);
  }

  Forecast forecast(Values past, std::int64_t steps) const override {
    const auto inputs = static_cast<std::size_t>(inputs_);
    if (past.size() < inputs) {
      fail<InputError>("the naive model sees {} values, got {}", inputs, past.size());
    }
    std::vector<double> x(past.end() - static_cast<std::ptrdiff_t>(inputs), past.end());
    Forecast result;
    for (std::int64_t h = 0; h < steps; ++h) {
      double value = longest_.weights(0);
      for (std::size_t k = 1; k <= inputs; ++k) {
        value += longest_.weights(static_cast<Eigen::Index>(k)) * x[x.size() - k];
      }
      x.push_back(value);
      result.mean.push_back(value);
      const auto known = static_cast<std::int64_t>(errors_.size());
      result.deviation.push_back(known == 0
                                     ? std::numeric_limits<double>::quiet_NaN()
                                     : errors_[static_cast<std::size_t>(std::min(h, known - 1))]);
    }
    return result;
  }

  FitReport report() const override {
    FitReport report{
        .what = "one conditional a step on the whole past, least squares of least norm",
        .inputs = inputs_,
        .parameters = (inputs_ + 1) * (inputs_ + 2) / 2,
        .numbers = {{"norm_of_longest", longest_.weights.norm()}},
        .growth = growth_};
    report.notes.emplace_back(
        "from where parameters outnumber examples, a conditional repeats its examples exactly and "
        "need not foresee anything");
    return report;
  }

 private:
  // Conditionals 1, 2, 4, … and the longest.
  void grow(Values values) {
    const std::int64_t most = inputs_ + 1;
    for (std::int64_t t = 1;; t = std::min(2 * t, most)) {
      NaiveGrowth row{.step = t,
                      .inputs = t - 1,
                      .parameters = t,
                      .examples = examples_of(values, t - 1),
                      .all_parameters = t * (t + 1) / 2,
                      .error = std::numeric_limits<double>::quiet_NaN()};
      if (row.examples * t <= kMostNumbers) row.error = fit_conditional(values, t - 1).error;
      growth_.push_back(row);
      if (t == most) return;
    }
  }

  std::int64_t inputs_ = 0;
  Conditional longest_;
  std::vector<double> errors_;
  std::vector<NaiveGrowth> growth_;
};

}  // namespace

Fitted fit_naive(Values values, const ForecastOptions&, const SharedDevice&) {
  return std::make_unique<NaiveForecaster>(values, true);
}

}  // namespace striate
