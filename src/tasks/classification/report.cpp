#include "striate/tasks/classification/report.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "striate/draw/matrix.h"
#include "striate/draw/plot.h"

namespace striate {
namespace {

template <class Value>
draw::Series series(const std::string& name, std::span<const EpochReport> epochs, Value value) {
  draw::Series curve{.name = name, .markers = true};
  for (const EpochReport& report : epochs) {
    curve.x.push_back(static_cast<double>(report.epoch));
    curve.y.push_back(value(report));
  }
  return curve;
}

// A score of the epoch; nothing is drawn where it was not measured.
auto score(std::string name) {
  return [name = std::move(name)](const EpochReport& report) {
    const auto found = report.scores.find(name);
    return found == report.scores.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  };
}

double training_top1(const EpochReport& report) { return report.top1; }
double training_loss(const EpochReport& report) { return report.loss; }

}  // namespace

draw::Canvas training_curves(const std::string& title, std::span<const EpochReport> epochs,
                             std::span<const ScoreLabel> labels) {
  std::vector<draw::Plot> panels{{.title = title + ": loss",
                                  .x_label = "epoch",
                                  .y_label = "cross-entropy",
                                  .series = {series("training", epochs, training_loss),
                                             series("validation", epochs, score("loss"))}}};
  draw::Plot shares{.title = title + ": accuracy", .x_label = "epoch", .y_label = "share"};
  if (std::any_of(epochs.begin(), epochs.end(),
                  [](const EpochReport& r) { return std::isfinite(r.top1); })) {
    shares.series.push_back(series("training top-1", epochs, training_top1));
  }
  for (const ScoreLabel& label : labels) {
    if (!label.share) continue;
    shares.series.push_back(series("validation " + label.label, epochs, score(label.name)));
  }
  if (!shares.series.empty()) panels.push_back(std::move(shares));
  return draw::draw_plots(panels);
}

draw::Canvas compared_runs(std::span<const NamedRun> runs) {
  struct Panel {
    const char* title;
    const char* unit;
    std::function<double(const EpochReport&)> value;
  };
  const Panel panels[] = {
      {"error on training pictures", "%", [](const EpochReport& r) { return 100 * (1 - r.top1); }},
      {"error on pictures held back", "%",
       [](const EpochReport& r) { return 100 * (1 - score("top1")(r)); }},
      {"training loss", "cross-entropy", [](const EpochReport& r) { return r.loss; }},
      {"loss on pictures held back", "cross-entropy", score("loss")}};
  std::vector<draw::Plot> plots;
  for (const Panel& panel : panels) {
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
