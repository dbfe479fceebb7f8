#include "striate/tasks/sequence/forecaster.h"

#include <cmath>
#include <numbers>

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {
namespace {

using testing::HasSubstr;
using Numbers = std::vector<double>;

const SharedDevice& device() {
  static const SharedDevice shared = make_cpu_device(1);
  return shared;
}

double number(const FitReport& report, const std::string& name) {
  for (const auto& [key, value] : report.numbers) {
    if (key == name) return value;
  }
  return std::nan("");
}

// Reverts to 10 by a fifth each step, with noise of 1.
Numbers reverting(int n) {
  Random random({.seed = 3, .purpose = purpose_of("forecaster test")}, 0);
  Numbers x{10};
  for (int t = 1; t < n; ++t) x.push_back(10 + 0.8 * (x.back() - 10) + random.normal());
  return x;
}

TEST(Forecaster, EveryKindFitsAndForecasts) {
  const Numbers x = reverting(80);
  for (const ForecasterRow& row : forecasters()) {
    const auto model = row.fit(x, {}, device());
    const Forecast f = model->forecast(x, 3);
    ASSERT_EQ(f.mean.size(), 3U) << row.name;
    ASSERT_EQ(f.deviation.size(), 3U) << row.name;
    for (const double d : f.deviation) EXPECT_GT(d, 0) << row.name;
    const FitReport report = model->report();
    EXPECT_GT(report.parameters, 0) << row.name;
    EXPECT_FALSE(report.what.empty()) << row.name;
    // One step ahead is the first of a forecast.
    const Numbers steps = model->one_step(x, 79);
    ASSERT_EQ(steps.size(), 1U);
    const auto before = std::span<const double>(x).first(79);
    EXPECT_NEAR(steps[0], model->forecast(before, 1).mean[0], 1e-6) << row.name;
  }
}

TEST(Forecaster, EveryKindRefusesAConstantSeries) {
  for (const ForecasterRow& row : forecasters()) {
    try {
      row.fit(Numbers(40, 5.0), {}, device());
      ADD_FAILURE() << row.name;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("the series is constant, 5 throughout")) << row.name;
    }
  }
}

TEST(Forecaster, MarkovSeesMeanReversion) {
  const Numbers x = reverting(20000);
  const FitReport report = find_forecaster("markov").fit(x, {}, device())->report();
  EXPECT_NEAR(number(report, "phi"), 0.8, 0.02);
  EXPECT_NEAR(number(report, "mean"), 10, 0.2);
  EXPECT_NEAR(number(report, "noise"), 1, 0.02);
  EXPECT_NEAR(number(report, "rate"), -std::log(0.8), 0.03);
  EXPECT_NEAR(number(report, "half_life"), std::numbers::ln2 / -std::log(0.8), 0.4);
  EXPECT_NEAR(number(report, "deviation"), 1 / 0.6, 0.1);
}

TEST(Forecaster, MarkovByHand) {
  // Pairs (0,1) (1,3) (3,1) (1,3): means 1.25 and 2; phi = -1 / 4.75.
  const FitReport report =
      find_forecaster("markov").fit(Numbers{0, 1, 3, 1, 3}, {}, device())->report();
  const double phi = (0 + 3 + 3 + 3 - 4 * 1.25 * 2) / (11 - 4 * 1.25 * 1.25);
  EXPECT_NEAR(number(report, "phi"), phi, 1e-12);
  EXPECT_NEAR(number(report, "constant"), 2 - 1.25 * phi, 1e-12);
}

TEST(Forecaster, NaiveGrowsWithEveryStep) {
  const Numbers x = reverting(40);
  const FitReport report = find_forecaster("naive").fit(x, {}, device())->report();
  EXPECT_EQ(report.inputs, 39);
  EXPECT_EQ(report.parameters, 40 * 41 / 2);
  ASSERT_EQ(report.growth.size(), 7U);  // 1 2 4 8 16 32 40
  for (const NaiveGrowth& row : report.growth) {
    EXPECT_EQ(row.inputs, row.step - 1);
    EXPECT_EQ(row.parameters, row.step);
    EXPECT_EQ(row.examples, 40 - row.step + 1);
    EXPECT_EQ(row.all_parameters, row.step * (row.step + 1) / 2);
    if (row.parameters >= row.examples) {
      EXPECT_NEAR(row.error, 0, 1e-9) << row.step;
    }
  }
  EXPECT_GT(report.growth[0].error, 1);  // the mean alone
}

// Of one example, the solution of least norm lies along it.
TEST(Forecaster, NaiveTakesTheLeastNorm) {
  const Numbers x{1, 2, 4};
  const auto model = find_forecaster("naive").fit(x, {}, device());
  // 4 = w (1, 2, 1): w = 4/6 (1, 2, 1); then w (1, 4, 2).
  EXPECT_NEAR(model->forecast(x, 1).mean[0], 4.0 / 6 * (1 + 8 + 2), 1e-12);
}

TEST(Forecaster, BaselinesRepeat) {
  const Numbers x{1, 2, 3, 2, 3, 5};
  const Forecast last = fit_seasonal(x, 1)->forecast(x, 2);
  EXPECT_EQ(last.mean, (Numbers{5, 5}));
  EXPECT_NEAR(last.deviation[1], last.deviation[0] * std::sqrt(2), 1e-15);
  EXPECT_NEAR(last.deviation[0], std::sqrt((1 + 1 + 1 + 1 + 4) / 5.0), 1e-15);
  EXPECT_EQ(fit_seasonal(x, 3)->forecast(x, 4).mean, (Numbers{2, 3, 5, 2}));
}

TEST(Forecaster, MeasuresErrors) {
  const ForecastError error = error_of(Numbers{1, 2, 3}, Numbers{1, 4, 2});
  EXPECT_NEAR(error.rmse, std::sqrt(5.0 / 3), 1e-15);
  EXPECT_NEAR(error.mae, 1, 1e-15);
  const Numbers x{1, 2, 4, 7, 11};
  const HeldOut held = test_forecast(*fit_seasonal(Numbers{1, 2, 4}, 1), x, 2);
  EXPECT_EQ(held.tail.mean, (Numbers{4, 4}));
  EXPECT_NEAR(held.whole.mae, 5, 1e-15);
  EXPECT_NEAR(held.one_step.mae, 3.5, 1e-15);
}

TEST(Forecaster, RollingErrorsByHand) {
  const Numbers x{0, 1, 3, 6, 10, 15, 21, 28};
  const Numbers errors = rolling_errors(*fit_seasonal(x, 1), x, 4, 6);
  // One step: 4 5 6 7; two: 9 11 13; three: 15 18 and too few from here on.
  ASSERT_EQ(errors.size(), 6U);
  EXPECT_NEAR(errors[0], std::sqrt((16 + 25 + 36 + 49) / 4.0), 1e-12);
  EXPECT_NEAR(errors[1], std::sqrt((81 + 121 + 169) / 3.0), 1e-12);
  EXPECT_EQ(errors[5], errors[1]);
}

TEST(Forecaster, SaysWhatIsWrong) {
  const auto refusal = [](const std::string& name, const ForecastOptions& options) -> std::string {
    try {
      find_forecaster(name).fit(reverting(20), options, device());
      return "fitted";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(refusal("markow", {}), HasSubstr("did you mean \"markov\"?"));
  EXPECT_THAT(refusal("ar", {.order = "many"}), HasSubstr("order: expected auto or a number"));
  EXPECT_THAT(refusal("ar", {.order = "25"}), HasSubstr("order 25 is too long for a series of 20"));
  EXPECT_THAT(refusal("ar", {.criterion = "aik"}), HasSubstr("did you mean \"aic\"?"));
}

}  // namespace
}  // namespace striate
