// The autoregressive model, and the Markov one, which is its first order read in another way.

#include <charconv>
#include <cmath>
#include <numbers>

#include "striate/base/error.h"
#include "striate/tasks/sequence/series.h"
#include "tasks/sequence/forecasters.h"

namespace striate {
namespace {

using Values = std::span<const double>;

class ArForecaster : public Forecaster {
 public:
  ArForecaster(Autoregression fit, std::vector<OrderScore> orders)
      : fit_(std::move(fit)), orders_(std::move(orders)) {}

  Forecast forecast(Values past, std::int64_t steps) const override {
    if (past.size() < fit_.coefficients.size()) {
      fail<InputError>("a forecast of order {} needs as many values, got {}", fit_.order(),
                       past.size());
    }
    return fit_.forecast(past, steps);
  }

  FitReport report() const override {
    FitReport report{.what = fmt::format("AR({}) by {}", fit_.order(), fit_.method),
                     .inputs = fit_.order(),
                     .parameters = fit_.order() + 1,
                     .numbers = {{"constant", fit_.constant}}};
    for (std::int64_t k = 1; k <= fit_.order(); ++k) {
      report.numbers.emplace_back(fmt::format("phi_{}", k),
                                  fit_.coefficients[static_cast<std::size_t>(k - 1)]);
    }
    report.numbers.emplace_back("mean", fit_.mean());
    report.numbers.emplace_back("variance", fit_.variance);
    report.numbers.emplace_back("residual_error", fit_.residual_error);
    report.numbers.emplace_back("log_likelihood", fit_.log_likelihood);
    report.numbers.emplace_back("aic", fit_.aic());
    report.numbers.emplace_back("bic", fit_.bic());
    const auto roots = fit_.roots();
    if (!roots.empty()) {
      report.numbers.emplace_back("largest_root", std::abs(roots[0]));
      report.notes.push_back(stationarity(roots[0]));
    }
    report.orders = orders_;
    return report;
  }

 protected:
  Autoregression fit_;

 private:
  static std::string stationarity(const std::complex<double>& root) {
    std::string text = std::abs(root) < 1
                           ? "stationary: every root lies inside the unit circle"
                           : "not stationary: a root lies on or outside the unit circle, so that "
                             "forecasts run away or never settle";
    // A pair of complex roots swings with this period.
    const double angle = std::abs(std::arg(root));
    if (angle > 1e-6 && root.imag() != 0) {
      text += fmt::format("; the largest swings with a period of {:.4g} steps",
                          2 * std::numbers::pi / angle);
    }
    return text;
  }

  std::vector<OrderScore> orders_;
};

// x_t = c + phi x_{t-1} + e, read as mean reversion: x_t - m = phi (x_{t-1} - m) + e, an
// Ornstein-Uhlenbeck process seen once a step, phi = exp(-rate).
class MarkovForecaster final : public ArForecaster {
 public:
  explicit MarkovForecaster(Autoregression fit) : ArForecaster(std::move(fit), {}) {}

  FitReport report() const override {
    const double phi = fit_.coefficients[0];
    FitReport report{
        .what = "x_t = mean + phi (x_{t-1} - mean) + noise",
        .inputs = 1,
        .parameters = 2,
        .numbers = {
            {"phi", phi}, {"constant", fit_.constant}, {"noise", std::sqrt(fit_.variance)}}};
    if (!fit_.stationary()) {
      report.notes.emplace_back("phi is 1 or more in size: the series does not return to a mean");
    } else {
      report.numbers.emplace_back("mean", fit_.mean());
      report.numbers.emplace_back("deviation", std::sqrt(fit_.variance / (1 - phi * phi)));
      if (phi > 0) {
        report.numbers.emplace_back("rate", -std::log(phi));
        report.numbers.emplace_back("half_life", std::numbers::ln2 / -std::log(phi));
      } else {
        report.notes.emplace_back("phi is not positive: the series alternates about its mean");
      }
    }
    report.numbers.emplace_back("residual_error", fit_.residual_error);
    report.numbers.emplace_back("log_likelihood", fit_.log_likelihood);
    return report;
  }
};

}  // namespace

ChosenOrder choose_order(Values values, const ForecastOptions& options) {
  if (options.order != "auto") {
    ChosenOrder chosen;
    const char* end = options.order.data() + options.order.size();
    const auto [next, error] = std::from_chars(options.order.data(), end, chosen.order);
    if (error != std::errc() || next != end || chosen.order < 0) {
      fail<InputError>("order: expected auto or a number, got {}", options.order);
    }
    return chosen;
  }
  const auto n = static_cast<std::int64_t>(values.size());
  if (options.max_order < 0) {
    fail<InputError>("max-order: expected 0 or more, got {}", options.max_order);
  }
  const std::int64_t most = options.max_order > 0 ? options.max_order : largest_order(n);
  ChosenOrder chosen{.scores = score_orders(values, most, options.method)};
  chosen.order = best_order(chosen.scores, options.criterion);
  return chosen;
}

Fitted fit_ar(Values values, const ForecastOptions& options, const SharedDevice&) {
  ChosenOrder chosen = choose_order(values, options);
  return std::make_unique<ArForecaster>(fit_autoregression(values, chosen.order, options.method),
                                        std::move(chosen.scores));
}

Fitted fit_markov(Values values, const ForecastOptions&, const SharedDevice&) {
  return std::make_unique<MarkovForecaster>(fit_autoregression(values, 1, "ols"));
}

}  // namespace striate
