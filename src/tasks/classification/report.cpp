#include "striate/tasks/classification/report.h"

#include <cmath>
#include <limits>

#include "striate/draw/matrix.h"
#include "striate/draw/plot.h"

namespace striate {
namespace {

draw::Series series(const std::string& name, std::span<const EpochReport> epochs,
                    double (*value)(const EpochReport&)) {
  draw::Series curve{.name = name, .markers = true};
  for (const EpochReport& report : epochs) {
    curve.x.push_back(static_cast<double>(report.epoch));
    curve.y.push_back(value(report));
  }
  return curve;
}

// A score of the epoch; nothing is drawn where it was not measured.
template <const char* const& kName>
double score(const EpochReport& report) {
  const auto found = report.scores.find(kName);
  return found == report.scores.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}
constexpr const char* kLoss = "loss";
constexpr const char* kTop1 = "top1";

}  // namespace

draw::Canvas training_curves(const std::string& title, std::span<const EpochReport> epochs) {
  const draw::Plot panels[] = {
      {.title = title + ": loss",
       .x_label = "epoch",
       .y_label = "cross-entropy",
       .series = {series("training", epochs, [](const EpochReport& r) { return r.loss; }),
                  series("validation", epochs, score<kLoss>)}},
      {.title = title + ": accuracy",
       .x_label = "epoch",
       .y_label = "share of pictures",
       .series = {series("training top-1", epochs, [](const EpochReport& r) { return r.top1; }),
                  series("validation top-1", epochs, score<kTop1>)}}};
  return draw::draw_plots(panels);
}

draw::Canvas compared_runs(std::span<const NamedRun> runs) {
  struct Panel {
    const char* title;
    const char* unit;
    double (*value)(const EpochReport&);
  };
  constexpr Panel kPanels[] = {
      {"error on training pictures", "%", [](const EpochReport& r) { return 100 * (1 - r.top1); }},
      {"error on pictures held back", "%",
       [](const EpochReport& r) { return 100 * (1 - score<kTop1>(r)); }},
      {"training loss", "cross-entropy", [](const EpochReport& r) { return r.loss; }},
      {"loss on pictures held back", "cross-entropy", score<kLoss>}};
  std::vector<draw::Plot> plots;
  for (const Panel& panel : kPanels) {
    draw::Plot plot{.title = panel.title, .x_label = "epoch", .y_label = panel.unit};
    bool any = false;
    for (const NamedRun& run : runs) {
      plot.series.push_back(series(run.name, run.epochs, panel.value));
      for (const double y : plot.series.back().y) any = any || std::isfinite(y);
    }
    if (any) plots.push_back(std::move(plot));
  }
  return draw::draw_plots(plots);
}

draw::Canvas confusion_picture(const ClassMetrics& metrics, const std::vector<std::string>& classes,
                               const std::string& title) {
  draw::Matrix matrix{.title = title, .rows = classes, .columns = classes};
  for (std::int64_t truth = 0; truth < metrics.classes(); ++truth) {
    for (std::int64_t predicted = 0; predicted < metrics.classes(); ++predicted) {
      matrix.counts.push_back(metrics.confusion(truth, predicted));
    }
  }
  return draw::draw_matrix(matrix);
}

}  // namespace striate
