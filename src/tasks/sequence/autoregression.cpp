#include "striate/tasks/sequence/autoregression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/tasks/sequence/series.h"

namespace striate {
namespace {

using Values = std::span<const double>;

std::int64_t count(Values values) { return static_cast<std::int64_t>(values.size()); }

double likelihood(double observations, double variance) {
  return -observations / 2 * (std::log(2 * std::numbers::pi * variance) + 1);
}

struct System {
  Eigen::MatrixXd past;  // a constant, x_{t-1} … x_{t-p}
  Eigen::VectorXd now;   // x_t
};

// For t from `first` on, counted from 0.
System system_of(Values x, std::int64_t p, std::int64_t first) {
  const std::int64_t rows = count(x) - first;
  System s{Eigen::MatrixXd(rows, p + 1), Eigen::VectorXd(rows)};
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto t = static_cast<std::size_t>(first + r);
    s.now(r) = x[t];
    s.past(r, 0) = 1;
    for (std::int64_t k = 1; k <= p; ++k) s.past(r, k) = x[t - static_cast<std::size_t>(k)];
  }
  return s;
}

Autoregression by_least_squares(Values x, std::int64_t p) {
  const System s = system_of(x, p, p);
  // Of several solutions (a straight line has many) the one of least norm.
  const Eigen::VectorXd solution = s.past.completeOrthogonalDecomposition().solve(s.now);
  Autoregression fit;
  fit.constant = solution(0);
  fit.coefficients.assign(solution.data() + 1, solution.data() + p + 1);
  fit.observations = s.now.size();
  fit.variance = (s.now - s.past * solution).squaredNorm() / static_cast<double>(s.now.size());
  return fit;
}

// Durbin's step: the coefficients of order k from those of order k - 1 and the reflection.
void append_reflection(std::vector<double>& phi, double reflection) {
  std::vector<double> next = phi;
  for (std::size_t j = 0; j < phi.size(); ++j) next[j] -= reflection * phi[phi.size() - 1 - j];
  next.push_back(reflection);
  phi = std::move(next);
}

struct Stage {
  std::vector<double> coefficients;
  double variance = 0;
};

// Orders 0 … most.
std::vector<Stage> by_yule_walker(Values x, std::int64_t most) {
  const std::vector<double> c = autocovariances(x, most);
  std::vector<Stage> stages{{{}, c[0]}};
  while (count(c) > static_cast<std::int64_t>(stages.size())) {
    Stage stage = stages.back();
    const std::size_t k = stages.size();
    double rest = c[k];
    for (std::size_t j = 0; j + 1 < k; ++j) rest -= stage.coefficients[j] * c[k - 1 - j];
    const double reflection = stage.variance > 0 ? rest / stage.variance : 0;
    append_reflection(stage.coefficients, reflection);
    stage.variance *= 1 - reflection * reflection;
    stages.push_back(std::move(stage));
  }
  return stages;
}

std::vector<Stage> by_burg(Values x, std::int64_t most) {
  const double mean = mean_of(x);
  std::vector<double> forward;
  for (const double value : x) forward.push_back(value - mean);
  std::vector<double> backward = forward;
  std::vector<Stage> stages{{{}, variance_of(x)}};
  for (std::size_t k = 1; k <= static_cast<std::size_t>(most); ++k) {
    double product = 0;
    double squares = 0;
    for (std::size_t t = k; t < forward.size(); ++t) {
      product += forward[t] * backward[t - 1];
      squares += forward[t] * forward[t] + backward[t - 1] * backward[t - 1];
    }
    const double reflection = squares > 0 ? 2 * product / squares : 0;
    double errors = 0;
    for (std::size_t t = forward.size() - 1; t >= k; --t) {
      const double f = forward[t];
      const double b = backward[t - 1];
      forward[t] = f - reflection * b;
      backward[t] = b - reflection * f;
      errors += forward[t] * forward[t] + backward[t] * backward[t];
    }
    Stage stage = stages.back();
    append_reflection(stage.coefficients, reflection);
    stage.variance = errors / (2 * static_cast<double>(forward.size() - k));
    stages.push_back(std::move(stage));
  }
  return stages;
}

// The variances of orders 0 … most about x_{most+1} … x_n. One decomposition has them all: what is
// left of the order p is the part of Q'x behind its first p + 1 numbers.
std::vector<Stage> nested_least_squares(Values x, std::int64_t most) {
  System s = system_of(x, most, most);
  const Eigen::HouseholderQR<Eigen::Ref<Eigen::MatrixXd>> qr(s.past);
  s.now.applyOnTheLeft(qr.householderQ().adjoint());
  std::vector<Stage> stages;
  for (std::int64_t p = 0; p <= most; ++p) {
    const double left = s.now.tail(s.now.size() - p - 1).squaredNorm();
    stages.push_back({.variance = left / static_cast<double>(s.now.size())});
  }
  return stages;
}

std::vector<Stage> stages_by(const std::string& method, Values x, std::int64_t most) {
  return method == "burg" ? by_burg(x, most) : by_yule_walker(x, most);
}

void check(Values x, std::int64_t order, const std::string& method) {
  const std::vector<std::string> methods{"ols", "yule-walker", "burg"};
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
    fail<InputError>("unknown method {}{}", method, suggestion(method, methods));
  }
  if (order < 0) fail<InputError>("order: expected 0 or more, got {}", order);
  const std::int64_t n = count(x);
  const std::int64_t most = method == "ols" ? (n - 2) / 2 : n - 1;
  if (n < 2) fail<InputError>("expected a series of at least 2 values, got {}", n);
  if (order > most) {
    fail<InputError>("order {} is too long for a series of {} values: {} takes at most {}", order,
                     n, method, most);
  }
  const auto [least, largest] = std::minmax_element(x.begin(), x.end());
  if (*least == *largest) {
    fail<InputError>("the series is constant, {} throughout: there is nothing to fit", *least);
  }
}

void measure_residuals(Autoregression& fit, Values x) {
  const auto p = static_cast<std::size_t>(fit.order());
  double squares = 0;
  for (std::size_t t = p; t < x.size(); ++t) {
    double residual = x[t] - fit.constant;
    for (std::size_t k = 0; k < p; ++k) residual -= fit.coefficients[k] * x[t - 1 - k];
    fit.residuals.push_back(residual);
    squares += residual * residual;
  }
  const double freedom = static_cast<double>(x.size()) - 2 * static_cast<double>(p) - 1;
  fit.residual_error = std::sqrt(squares / std::max(freedom, 1.0));
}

}  // namespace

double Autoregression::aic() const {
  return -2 * log_likelihood + 2 * static_cast<double>(order() + 2);
}

double Autoregression::bic() const {
  return -2 * log_likelihood +
         static_cast<double>(order() + 2) * std::log(static_cast<double>(observations));
}

double Autoregression::mean() const {
  double sum = 0;
  for (const double phi : coefficients) sum += phi;
  return sum == 1 ? std::numeric_limits<double>::quiet_NaN() : constant / (1 - sum);
}

std::vector<std::complex<double>> Autoregression::roots() const {
  const std::int64_t p = order();
  if (p == 0) return {};
  Eigen::MatrixXd companion = Eigen::MatrixXd::Zero(p, p);
  for (std::int64_t k = 0; k < p; ++k) {
    companion(0, k) = coefficients[static_cast<std::size_t>(k)];
    if (k > 0) companion(k, k - 1) = 1;
  }
  const Eigen::VectorXcd values = companion.eigenvalues();
  std::vector<std::complex<double>> all(values.data(), values.data() + p);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return std::abs(a) > std::abs(b); });
  return all;
}

bool Autoregression::stationary() const {
  const auto all = roots();
  return all.empty() || std::abs(all[0]) < 1;
}

Forecast Autoregression::forecast(Values past, std::int64_t steps) const {
  const std::size_t p = coefficients.size();
  invariant(past.size() >= p, "a forecast needs as many values as the order");
  std::vector<double> x(past.end() - static_cast<std::ptrdiff_t>(p), past.end());
  std::vector<double> psi{1};
  Forecast result;
  double squares = 0;
  for (std::int64_t h = 0; h < steps; ++h) {
    double value = constant;
    for (std::size_t k = 0; k < p; ++k) value += coefficients[k] * x[x.size() - 1 - k];
    x.push_back(value);
    result.mean.push_back(value);
    squares += psi.back() * psi.back();
    result.deviation.push_back(std::sqrt(variance * squares));
    double next = 0;
    for (std::size_t k = 0; k < std::min(p, psi.size()); ++k) {
      next += coefficients[k] * psi[psi.size() - 1 - k];
    }
    psi.push_back(next);
  }
  return result;
}

Autoregression fit_autoregression(Values values, std::int64_t order, const std::string& method) {
  check(values, order, method);
  Autoregression fit;
  if (method == "ols") {
    fit = by_least_squares(values, order);
  } else {
    Stage stage = stages_by(method, values, order).back();
    double sum = 0;
    for (const double phi : stage.coefficients) sum += phi;
    fit.constant = mean_of(values) * (1 - sum);
    fit.coefficients = std::move(stage.coefficients);
    fit.variance = stage.variance;
    fit.observations = count(values);
  }
  fit.method = method;
  fit.log_likelihood = likelihood(static_cast<double>(fit.observations), fit.variance);
  measure_residuals(fit, values);
  return fit;
}

std::vector<OrderScore> score_orders(Values values, std::int64_t most, const std::string& method) {
  check(values, most, method);
  const std::vector<Stage> stages =
      method == "ols" ? nested_least_squares(values, most) : stages_by(method, values, most);
  std::vector<OrderScore> scores;
  for (std::int64_t p = 0; p <= most; ++p) {
    Autoregression fit;
    fit.coefficients.resize(static_cast<std::size_t>(p));
    fit.variance = stages[static_cast<std::size_t>(p)].variance;
    fit.observations = method == "ols" ? count(values) - most : count(values);
    fit.log_likelihood = likelihood(static_cast<double>(fit.observations), fit.variance);
    scores.push_back({.order = p, .aic = fit.aic(), .bic = fit.bic()});
  }
  return scores;
}

std::int64_t best_order(std::span<const OrderScore> scores, const std::string& criterion) {
  const std::vector<std::string> known{"aic", "bic"};
  if (std::find(known.begin(), known.end(), criterion) == known.end()) {
    fail<InputError>("unknown criterion {}{}", criterion, suggestion(criterion, known));
  }
  const auto value = [&](const OrderScore& s) { return criterion == "aic" ? s.aic : s.bic; };
  const auto best = std::min_element(
      scores.begin(), scores.end(),
      [&](const OrderScore& a, const OrderScore& b) { return value(a) < value(b); });
  return best == scores.end() ? 0 : best->order;
}

std::int64_t largest_order(std::int64_t n) {
  const auto usual =
      static_cast<std::int64_t>(10 * std::log10(std::max(1.0, static_cast<double>(n))));
  return std::max<std::int64_t>(0, std::min(usual, n / 3));
}

}  // namespace striate
