#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

/// A table of text (RFC 4180), every row with as many cells.
struct CsvTable {
  char separator = ',';             ///< or ; or a tab, whichever the first line has most of
  std::vector<std::string> header;  ///< empty where the first row has a number in it
  std::vector<std::vector<std::string>> rows;
  std::vector<std::int64_t> lines;  ///< of each row, counted from 1, the header's among them
};

/// Reads a table in UTF-8. Cells may be quoted, quotes in them doubled; lines end with or without a
/// carriage return. Empty lines are passed over, but those between the rows of a table of one
/// column, which are empty cells. Throws InputError naming `name` and the line for what is not
/// UTF-8, a quote that does not end, a row of another length, and a file without rows.
CsvTable read_csv(std::span<const std::uint8_t> bytes, std::string_view name);

/// The number that a cell holds, blanks around it left out, with a comma for the point where
/// `separator` is a semicolon. False where it is none, or not finite.
bool csv_number(std::string_view cell, char separator, double& number);

/// Text as a cell: quoted where it must be.
std::string csv_cell(std::string_view text);

}  // namespace striate
