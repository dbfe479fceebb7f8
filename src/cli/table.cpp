#include "cli/table.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "striate/base/error.h"

namespace striate {
namespace {

// Characters, not bytes: class names may be in any script.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  invariant(cells.size() == columns_.size(), "a table row has another number of cells");
  rows_.push_back(std::move(cells));
}

std::string Table::str() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = width_of(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, width_of(row[c]));
    widths.push_back(width);
  }
  std::string text;
  const auto line = [&](const auto& cell_of) {
    std::string row;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string& cell = cell_of(c);
      const std::string space(widths[c] - width_of(cell), ' ');
      if (c != 0) row += "  ";
      row += columns_[c].align == Align::left ? cell + space : space + cell;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + '\n';
  };
  std::size_t total = 2 * (columns_.size() - 1);
  for (const std::size_t width : widths) total += width;
  const auto rule = [&] {
    for (std::size_t i = 0; i < total; ++i) text += "─";
    text += '\n';
  };
  line([&](std::size_t c) -> const std::string& { return columns_[c].title; });
  rule();
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    if (std::find(rules_.begin(), rules_.end(), r) != rules_.end()) rule();
    line([&](std::size_t c) -> const std::string& { return rows_[r][c]; });
  }
  return text;
}

std::string Table::markdown() const {
  std::string text;
  const auto line = [&](const auto& cell_of) {
    text += '|';
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      text += ' ';
      for (const char letter : cell_of(c)) text += letter == '|' ? "\\|" : std::string(1, letter);
      text += " |";
    }
    text += '\n';
  };
  line([&](std::size_t c) { return columns_[c].title; });
  line([&](std::size_t c) {
    return std::string(columns_[c].align == Align::left ? "---" : "---:");
  });
  for (const auto& row : rows_) {
    line([&](std::size_t c) { return row[c]; });
  }
  return text;
}

std::string shortened(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return text;
  std::string start;
  std::size_t characters = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && ++characters == width) break;
    start += c;
  }
  return start + "…";
}

std::string grouped(std::int64_t number) {
  const std::string digits = fmt::format("{}", number);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string with_unit(double number) {
  static constexpr const char* kUnits[] = {"", " K", " M", " G", " T"};
  std::size_t unit = 0;
  while (std::abs(number) >= 1000 && unit + 1 < std::size(kUnits)) {
    number /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f}", number) : fmt::format("{:.3g}{}", number, kUnits[unit]);
}

std::string bytes_text(std::int64_t bytes) {
  const std::string text = with_unit(static_cast<double>(bytes));
  return text + (text.find(' ') == std::string::npos ? " B" : "B");
}

std::string decimal(double number) {
  return std::abs(number) < 1e5 ? fmt::format("{:.4f}", number) : fmt::format("{:.3e}", number);
}

std::string duration(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace striate
