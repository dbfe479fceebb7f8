#include "striate/draw/plot.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "draw/helpers.h"
#include "striate/base/error.h"

namespace striate::draw {
namespace {

constexpr Color kFirst = Color::rgb(0x0072b2);
constexpr Color kSecond = Color::rgb(0xd55e00);
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Box whole(const Image& image) {
  return {0, 0, static_cast<double>(image.width), static_cast<double>(image.height)};
}

int curve_pixels(const Plot& plot, const Color& color = kFirst) {
  const Image image = draw_plot(plot).image();
  return count_color(image, whole(image), color);
}

TEST(Plot, PngHasTheSizeAskedFor) {
  const Plot plot{.title = "loss", .series = {{.name = "training", .y = {3, 2, 1}}}};
  const Image one =
      decode_image(draw_plot(plot, {.panel_width = 300, .panel_height = 200}).png(), "plot");
  EXPECT_EQ(one.width, 300);
  EXPECT_EQ(one.height, 200);
  const Plot three[] = {plot, plot, plot};
  const Canvas grid = draw_plots(three, {.panel_width = 300, .panel_height = 200});
  EXPECT_EQ(grid.width(), 600);
  EXPECT_EQ(grid.height(), 400);
}

// A rising curve runs from the lower left to the upper right.
TEST(Plot, CurvesGoWhereTheirValuesAre) {
  const Image image = draw_plot({.series = {{.name = "", .y = {0, 1, 2, 3}}}}).image();
  const double w = image.width / 3.0;
  const double h = image.height / 3.0;
  EXPECT_GT(count_color(image, {0, 2 * h, w, h}, kFirst), 20);
  EXPECT_GT(count_color(image, {2 * w, 0, w, h}, kFirst), 20);
  EXPECT_EQ(count_color(image, {0, 0, w, h}, kFirst), 0);
  EXPECT_EQ(count_color(image, {2 * w, 2 * h, w, h}, kFirst), 0);
}

// The area has the color of its series, thinned, and the plot makes room for it.
TEST(Plot, BandsLieBetweenTheirCurves) {
  const Plot plot{.series = {{.name = "a", .y = {2, 2, 2}}},
                  .bands = {{.series = "a", .low = {0, 0, 0}, .high = {4, 4, 4}}}};
  const Color thin = blend(Color::rgb(0xffffff), kFirst, 0.18);
  const Image image = draw_plot(plot).image();
  const double w = image.width / 4.0;
  const double h = image.height / 4.0;
  EXPECT_GT(count_color(image, {w, h, 2 * w, h / 2}, thin), w * h / 4);
  EXPECT_GT(curve_pixels(plot), 100);
  EXPECT_EQ(count_color(draw_plot({.series = plot.series}).image(), whole(image), thin), 0);
  Plot wrong = plot;
  wrong.bands[0].high.pop_back();
  EXPECT_THROW(draw_plot(wrong), InputError);
}

// An exponential decay is a straight line on a logarithmic axis: halfway it is at half the height.
TEST(Plot, LogarithmicAxis) {
  Plot plot{.series = {{.name = ""}}, .log_y = true};
  for (int i = 0; i <= 100; ++i) plot.series[0].y.push_back(std::pow(10.0, -i / 25.0));
  const auto middle_row = [&] {
    const Image image = draw_plot(plot).image();
    double sum = 0;
    int count = 0;
    for (int y = 0; y < image.height; ++y) {
      const int here =
          count_color(image, {image.width / 2.0 + 20, static_cast<double>(y), 1, 1}, kFirst);
      sum += here * y;
      count += here;
    }
    return sum / count / image.height;
  };
  EXPECT_NEAR(middle_row(), 0.5, 0.06);
  plot.log_y = false;
  EXPECT_GT(middle_row(), 0.8);
}

TEST(Plot, SeveralSeriesHaveColorsAndALegend) {
  const Plot plot{.series = {{.name = "train <a>", .y = {1, 2}},
                             {.name = "test & b", .y = {2, 1}, .markers = true}}};
  EXPECT_GT(curve_pixels(plot, kFirst), 200);
  EXPECT_GT(curve_pixels(plot, kSecond), 200);
  const std::string svg = draw_plot(plot).svg();
  expect_well_formed(svg);
  EXPECT_NE(svg.find("train &lt;a&gt;"), std::string::npos);
  EXPECT_NE(svg.find("test &amp; b"), std::string::npos);
}

TEST(Plot, MarkersAreDrawn) {
  Plot plot{.series = {{.name = "", .y = {1, 5, 2, 4}}}};
  const int line = curve_pixels(plot);
  plot.series[0].markers = true;
  EXPECT_GT(curve_pixels(plot), line + 40);
}

TEST(Plot, ValuesThatAreNotNumbersAreGaps) {
  Plot plot{.series = {{.name = "", .y = {1, 1, 1, 1, 1, 1, 1, 1, 1}}}};
  const int unbroken = curve_pixels(plot);
  plot.series[0].y[4] = kNan;
  const int broken = curve_pixels(plot);
  EXPECT_NEAR(broken, unbroken * 0.75, unbroken * 0.03);  // two of eight segments are missing
  for (const double odd : {kInfinity, -kInfinity, 1e305, -1.7e308}) {
    plot.series[0].y[4] = odd;
    EXPECT_EQ(curve_pixels(plot), broken) << odd;
  }
  plot.log_y = true;
  const int broken_log = curve_pixels(plot);
  EXPECT_GT(broken_log, 0);
  for (const double odd : {0.0, -3.0, kNan}) {
    plot.series[0].y[4] = odd;
    EXPECT_EQ(curve_pixels(plot), broken_log) << odd;
  }
}

TEST(Plot, APointAloneIsSeen) {
  EXPECT_GT(curve_pixels({.series = {{.name = "", .y = {0.5}}}}), 20);
  EXPECT_GT(curve_pixels({.series = {{.name = "", .y = {kNan, 0.5, kNan}}}}), 20);
  EXPECT_GT(curve_pixels({.series = {{.name = "", .y = {0.0}}}, .log_y = false}), 20);
}

TEST(Plot, NothingToDrawSaysSo) {
  const Plot none[] = {
      {.title = "empty"},
      {.title = "no points", .series = {{.name = "a"}}},
      {.title = "no numbers", .series = {{.name = "a", .y = {kNan, kInfinity}}}},
      {.title = "no logarithm", .series = {{.name = "a", .y = {0, -1}}}, .log_y = true}};
  for (const Plot& plot : none) {
    const Canvas canvas = draw_plot(plot);
    EXPECT_NE(canvas.svg().find("no data"), std::string::npos) << plot.title;
    EXPECT_EQ(decode_image(canvas.png(), "plot").width, canvas.width());
  }
  EXPECT_EQ(draw_plots({}).width(), PlotOptions().panel_width);
}

TEST(Plot, ExtremeRangesAreDrawn) {
  const std::vector<std::vector<double>> ranges = {{-9e299, 9e299},  {1e-308, 2e-308}, {5e-324, 1},
                                                   {1e16, 1e16 + 2}, {7, 7},           {0, 0},
                                                   {-1e-200, 1e-200}};
  for (const auto& range : ranges) {
    for (const bool log_y : {false, true}) {
      const Canvas canvas =
          draw_plot({.series = {{.name = "", .y = range, .x = range}}, .log_y = log_y});
      expect_well_formed(canvas.svg());
      EXPECT_EQ(canvas.svg().find("nan"), std::string::npos) << range[0];
    }
  }
}

TEST(Plot, TinyPanelsDoNotFail) {
  const Plot plot{.title = "a long title",
                  .x_label = "x",
                  .y_label = "y",
                  .series = {{.name = "n", .y = {1, 2}}}};
  EXPECT_EQ(draw_plot(plot, {.panel_width = 10, .panel_height = 10}).image().width, 10);
  EXPECT_THROW(draw_plot(plot, {.panel_width = 0}), InputError);
}

TEST(Plot, RefusesSeriesWhoseLengthsDiffer) {
  EXPECT_THROW(draw_plot({.series = {{.name = "a", .y = {1, 2}, .x = {1}}}}), InputError);
}

}  // namespace
}  // namespace striate::draw
