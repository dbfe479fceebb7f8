#include "striate/tasks/sequence/forecaster.h"

#include <algorithm>
#include <cmath>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/tasks/sequence/series.h"
#include "tasks/sequence/forecasters.h"

namespace striate {
namespace {

using Values = std::span<const double>;

class Seasonal final : public Forecaster {
 public:
  Seasonal(Values values, std::int64_t season) : season_(season) {
    const auto s = static_cast<std::size_t>(season);
    if (values.size() <= s) {
      fail<InputError>("a season of {} needs more than as many values, got {}", season,
                       values.size());
    }
    double squares = 0;
    for (std::size_t t = s; t < values.size(); ++t) {
      squares += (values[t] - values[t - s]) * (values[t] - values[t - s]);
    }
    deviation_ = std::sqrt(squares / static_cast<double>(values.size() - s));
  }

  Forecast forecast(Values past, std::int64_t steps) const override {
    const auto s = static_cast<std::size_t>(season_);
    if (past.size() < s) {
      fail<InputError>("a season of {} needs as many values, got {}", season_, past.size());
    }
    Forecast result;
    for (std::size_t h = 0; h < static_cast<std::size_t>(steps); ++h) {
      result.mean.push_back(past[past.size() - s + h % s]);
      const std::size_t seasons = h / s + 1;
      result.deviation.push_back(deviation_ * std::sqrt(static_cast<double>(seasons)));
    }
    return result;
  }

  FitReport report() const override {
    return {.what = season_ == 1 ? "the last value" : fmt::format("the value {} before", season_),
            .inputs = season_,
            .numbers = {{"deviation", deviation_}}};
  }

 private:
  std::int64_t season_;
  double deviation_ = 0;
};

}  // namespace

std::vector<double> Forecaster::one_step(Values values, std::int64_t first) const {
  std::vector<double> result;
  for (std::size_t t = static_cast<std::size_t>(first); t < values.size(); ++t) {
    result.push_back(forecast(values.first(t), 1).mean[0]);
  }
  return result;
}

const std::vector<ForecasterRow>& forecasters() {
  static const std::vector<ForecasterRow> rows{
      {"naive", "one conditional a step on the whole past, by least squares of least norm",
       fit_naive},
      {"ar", "autoregressive: a window of the last values, linear", fit_ar},
      {"mlp", "a window of the last values, through a hidden layer", fit_window},
      {"markov", "one step: mean reversion and noise", fit_markov},
      {"latent", "a summary of few numbers that is carried on (--cell)", fit_latent},
      {"rnn", "tanh layers", fit_rnn},
      {"lstm", "long short-term memory", fit_lstm},
      {"gru", "gated recurrent units", fit_gru},
  };
  return rows;
}

const ForecasterRow& find_forecaster(const std::string& name) {
  std::vector<std::string> names;
  for (const ForecasterRow& row : forecasters()) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  fail<InputError>("unknown model {}{}", name, suggestion(name, names));
}

std::unique_ptr<Forecaster> fit_seasonal(Values values, std::int64_t season) {
  return std::make_unique<Seasonal>(values, season);
}

std::vector<double> rolling_errors(const Forecaster& model, Values values, std::int64_t first,
                                   std::int64_t steps) {
  std::vector<double> squares(static_cast<std::size_t>(steps));
  std::vector<std::int64_t> counts(squares.size());
  constexpr std::size_t kMostOrigins = 200;
  const std::size_t begin = static_cast<std::size_t>(first);
  const std::size_t stride = (values.size() - begin + kMostOrigins - 1) / kMostOrigins;
  for (std::size_t t = begin; t < values.size(); t += stride) {
    const std::size_t most = std::min(squares.size(), values.size() - t);
    const Forecast now = model.forecast(values.first(t), static_cast<std::int64_t>(most));
    for (std::size_t h = 0; h < most; ++h) {
      const double error = values[t + h] - now.mean[h];
      squares[h] += error * error;
      ++counts[h];
    }
  }
  constexpr std::int64_t kEnough = 3;
  std::vector<double> errors;
  for (std::size_t h = 0; h < squares.size(); ++h) {
    if (counts[h] >= (h == 0 ? 1 : kEnough)) {
      errors.push_back(std::sqrt(squares[h] / static_cast<double>(counts[h])));
    } else if (!errors.empty()) {
      errors.push_back(errors.back());
    }
  }
  return errors;
}

ForecastError error_of(Values expected, Values truth) {
  ForecastError error;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double e = expected[i] - truth[i];
    error.rmse += e * e;
    error.mae += std::abs(e);
  }
  const auto n = static_cast<double>(truth.size());
  error.rmse = std::sqrt(error.rmse / n);
  error.mae /= n;
  return error;
}

HeldOut test_forecast(const Forecaster& model, Values values, std::int64_t holdout) {
  const std::size_t first = values.size() - static_cast<std::size_t>(holdout);
  HeldOut result{.tail = model.forecast(values.first(first), holdout)};
  const Values truth = values.subspan(first);
  result.whole = error_of(result.tail.mean, truth);
  result.one_step = error_of(model.one_step(values, static_cast<std::int64_t>(first)), truth);
  return result;
}

}  // namespace striate
