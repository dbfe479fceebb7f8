#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace striate {

/// Real numbers one after another, in equal steps of time.
struct RealSeries {
  std::string name;  ///< of the column
  std::vector<double> values;
  std::vector<std::string> labels;  ///< of each value, from the first column, where it is another
  std::string label_name;
  std::vector<std::int64_t> filled;  ///< lines of the file whose gap was filled

  std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
};

struct SeriesOptions {
  /// A column's name, or its number counted from 1; empty: the last one.
  std::string column;
  /// "refuse", or "linear": fills gaps on the straight line between their neighbours.
  std::string gaps = "refuse";
};

/// Reads one column of a CSV file. A gap is an empty cell, or one that says NA, NaN or null. Throws
/// InputError naming the file, line and column for cells that are no number, for gaps that are not
/// to be filled or lie at an end, for a column that is not there, and for no values.
RealSeries read_series(const std::filesystem::path& path, const SeriesOptions& options = {});

/// Mean and population variance. REQUIRES: at least one value.
double mean_of(std::span<const double> values);
double variance_of(std::span<const double> values);
/// sum over t of (x_t - mean)(x_{t-k} - mean), divided by the count of values, for k = 0 … lags (Box
/// and Jenkins, section 2.1.5). REQUIRES: at least one value.
std::vector<double> autocovariances(std::span<const double> values, std::int64_t lags);

/// The season's length: the lag from 2 on, of at most a third of the series, where the
/// autocorrelation of the differences is greatest, if it is over 0.3 and greater than beside it; 0
/// where there is none.
std::int64_t season_of(std::span<const double> values);

/// Labels of the steps that follow: the next numbers, months (1960-12) or days (1990-12-31) where the
/// last two labels are such and lie one step apart, else +1, +2, ….
std::vector<std::string> labels_after(const RealSeries& series, std::int64_t steps);

}  // namespace striate
