#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "striate/base/fields.h"
#include "striate/device/device.h"
#include "striate/tasks/sequence/autoregression.h"

namespace striate {

/// What models of a real series are fitted with; each looks at what concerns it.
struct ForecastOptions {
  std::string order = "auto";
  std::string method = "ols";
  std::string criterion = "aic";
  std::int64_t max_order = 0;
  std::string cell = "tanh";
  std::int64_t hidden = 0;
  std::int64_t layers = 1;
  std::int64_t epochs = 200;
  double lr = 0.01;
  std::int64_t seed = 1;

  STRIATE_FIELDS(visit("order", order, "ar, mlp: values of the past that a step sees, or auto");
                 visit("method", method, "ar: ols (least squares), yule-walker or burg");
                 visit("criterion", criterion, "what --order auto makes least: aic or bic");
                 visit("max_order", max_order, "largest order of --order auto; 0: 10 log10(n)");
                 visit("cell", cell, "latent: how the summary goes on: linear, tanh, gru or lstm");
                 visit("hidden", hidden,
                       "numbers in a network's summary; 0: 8 for latent, 32 else");
                 visit("layers", layers, "rnn, lstm, gru: layers above one another");
                 visit("epochs", epochs, "most passes of a network's training over the series");
                 visit("lr", lr, "learning rate of a network's training");
                 visit("seed", seed, "number that a network's first weights follow from");)
};

/// How a naive model grows: its conditional for step t sees the t - 1 values before it.
struct NaiveGrowth {
  std::int64_t step = 0, inputs = 0, parameters = 0;
  std::int64_t examples = 0;        ///< windows of t values that the series has
  std::int64_t all_parameters = 0;  ///< of the conditionals 1 … t together
  double error = 0;                 ///< root mean square on its examples; NaN: not fitted
};

/// What a fitted model is, for a person.
struct FitReport {
  std::string what;
  std::int64_t inputs = 0;  ///< values of the past that a step sees; 0: all, through a summary
  std::int64_t parameters = 0;
  /// Coefficients and figures, by name.
  std::vector<std::pair<std::string, double>> numbers;
  std::vector<std::string> notes;
  std::vector<OrderScore> orders;  ///< where the order was chosen
  std::vector<NaiveGrowth> growth;
};

/// A model of a real series that was fitted. Immutable: several threads may call it at once.
class Forecaster {
 public:
  Forecaster() = default;
  Forecaster(const Forecaster&) = delete;
  Forecaster& operator=(const Forecaster&) = delete;
  virtual ~Forecaster() = default;

  /// What follows `past`. Throws InputError where that is shorter than the model needs.
  virtual Forecast forecast(std::span<const double> past, std::int64_t steps) const = 0;
  /// Expected values of steps first … n-1, each from the values before it.
  virtual std::vector<double> one_step(std::span<const double> values, std::int64_t first) const;
  virtual FitReport report() const = 0;
};

using SharedDevice = std::shared_ptr<const Device>;

/// A kind of model: a row that help and `--compare` are made from.
struct ForecasterRow {
  std::string name;
  std::string doc;
  std::function<std::unique_ptr<Forecaster>(
      std::span<const double> values, const ForecastOptions& options, const SharedDevice& device)>
      fit;
};

/// Every kind, in the order of the course.
const std::vector<ForecasterRow>& forecasters();
/// Throws InputError with the nearest name.
const ForecasterRow& find_forecaster(const std::string& name);

/// x_t = x_{t-1} and x_t = x_{t-season}, whose deviation is that of the differences, times sqrt(h) and
/// sqrt of the seasons begun. Throws InputError where the series has no difference. REQUIRES: season >= 1.
std::unique_ptr<Forecaster> fit_seasonal(std::span<const double> values, std::int64_t season);

/// Root mean square of errors h = 1 … steps ahead, from the values from `first` on (of more than two
/// hundred, as many evenly spaced ones); where too few values follow, the error before it. Empty
/// where none follows.
std::vector<double> rolling_errors(const Forecaster& model, std::span<const double> values,
                                   std::int64_t first, std::int64_t steps);

/// Errors of a forecast.
struct ForecastError {
  double rmse = 0, mae = 0;
};
ForecastError error_of(std::span<const double> expected, std::span<const double> truth);

/// A model put to the test: fitted without the last values, which it then forecasts.
struct HeldOut {
  Forecast tail;           ///< all of them, from where they begin
  ForecastError whole;     ///< of that
  ForecastError one_step;  ///< each of them from all before it
};
/// REQUIRES: 0 < holdout < values.size(); `model` was fitted to the others.
HeldOut test_forecast(const Forecaster& model, std::span<const double> values,
                      std::int64_t holdout);

}  // namespace striate
