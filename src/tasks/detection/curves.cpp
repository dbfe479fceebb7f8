#include "striate/tasks/detection/curves.h"

#include <algorithm>

#include <fmt/format.h>

#include "striate/base/error.h"
#include "striate/draw/plot.h"

namespace striate {

draw::Canvas precision_recall_curves(const Score& score, const std::vector<std::string>& classes,
                                     const ScoreOptions& options) {
  constexpr std::size_t kMost = 24;
  std::vector<draw::Plot> panels;
  for (std::size_t c = 0; c < score.classes.size() && panels.size() < kMost; ++c) {
    const ClassScore& one = score.classes[c];
    if (one.objects == 0) continue;
    std::vector<double> best = one.precision;
    for (std::size_t i = best.size(); i-- > 1;) best[i - 1] = std::max(best[i - 1], best[i]);
    // Drawn from recall 0 to 1; what is never reached has precision 0.
    std::vector<double> recall = one.recall;
    recall.insert(recall.begin(), 0);
    best.insert(best.begin(), best.empty() ? 0 : best.front());
    for (const double end : {recall.back(), 1.0}) {
      recall.push_back(end);
      best.push_back(0);
    }
    panels.push_back({.title = fmt::format("{}: AP {:.2f} % ({}, overlap {})", classes[c],
                                           100 * one.average_precision, name_of(options.protocol),
                                           options.overlap),
                      .x_label = fmt::format("recall of {} objects", one.objects),
                      .y_label = "precision",
                      .series = {{.name = "measured", .y = one.precision, .x = one.recall},
                                 {.name = "best from here on", .y = best, .x = recall}}});
  }
  if (panels.empty()) fail<InputError>("no class has objects: there is no curve to draw");
  return draw::draw_plots(panels, {.panel_width = 520, .panel_height = 360});
}

}  // namespace striate
