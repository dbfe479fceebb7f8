#include "striate/draw/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "draw/palette.h"
#include "striate/base/error.h"
#include "striate/draw/ticks.h"

namespace striate::draw {
namespace {

constexpr TextStyle kTitle{.size = 16, .bold = true, .color = kInk};
constexpr TextStyle kLabel{.size = 12, .color = kSoftInk};
constexpr TextStyle kName{.size = 12, .color = kInk};
constexpr double kMargin = 18;
constexpr double kPlotMinimum = 8;  // a panel too small for its text keeps this much plot

// Curves are told apart by color first (Okabe and Ito's, which color-blind readers can tell apart
// too), then by dashes, and by the form of their markers.
constexpr std::array kCurveColors = {Color::rgb(0x0072b2), Color::rgb(0xd55e00),
                                     Color::rgb(0x009e73), Color::rgb(0xcc79a7),
                                     Color::rgb(0xe69f00), Color::rgb(0x56b4e9)};
constexpr std::array<double, 2> kDashes = {6, 4};
constexpr std::array<double, 2> kDots = {2, 3};

LineStyle curve_style(std::size_t index) {
  LineStyle style{.color = kCurveColors[index % kCurveColors.size()], .width = 2};
  const std::size_t round = index / kCurveColors.size() % 3;
  if (round == 1) style.dashes = kDashes;
  if (round == 2) style.dashes = kDots;
  return style;
}

void draw_marker(Canvas& canvas, Point at, std::size_t index, const Color& color) {
  constexpr double kRadius = 3.5;
  const double r = kRadius;
  switch (index % 4) {
    case 0:
      return canvas.disc(at, r, color);
    case 1:
      return canvas.fill({at.x - r, at.y - r, 2 * r, 2 * r}, color);
    case 2: {
      const Point triangle[] = {
          {at.x, at.y - 1.3 * r}, {at.x + 1.2 * r, at.y + r}, {at.x - 1.2 * r, at.y + r}};
      return canvas.polygon(triangle, color);
    }
    default: {
      const Point diamond[] = {{at.x, at.y - 1.4 * r},
                               {at.x + 1.4 * r, at.y},
                               {at.x, at.y + 1.4 * r},
                               {at.x - 1.4 * r, at.y}};
      return canvas.polygon(diamond, color);
    }
  }
}

double x_of(const Series& series, std::size_t i) {
  return series.x.empty() ? static_cast<double>(i + 1) : series.x[i];
}

// Beyond these sizes the arithmetic of an axis would overflow.
bool drawable(double value) { return std::abs(value) < 1e300; }

// One direction of a plot: values to pixels.
struct Axis {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  bool logarithmic = false;
  bool whole = true;        // every value is a whole number, so ticks between them would mislead
  double from = 0, to = 0;  // pixels of low and high
  std::vector<Tick> ticks = {};

  bool shows(double value) const { return drawable(value) && (!logarithmic || value > 1e-300); }
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
    whole = whole && value == std::floor(value);
  }
  bool empty() const { return low > high; }
  // A range that has an extent, with `room` of it added at both ends.
  void settle(double room) {
    if (empty()) {
      low = logarithmic ? 0.1 : 0;
      high = 1;
      whole = false;
      return;
    }
    if (logarithmic) {
      const double factor = high / low < 1.02 ? 1.5 : std::pow(high / low, room);
      low = std::max(low / factor, 1e-300);
      high = std::min(high * factor, 1e300);
      return;
    }
    const double size = std::max(std::abs(low), std::abs(high));
    const double extent = high - low;
    const bool flat = extent <= size * 1e-9 || extent < 1e-290;
    const double widened = std::max(size * 0.1, whole || size < 1e-280 ? 1.0 : 0.0);
    const double added = flat ? widened : room * extent;
    low -= added;
    high += added;
  }
  double pixel(double value) const {
    const double share = logarithmic ? std::log(value / low) / std::log(high / low)
                                     : (value / 2 - low / 2) / (high / 2 - low / 2);
    return from + share * (to - from);
  }
  void choose_ticks(int about) {
    ticks = logarithmic ? log_ticks(low, high, about)
                        : linear_ticks(low, high, about, whole && high - low >= 2);
  }
};

struct Axes {
  Axis x;
  Axis y;

  std::optional<Point> point(const Series& series, std::size_t i) const {
    return point(x_of(series, i), series.y[i]);
  }
  std::optional<Point> point(double at, double value) const {
    if (!x.shows(at) || !y.shows(value)) return std::nullopt;
    return Point{x.pixel(at), y.pixel(value)};
  }
};

// The edges of a band as series.
std::array<Series, 2> edges(const Band& band) {
  return {Series{.name = band.series, .y = band.low, .x = band.x},
          Series{.name = band.series, .y = band.high, .x = band.x}};
}

Axes axes_of(const Plot& plot) {
  Axes axes;
  axes.y.logarithmic = plot.log_y;
  axes.y.whole = false;
  std::vector<Series> all = plot.series;
  for (const Band& band : plot.bands) {
    if (band.low.size() != band.high.size()) {
      fail<InputError>(
          "plot \"{}\": band \"{}\": expected as many low as high values, got {} and {}",
          plot.title, band.series, band.low.size(), band.high.size());
    }
    for (Series& edge : edges(band)) all.push_back(std::move(edge));
  }
  for (const Series& series : all) {
    if (!series.x.empty() && series.x.size() != series.y.size()) {
      fail<InputError>("plot \"{}\": series \"{}\": expected as many x as y, got {} and {}",
                       plot.title, series.name, series.x.size(), series.y.size());
    }
    for (std::size_t i = 0; i < series.y.size(); ++i) {
      const double x = x_of(series, i);
      if (!axes.x.shows(x) || !axes.y.shows(series.y[i])) continue;
      axes.x.include(x);
      axes.y.include(series.y[i]);
    }
  }
  return axes;
}

// A point between two gaps has no line to be seen by, so it gets a marker in any case.
void draw_curve(Canvas& canvas, const Axes& axes, const Series& series, std::size_t index) {
  const LineStyle style = curve_style(index);
  std::vector<Point> run;
  const auto finish = [&] {
    if (run.size() > 1) canvas.polyline(run, style);
    if (series.markers || run.size() == 1) {
      for (const Point& point : run) draw_marker(canvas, point, index, style.color);
    }
    run.clear();
  };
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    if (const auto point = axes.point(series, i)) {
      run.push_back(*point);
    } else {
      finish();
    }
  }
  finish();
}

void draw_band(Canvas& canvas, const Axes& axes, const Band& band, std::size_t index) {
  Color color = curve_style(index).color;
  color.alpha = 0.18;
  const auto [low, high] = edges(band);
  std::vector<Point> below;
  std::vector<Point> above;
  const auto finish = [&] {
    below.insert(below.end(), above.rbegin(), above.rend());
    if (below.size() > 2) canvas.polygon(below, color);
    below.clear();
    above.clear();
  };
  for (std::size_t i = 0; i < band.low.size(); ++i) {
    const auto bottom = axes.point(low, i);
    const auto top = axes.point(high, i);
    if (bottom && top) {
      below.push_back(*bottom);
      above.push_back(*top);
    } else {
      finish();
    }
  }
  finish();
}

struct LegendEntry {
  std::size_t index;
  std::string name;
  Point at;
};

// Names in rows across the width, before the plot is placed below them.
std::vector<LegendEntry> legend_of(const Canvas& canvas, const Plot& plot, const Box& box) {
  constexpr double kSwatch = 34;
  constexpr double kGap = 20;
  constexpr double kRow = 19;
  std::vector<LegendEntry> entries;
  Point at{box.x, box.y + kRow / 2};
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    if (plot.series[i].name.empty()) continue;
    std::string name = canvas.fitted(plot.series[i].name, box.width - kSwatch, kName);
    const double width = kSwatch + canvas.measure(name, kName).width;
    if (at.x > box.x && at.x + width > box.right()) at = {box.x, at.y + kRow};
    entries.push_back({i, std::move(name), at});
    at.x += width + kGap;
  }
  return entries;
}

void draw_legend(Canvas& canvas, const Plot& plot, std::span<const LegendEntry> entries) {
  for (const LegendEntry& entry : entries) {
    const LineStyle style = curve_style(entry.index);
    const Point at = entry.at;
    canvas.line(at, {at.x + 26, at.y}, style);
    if (plot.series[entry.index].markers) {
      draw_marker(canvas, {at.x + 13, at.y}, entry.index, style.color);
    }
    canvas.text_middle(entry.name, {at.x + 32, at.y}, kName);
  }
}

void draw_grid(Canvas& canvas, const Axes& axes, const Box& area) {
  TextStyle style = kLabel;
  style.align = Align::kRight;
  for (const Tick& tick : axes.y.ticks) {
    const double y = std::round(axes.y.pixel(tick.value)) + 0.5;
    canvas.line({area.x, y}, {area.right(), y}, {.color = kGrid});
    canvas.text_middle(tick.label, {area.x - 7, y}, style);
  }
  style.align = Align::kCenter;
  const double base = std::round(area.bottom()) + 0.5;
  for (const Tick& tick : axes.x.ticks) {
    const double x = std::round(axes.x.pixel(tick.value)) + 0.5;
    canvas.line({x, base}, {x, base + 5}, {.color = kSoftInk});
    canvas.text_middle(tick.label, {x, base + 15}, style);
  }
  canvas.line({area.x, base}, {area.right(), base}, {.color = kSoftInk});
}

void draw_panel(Canvas& canvas, const Plot& plot, const Box& panel) {
  Axes axes = axes_of(plot);
  const bool empty = axes.x.empty();
  axes.x.settle(0.02);
  axes.y.settle(0.05);
  Box area{panel.x + kMargin, panel.y + kMargin, panel.width - 2 * kMargin,
           panel.height - 2 * kMargin};
  const auto take_top = [&](double height) {
    area.y += height;
    area.height -= height;
  };
  if (!plot.title.empty()) {
    canvas.text(canvas.fitted(plot.title, area.width, kTitle), {area.x, area.y + 13}, kTitle);
    take_top(27);
  }
  const std::vector<LegendEntry> legend = legend_of(canvas, plot, area);
  draw_legend(canvas, plot, legend);
  if (!legend.empty()) take_top(legend.back().at.y - area.y + 14);
  if (!plot.y_label.empty()) {
    canvas.text(canvas.fitted(plot.y_label, area.width, kLabel), {area.x, area.y + 11}, kLabel);
    take_top(22);
  }
  if (!plot.x_label.empty()) {
    TextStyle style = kLabel;
    style.align = Align::kRight;
    canvas.text(canvas.fitted(plot.x_label, area.width, kLabel), {area.right(), area.bottom()},
                style);
    area.height -= 18;
  }
  take_top(4);
  area.height = std::max(area.height - 22, kPlotMinimum);
  axes.y.from = area.bottom();
  axes.y.to = area.y;
  axes.y.choose_ticks(std::clamp(static_cast<int>(area.height / 40), 2, 10));
  double widest = 0;
  for (const Tick& tick : axes.y.ticks) {
    widest = std::max(widest, canvas.measure(tick.label, kLabel).width);
  }
  area.x += widest + 8;
  area.width = std::max(area.width - widest - 8, kPlotMinimum);
  axes.x.from = area.x;
  axes.x.to = area.right();
  axes.x.choose_ticks(std::clamp(static_cast<int>(area.width / 64), 2, 12));
  draw_grid(canvas, axes, area);
  for (const Band& band : plot.bands) {
    const auto found = std::find_if(plot.series.begin(), plot.series.end(),
                                    [&](const Series& s) { return s.name == band.series; });
    draw_band(canvas, axes, band, static_cast<std::size_t>(found - plot.series.begin()));
  }
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    draw_curve(canvas, axes, plot.series[i], i);
  }
  if (empty) {
    TextStyle style = kLabel;
    style.align = Align::kCenter;
    canvas.text_middle("no data", area.center(), style);
  }
}

}  // namespace

Canvas draw_plots(std::span<const Plot> panels, const PlotOptions& options) {
  const int count = std::max(1, static_cast<int>(panels.size()));
  const int columns = std::clamp(options.columns, 1, count);
  const int rows = (count + columns - 1) / columns;
  std::string name;
  for (const Plot& plot : panels) name += (name.empty() ? "" : ", ") + plot.title;
  Canvas canvas(columns * options.panel_width, rows * options.panel_height, name);
  for (int i = 0; i < static_cast<int>(panels.size()); ++i) {
    const int row = i / columns;
    const Box panel{static_cast<double>(i % columns) * options.panel_width,
                    static_cast<double>(row) * options.panel_height,
                    static_cast<double>(options.panel_width),
                    static_cast<double>(options.panel_height)};
    const auto clip = canvas.clip(panel);
    draw_panel(canvas, panels[static_cast<std::size_t>(i)], panel);
  }
  return canvas;
}

Canvas draw_plot(const Plot& plot, const PlotOptions& options) {
  return draw_plots({&plot, 1}, options);
}

}  // namespace striate::draw
