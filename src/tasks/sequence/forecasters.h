#pragma once

#include "striate/tasks/sequence/forecaster.h"

namespace striate {

// Each in a file of its own; forecaster.cpp lists them.
using Fitted = std::unique_ptr<Forecaster>;
Fitted fit_naive(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_ar(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_markov(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_window(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_latent(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_rnn(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_lstm(std::span<const double> values, const ForecastOptions&, const SharedDevice&);
Fitted fit_gru(std::span<const double> values, const ForecastOptions&, const SharedDevice&);

// The order that was asked for: a number, or the one with the least criterion.
struct ChosenOrder {
  std::int64_t order = 0;
  std::vector<OrderScore> scores;
};
ChosenOrder choose_order(std::span<const double> values, const ForecastOptions& options);

}  // namespace striate
