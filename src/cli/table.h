#pragma once

#include <string>
#include <vector>

namespace striate {

/// A table for people: columns as wide as their widest cell, numbers to the right.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> cells);
  /// A line between what stands above and what follows.
  void rule() { rules_.push_back(rows_.size()); }
  std::string str() const;
  /// The same as Markdown.
  std::string markdown() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> rules_;
};

/// The first `width` characters, the last of them "…" where there are more.
std::string shortened(const std::string& text, std::size_t width);
/// 3346442 as "3,346,442".
std::string grouped(std::int64_t number);
/// 5274000 as "5.27 M".
std::string with_unit(double number);
/// 5274000 as "5.27 MB".
std::string bytes_text(std::int64_t bytes);
/// 2.30259 as "2.3026", 593882.14 as "5.939e+05".
std::string decimal(double number);
/// 75.3 as "1 min 15 s", 0.0421 as "42 ms".
std::string duration(double seconds);

}  // namespace striate
