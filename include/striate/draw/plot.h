#pragma once

#include <span>
#include <string>
#include <vector>

#include "striate/draw/canvas.h"

namespace striate::draw {

/// A curve. Where a coordinate is not finite (or, on a logarithmic axis, not positive) the curve
/// has a gap.
struct Series {
  std::string name;
  std::vector<double> y;
  std::vector<double> x = {};  ///< as long as `y`, or empty for 1, 2, 3, …
  bool markers = false;
};

/// An area between two curves, in the color of the series of the same name. Where a coordinate is
/// not finite, the area has a gap.
struct Band {
  std::string series;
  std::vector<double> low, high;
  std::vector<double> x = {};  ///< as long as both, or empty for 1, 2, 3, …
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  bool log_y = false;
  std::vector<Band> bands = {};
};

struct PlotOptions {
  int panel_width = 640;
  int panel_height = 420;
  int columns = 2;  ///< panels side by side, at most
};

/// Panels on one canvas, for example loss beside accuracy. Throws InputError for a series or band
/// whose x and y differ in length.
Canvas draw_plots(std::span<const Plot> panels, const PlotOptions& options = {});
Canvas draw_plot(const Plot& plot, const PlotOptions& options = {});

}  // namespace striate::draw
