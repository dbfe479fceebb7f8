#include <cmath>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/codec/csv.h"
#include "striate/draw/plot.h"
#include "striate/tasks/sequence/forecaster.h"
#include "striate/tasks/sequence/series.h"

namespace striate {
namespace {

struct Arguments {
  std::string file;
  SeriesOptions series;
  std::string model = "ar";
  bool compare = false;
  ForecastOptions options;
  std::int64_t horizon = 12;
  double holdout = 0.2;
  std::int64_t season = -1;
  std::string out = "forecast";
  DeviceOptions run;
};

// Of the standard normal distribution, on both sides of 95 %.
constexpr double kInterval = 1.959963984540054;

// A model by name, fitted without the tail and tested on it.
struct Tested {
  std::string name;
  FitReport report;
  HeldOut held_out;
  double seconds = 0;
};

using Values = std::span<const double>;

class Work {
 public:
  explicit Work(const Arguments& arguments)
      : arguments_(arguments),
        device_(make_device(arguments.run)),
        series_(read_series(arguments.file, arguments.series)),
        values_(series_.values) {
    if (arguments.horizon < 1 || arguments.horizon > 100000) {
      fail<InputError>("--horizon: expected 1 to 100000, got {}", arguments.horizon);
    }
    // A share, or a count of values.
    const double part = arguments.holdout;
    const double counted = part < 1 ? std::floor(part * static_cast<double>(values_.size())) : part;
    if (!(part >= 0) || counted != std::floor(counted)) {
      fail<InputError>("--holdout: expected a share under 1 or a count, got {}", part);
    }
    if (counted > 0 && counted + 2 > static_cast<double>(values_.size())) {
      fail<InputError>("{}: a series of {} values cannot be fitted without its last {}",
                       arguments.file, values_.size(), counted);
    }
    holdout_ = static_cast<std::int64_t>(counted);
    if (arguments.compare && holdout_ == 0) {
      fail<InputError>("--compare: nothing is held out to compare on; --holdout says how much");
    }
    season_ = arguments.season >= 0 ? arguments.season : season_of(before());
    if (season_ >= static_cast<std::int64_t>(before().size())) {
      fail<InputError>("--season: expected less than the {} values fitted to, got {}",
                       before().size(), season_);
    }
  }

  const RealSeries& series() const { return series_; }
  std::int64_t holdout() const { return holdout_; }
  std::int64_t season() const { return season_; }
  Values before() const {
    return values_.first(values_.size() - static_cast<std::size_t>(holdout_));
  }

  std::unique_ptr<Forecaster> fit(const std::string& model, Values values) const {
    try {
      return find_forecaster(model).fit(values, arguments_.options, device_);
    } catch (const InputError& error) {
      fail<InputError>("{}: {}", arguments_.file, error.what());
    }
  }

  Tested test(const std::string& model) const {
    const auto begin = std::chrono::steady_clock::now();
    return finish(model, *fit(model, before()), begin);
  }
  Tested baseline(std::int64_t season) const {
    const auto begin = std::chrono::steady_clock::now();
    return finish(season == 1 ? "last value" : fmt::format("seasonal, {}", season),
                  *fit_seasonal(before(), season), begin);
  }

 private:
  Tested finish(const std::string& name, const Forecaster& model,
                std::chrono::steady_clock::time_point begin) const {
    Tested tested{.name = name, .report = model.report()};
    if (holdout_ > 0) tested.held_out = test_forecast(model, values_, holdout_);
    tested.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return tested;
  }

  const Arguments& arguments_;
  std::shared_ptr<const Device> device_;
  RealSeries series_;
  Values values_;
  std::int64_t holdout_ = 0;
  std::int64_t season_ = 0;
};

std::string inputs_text(const FitReport& report) {
  return report.inputs == 0 ? "all" : grouped(report.inputs);
}

std::string errors_table(const std::vector<Tested>& all) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"model"},
               {"sees", kRight},
               {"parameters", kRight},
               {"RMSE, one step", kRight},
               {"MAE", kRight},
               {"RMSE, whole tail", kRight},
               {"MAE", kRight},
               {"time", kRight}});
  for (const Tested& t : all) {
    table.add({t.name, inputs_text(t.report), grouped(t.report.parameters),
               decimal(t.held_out.one_step.rmse), decimal(t.held_out.one_step.mae),
               decimal(t.held_out.whole.rmse), decimal(t.held_out.whole.mae), duration(t.seconds)});
  }
  return table.str();
}

std::string growth_table(const FitReport& report) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"step", kRight},
               {"inputs", kRight},
               {"parameters", kRight},
               {"examples", kRight},
               {"parameters so far", kRight},
               {"error on its examples", kRight}});
  for (const NaiveGrowth& g : report.growth) {
    table.add({grouped(g.step), grouped(g.inputs), grouped(g.parameters), grouped(g.examples),
               grouped(g.all_parameters), std::isnan(g.error) ? "" : decimal(g.error)});
  }
  return table.str();
}

// The orders near the best, and what the criteria say of them.
std::string orders_text(const FitReport& report) {
  if (report.orders.empty()) return "";
  return fmt::format("order chosen of 0 to {}: least AIC at {}, least BIC at {}\n",
                     report.orders.back().order, best_order(report.orders, "aic"),
                     best_order(report.orders, "bic"));
}

std::string report_text(const FitReport& report) {
  std::string text = report.what + '\n';
  Table table({{"name"}, {"value", Table::Align::right}});
  for (const auto& [name, value] : report.numbers) {
    table.add({name, fmt::format("{:.10g}", value)});
  }
  text += table.str() + orders_text(report);
  for (const std::string& note : report.notes) text += note + '\n';
  if (!report.growth.empty()) text += '\n' + growth_table(report);
  return text;
}

Json error_json(const ForecastError& error) { return {{"rmse", error.rmse}, {"mae", error.mae}}; }

Json tested_json(const Tested& t, bool held_out) {
  Json json{{"model", t.name}, {"parameters", t.report.parameters}, {"inputs", t.report.inputs}};
  if (held_out) {
    json["one_step"] = error_json(t.held_out.one_step);
    json["tail"] = error_json(t.held_out.whole);
  }
  json["seconds"] = t.seconds;
  return json;
}

Json report_json(const FitReport& report) {
  Json json{{"what", report.what},
            {"inputs", report.inputs},
            {"parameters", report.parameters},
            {"numbers", Json::object()},
            {"notes", report.notes}};
  for (const auto& [name, value] : report.numbers) json["numbers"][name] = value;
  for (const OrderScore& s : report.orders) {
    json["orders"].push_back({{"order", s.order}, {"aic", s.aic}, {"bic", s.bic}});
  }
  for (const NaiveGrowth& g : report.growth) {
    json["growth"].push_back({{"step", g.step},
                              {"inputs", g.inputs},
                              {"parameters", g.parameters},
                              {"examples", g.examples},
                              {"all_parameters", g.all_parameters},
                              {"error", g.error}});
  }
  return json;
}

std::string forecast_csv(const RealSeries& series, const Forecast& future) {
  const std::vector<std::string> labels =
      labels_after(series, static_cast<std::int64_t>(future.mean.size()));
  std::string text =
      csv_cell(series.label_name.empty() ? "step" : series.label_name) + ",forecast,low,high\n";
  for (std::size_t h = 0; h < future.mean.size(); ++h) {
    const double half = kInterval * future.deviation[h];
    // A series may be too short to measure errors on.
    const auto edge = [&](double value) {
      return std::isfinite(value) ? fmt::format("{:.10g}", value) : std::string();
    };
    text += fmt::format("{},{:.10g},{},{}\n", csv_cell(labels[h]), future.mean[h],
                        edge(future.mean[h] - half), edge(future.mean[h] + half));
  }
  return text;
}

draw::Plot forecast_plot(const Work& work, const Tested& tested, const Forecast& future) {
  const std::vector<double>& values = work.series().values;
  const std::size_t n = values.size();
  // As much of the past as makes the rest readable.
  const auto tail = static_cast<std::size_t>(work.holdout());
  const std::size_t shown = std::min(n, std::max<std::size_t>(60, 3 * (tail + future.mean.size())));
  draw::Plot plot{.title = fmt::format("{}: {}", work.series().name, tested.name),
                  .x_label = "step",
                  .y_label = work.series().name};
  draw::Series past{.name = "values"};
  for (std::size_t t = n - shown; t < n; ++t) {
    past.x.push_back(static_cast<double>(t + 1));
    past.y.push_back(values[t]);
  }
  plot.series.push_back(std::move(past));
  const auto add = [&](const std::string& name, const Forecast& forecast, std::size_t first) {
    draw::Series curve{.name = name};
    draw::Band band{.series = name};
    for (std::size_t h = 0; h < forecast.mean.size(); ++h) {
      const double half = kInterval * forecast.deviation[h];
      curve.x.push_back(static_cast<double>(first + h + 1));
      curve.y.push_back(forecast.mean[h]);
      band.low.push_back(forecast.mean[h] - half);
      band.high.push_back(forecast.mean[h] + half);
    }
    band.x = curve.x;
    plot.series.push_back(std::move(curve));
    plot.bands.push_back(std::move(band));
  };
  if (tail > 0) add("forecast of what was held out", tested.held_out.tail, n - tail);
  add("forecast, with 95 % of what may come", future, n);
  return plot;
}

void forecast_command(const Arguments& arguments) {
  if (!arguments.compare) find_forecaster(arguments.model);
  const Work work(arguments);
  const RealSeries& series = work.series();
  const bool json = arguments.run.json;
  std::vector<std::string> names{arguments.model};
  if (arguments.compare) {
    names.clear();
    for (const ForecasterRow& row : forecasters()) names.push_back(row.name);
  }
  std::vector<Tested> all;
  Progress progress("forecast", static_cast<std::int64_t>(names.size()) + 1, "models", json);
  for (const std::string& name : names) {
    all.push_back(work.test(name));
    progress.advance_to(static_cast<std::int64_t>(all.size()), name);
  }
  const std::size_t best = static_cast<std::size_t>(
      std::min_element(all.begin(), all.end(),
                       [](const Tested& a, const Tested& b) {
                         return a.held_out.one_step.rmse < b.held_out.one_step.rmse;
                       }) -
      all.begin());
  if (work.holdout() > 0) {
    all.push_back(work.baseline(1));
    if (work.season() > 1) all.push_back(work.baseline(work.season()));
  }
  // The forecast is made by the model fitted to everything.
  const Tested chosen = all[best];
  const auto whole = work.fit(chosen.name, series.values);
  const Forecast future = whole->forecast(series.values, arguments.horizon);
  const FitReport report = whole->report();
  progress.clear();
  const std::string csv = arguments.out + ".csv";
  const std::string png = arguments.out + ".png";
  write_file(csv, forecast_csv(series, future));
  write_file(png, draw::draw_plot(forecast_plot(work, chosen, future),
                                  {.panel_width = 960, .panel_height = 480})
                      .png());
  if (json) {
    Json models = Json::array();
    for (const Tested& t : all) models.push_back(tested_json(t, work.holdout() > 0));
    print(Json{{"series", series.name},
               {"values", series.values.size()},
               {"filled", series.filled},
               {"holdout", work.holdout()},
               {"season", work.season()},
               {"errors", std::move(models)},
               {"model", chosen.name},
               {"fit", report_json(report)},
               {"labels", labels_after(series, arguments.horizon)},
               {"forecast", future.mean},
               {"deviation", future.deviation},
               {"written", {csv, png}}});
    return;
  }
  std::string text = fmt::format("{}, column \"{}\": {} values", arguments.file, series.name,
                                 grouped(series.size()));
  if (!series.filled.empty()) text += fmt::format(", {} gaps filled", series.filled.size());
  if (work.season() > 1) text += fmt::format(", season {}", work.season());
  text += "\n\n";
  if (work.holdout() > 0) {
    text += fmt::format("Errors on the last {} values, fitted without them:\n{}\n",
                        grouped(work.holdout()), errors_table(all));
  }
  text += fmt::format(
      "{}, fitted to all values: {}\nwrote {}, {} steps with 95 % intervals\nwrote {}\n",
      chosen.name, report_text(report), csv, arguments.horizon, png);
  print(text);
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SERIES", arguments->file, "a CSV file")->required();
  std::string models;
  for (const ForecasterRow& row : forecasters()) {
    models += fmt::format("{}{}: {}", models.empty() ? "" : "; ", row.name, row.doc);
  }
  app.add_option("--model", arguments->model, models)->capture_default_str();
  app.add_flag("--compare", arguments->compare,
               "every model; the forecast is that of the least error one step ahead");
  app.add_option("--column", arguments->series.column,
                 "the column's name or number; the last where none is given");
  app.add_option("--gaps", arguments->series.gaps,
                 "refuse, or linear: filled on the line between their neighbours")
      ->capture_default_str();
  app.add_option("--horizon", arguments->horizon, "steps to forecast")->capture_default_str();
  app.add_option("--holdout", arguments->holdout,
                 "values at the end to test on: a share under 1, or a count")
      ->capture_default_str();
  app.add_option("--season", arguments->season,
                 "steps of a season; 0: none; -1: found by autocorrelation")
      ->capture_default_str();
  app.add_option("--out", arguments->out, "where to write: OUT.csv and OUT.png")
      ->capture_default_str();
  add_options(app, arguments->options);
  add_options(app, arguments->run);
  app.callback([arguments] { forecast_command(*arguments); });
}

}  // namespace

void register_command_forecast(CommandRegistry& registry);
void register_command_forecast(CommandRegistry& registry) {
  registry.add({.name = "forecast",
                .doc = "fit models to a series of numbers, test them, say what comes next",
                .example = "striate forecast passengers.csv --model ar --order auto --horizon 24",
                .set_up = set_up});
}

}  // namespace striate
