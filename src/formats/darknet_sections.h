#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

/// One section of a darknet .cfg file, with the lines that its keys stand on.
class DarknetSection {
 public:
  DarknetSection(std::string name, int line, const std::string& file)
      : name_(std::move(name)), line_(line), file_(&file) {}

  const std::string& name() const { return name_; }
  int line() const { return line_; }
  /// Throws InputError where the key was there before.
  void add(const std::string& key, const std::string& value, int line);

  /// The value of a key, checked; it counts as known from then on.
  std::int64_t integer(const std::string& key, std::int64_t otherwise, std::int64_t least,
                       std::int64_t most);
  double number(const std::string& key, double otherwise, double least, double most);
  std::string text(const std::string& key, const std::string& otherwise);
  /// Integers separated by commas.
  std::vector<std::int64_t> integers(const std::string& key);
  /// Finite numbers separated by commas.
  std::vector<double> numbers(const std::string& key);
  bool has(const std::string& key) const { return values_.contains(key); }
  /// Keys that mean nothing here, and are no mistake.
  void pass_over(std::string_view words);

  /// Throws InputError for the first key that nobody asked for.
  void check_keys() const;
  /// `what` with the file, the section's line and name before it.
  std::string told(std::string_view what) const;
  /// Throws InputError at the section's line, or at a key's.
  [[noreturn]] void refuse(std::string_view what) const;
  [[noreturn]] void refuse(const std::string& key, std::string_view what) const;

 private:
  struct Entry {
    std::string value;
    int line = 0;
  };
  const Entry* find(const std::string& key);
  template <class T>
  std::vector<T> list(const std::string& key, const char* what);

  std::string name_;
  int line_;
  const std::string* file_;
  std::map<std::string, Entry, std::less<>> values_;
  std::vector<std::string> known_;
};

/// The sections of a file; `file` must live as long. Throws InputError.
std::vector<DarknetSection> darknet_sections(std::string_view text, const std::string& file);

}  // namespace striate
