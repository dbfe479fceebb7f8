#include "striate/codec/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "striate/base/error.h"
#include "striate/codec/utf8.h"

namespace striate {
namespace {

using Row = std::vector<std::string>;

// The separator is the one of the first line that stands most often outside quotes.
char separator_of(std::string_view text) {
  std::int64_t commas = 0;
  std::int64_t semicolons = 0;
  std::int64_t tabs = 0;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    commas += c == ',' ? 1 : 0;
    semicolons += c == ';' ? 1 : 0;
    tabs += c == '\t' ? 1 : 0;
  }
  if (tabs > std::max(commas, semicolons)) return '\t';
  return semicolons > 0 && semicolons >= commas ? ';' : ',';
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view name, char separator)
      : rest_(text), name_(name), separator_(separator) {}

  bool done() const { return rest_.empty(); }
  std::int64_t line() const { return line_; }

  // The cells of the next row; one empty cell for an empty line.
  Row row() {
    Row cells;
    const std::int64_t first = line_;
    while (true) {
      cells.push_back(cell(first));
      if (rest_.empty()) return cells;
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == separator_) continue;
      ++line_;
      return cells;
    }
  }

 private:
  // Up to the separator, the end of the line or of the text.
  std::string cell(std::int64_t first) {
    if (!rest_.starts_with('"')) {
      const char ends[] = {separator_, '\n'};
      std::string_view content = rest_.substr(0, rest_.find_first_of(std::string_view(ends, 2)));
      rest_.remove_prefix(content.size());
      if (content.ends_with('\r')) content.remove_suffix(1);
      return std::string(content);
    }
    rest_.remove_prefix(1);
    std::string content;
    while (true) {
      const std::size_t end = rest_.find('"');
      if (end == std::string_view::npos) {
        fail<InputError>("{}: line {}: a quote that does not end", name_, first);
      }
      const std::string_view part = rest_.substr(0, end);
      content += part;
      line_ += std::count(part.begin(), part.end(), '\n');
      rest_.remove_prefix(end + 1);
      if (!rest_.starts_with('"')) break;
      content += '"';
      rest_.remove_prefix(1);
    }
    if (rest_.starts_with('\r')) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_[0] != separator_ && rest_[0] != '\n') {
      fail<InputError>("{}: line {}: text behind a closing quote", name_, line_);
    }
    return content;
  }

  std::string_view rest_, name_;
  char separator_;
  std::int64_t line_ = 1;
};

bool is_empty(const Row& row) { return row.size() == 1 && row[0].empty(); }

}  // namespace

bool csv_number(std::string_view cell, char separator, double& number) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = cell.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return false;
  std::string text(cell.substr(begin, cell.find_last_not_of(kBlanks) + 1 - begin));
  if (separator == ';') std::replace(text.begin(), text.end(), ',', '.');
  const char* from = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(from, end, number);
  return error == std::errc() && next == end && std::isfinite(number);
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",;\t\"\r\n") == std::string_view::npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

CsvTable read_csv(std::span<const std::uint8_t> bytes, std::string_view name) {
  const std::string_view text = utf8_text(bytes, name);
  CsvTable table{.separator = separator_of(text)};
  Reader reader(text, name, table.separator);
  std::size_t columns = 0;
  while (!reader.done()) {
    const std::int64_t line = reader.line();
    Row row = reader.row();
    if (is_empty(row) && columns != 1) continue;
    if (columns == 0) columns = row.size();
    if (row.size() != columns) {
      fail<InputError>("{}: line {}: expected {} cells as in the first line, got {}", name, line,
                       columns, row.size());
    }
    table.rows.push_back(std::move(row));
    table.lines.push_back(line);
  }
  while (!table.rows.empty() && is_empty(table.rows.back())) {
    table.rows.pop_back();
    table.lines.pop_back();
  }
  if (table.rows.empty()) fail<InputError>("{}: expected a table, got no lines", name);
  double ignored = 0;
  const bool numbers = std::any_of(
      table.rows[0].begin(), table.rows[0].end(),
      [&](const std::string& cell) { return csv_number(cell, table.separator, ignored); });
  if (!numbers) {
    table.header = std::move(table.rows[0]);
    table.rows.erase(table.rows.begin());
    table.lines.erase(table.lines.begin());
  }
  return table;
}

}  // namespace striate
