#include "striate/tasks/sequence/series.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/codec/csv.h"

namespace striate {
namespace {

std::size_t column_of(const CsvTable& table, const std::string& wanted, const std::string& file) {
  const std::size_t columns = table.rows[0].size();
  if (wanted.empty()) return columns - 1;
  const auto named = std::find(table.header.begin(), table.header.end(), wanted);
  if (named != table.header.end()) {
    return static_cast<std::size_t>(named - table.header.begin());
  }
  std::size_t number = 0;
  const char* end = wanted.data() + wanted.size();
  const auto [next, error] = std::from_chars(wanted.data(), end, number);
  if (error == std::errc() && next == end) {
    if (number >= 1 && number <= columns) return number - 1;
    fail<InputError>("{}: expected a column from 1 to {}, got {}", file, columns, number);
  }
  fail<InputError>("{}: no column \"{}\"{}", file, wanted, suggestion(wanted, table.header));
}

bool is_gap(std::string cell) {
  std::erase_if(cell, [](char c) { return c == ' ' || c == '\t'; });
  std::transform(cell.begin(), cell.end(), cell.begin(), [](unsigned char c) {
    return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
  });
  return cell.empty() || cell == "na" || cell == "n/a" || cell == "nan" || cell == "null";
}

// A label as a count of years (or whatever it numbers), months or days.
struct When {
  enum class Kind : std::uint8_t { none, number, month, day };
  Kind kind = Kind::none;
  std::int64_t count = 0;

  bool follows(const When& before) const {
    return kind != Kind::none && kind == before.kind && count == before.count + 1;
  }
};

When when_of(const std::string& label) {
  std::vector<std::int64_t> parts;
  const char* at = label.data();
  const char* end = at + label.size();
  while (at != end && parts.size() < 3) {
    std::int64_t part = 0;
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc() || part < 0 || part > 1000000) return {};
    parts.push_back(part);
    at = next;
    if (at == end) break;
    if (*at != '-') return {};
    ++at;
  }
  if (at != end || parts.empty() || label.ends_with('-')) return {};
  if (parts.size() == 1) return {When::Kind::number, parts[0]};
  if (parts[0] > 9999 || parts[1] < 1 || parts[1] > 12) return {};
  if (parts.size() == 2) return {When::Kind::month, parts[0] * 12 + parts[1] - 1};
  using namespace std::chrono;
  const year_month_day date(year(static_cast<int>(parts[0])),
                            month(static_cast<unsigned>(parts[1])),
                            day(static_cast<unsigned>(parts[2])));
  if (!date.ok()) return {};
  return {When::Kind::day, sys_days(date).time_since_epoch().count()};
}

std::string label_of(const When& when, const std::string& like) {
  if (when.kind == When::Kind::number) return std::to_string(when.count);
  // Years stand as wide as in the label before, as in 3-12 or 1960-12.
  const std::size_t width = like.find('-');
  if (when.kind == When::Kind::month) {
    return fmt::format("{:0{}}-{:02}", when.count / 12, width, when.count % 12 + 1);
  }
  using namespace std::chrono;
  const year_month_day date(sys_days(days(when.count)));
  return fmt::format("{:0{}}-{:02}-{:02}", static_cast<int>(date.year()), width,
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

}  // namespace

RealSeries read_series(const std::filesystem::path& path, const SeriesOptions& options) {
  const std::vector<std::string> ways{"refuse", "linear"};
  if (std::find(ways.begin(), ways.end(), options.gaps) == ways.end()) {
    fail<InputError>("gaps: unknown way {}{}", options.gaps, suggestion(options.gaps, ways));
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  const std::string file = path.string();
  const CsvTable table = read_csv(read_file(path, kMost), file);
  if (table.rows.empty()) fail<InputError>("{}: expected values below the first line", file);
  const std::size_t column = column_of(table, options.column, file);
  const auto title = [&](std::size_t c) {
    return table.header.empty() ? fmt::format("column {}", c + 1) : table.header[c];
  };
  RealSeries series{.name = title(column)};
  if (column > 0) series.label_name = title(0);
  std::size_t gap = 0;  // cells of the gap at hand
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const std::string& cell = table.rows[r][column];
    if (column > 0) series.labels.push_back(table.rows[r][0]);
    double value = 0;
    if (!csv_number(cell, table.separator, value)) {
      if (!is_gap(cell)) {
        fail<InputError>("{}: line {}, column \"{}\": expected a number, got \"{}\"", file,
                         table.lines[r], series.name, cell.substr(0, 40));
      }
      const bool at_end = r == 0 || r + 1 == table.rows.size() || gap == r;
      if (options.gaps == "refuse" || at_end) {
        fail<InputError>(
            "{}: line {}, column \"{}\": a gap{}", file, table.lines[r], series.name,
            at_end ? " at an end of the series" : "; --gaps linear fills it from its neighbours");
      }
      ++gap;
      series.filled.push_back(table.lines[r]);
      series.values.push_back(0);
      continue;
    }
    // Squares and their sums must be numbers too.
    constexpr double kMostSize = 1e100;
    if (std::abs(value) > kMostSize) {
      fail<InputError>("{}: line {}, column \"{}\": {} is beyond what is computed with", file,
                       table.lines[r], series.name, value);
    }
    series.values.push_back(value);
    if (gap == 0) continue;
    const std::size_t first = r - gap;
    const double before = series.values[first - 1];
    for (std::size_t i = 0; i < gap; ++i) {
      const double share = static_cast<double>(i + 1) / static_cast<double>(gap + 1);
      series.values[first + i] = before + share * (value - before);
    }
    gap = 0;
  }
  return series;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance_of(std::span<const double> values) { return autocovariances(values, 0)[0]; }

std::vector<double> autocovariances(std::span<const double> values, std::int64_t lags) {
  const double mean = mean_of(values);
  std::vector<double> result;
  for (std::size_t k = 0; k <= static_cast<std::size_t>(lags); ++k) {
    double sum = 0;
    for (std::size_t t = k; t < values.size(); ++t) {
      sum += (values[t] - mean) * (values[t - k] - mean);
    }
    result.push_back(sum / static_cast<double>(values.size()));
  }
  return result;
}

std::int64_t season_of(std::span<const double> values) {
  constexpr double kLeast = 0.3;
  constexpr std::int64_t kMostLags = 1000;
  const auto n = static_cast<std::int64_t>(values.size());
  const std::int64_t lags = std::min(n / 3, kMostLags);
  if (lags < 3) return 0;
  std::vector<double> differences(values.size() - 1);
  for (std::size_t t = 0; t < differences.size(); ++t) differences[t] = values[t + 1] - values[t];
  const std::vector<double> c = autocovariances(differences, lags);
  std::int64_t best = 0;
  double most = kLeast * c[0];
  for (std::size_t k = 2; k < static_cast<std::size_t>(lags); ++k) {
    if (c[k] <= most || c[k] < c[k - 1] || c[k] < c[k + 1]) continue;
    most = c[k];
    best = static_cast<std::int64_t>(k);
  }
  return best;
}

std::vector<std::string> labels_after(const RealSeries& series, std::int64_t steps) {
  When last;
  const std::size_t n = series.labels.size();
  if (n >= 2) {
    last = when_of(series.labels[n - 1]);
    if (!last.follows(when_of(series.labels[n - 2]))) last = {};
  }
  std::vector<std::string> labels;
  for (std::int64_t h = 1; h <= steps; ++h) {
    labels.push_back(last.kind == When::Kind::none
                         ? fmt::format("+{}", h)
                         : label_of({last.kind, last.count + h}, series.labels[n - 1]));
  }
  return labels;
}

}  // namespace striate
