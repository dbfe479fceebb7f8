#include "formats/darknet_sections.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "striate/base/error.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

constexpr std::size_t kMostSections = 10000;
constexpr std::size_t kMostBytes = std::size_t{1} << 24;
constexpr std::size_t kShown = 40;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// What a file says, for an error line: cut, and without bytes that a terminal would obey.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, kShown));
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~') c = '?';
  }
  return text.size() > kShown ? result + "…" : result;
}

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void DarknetSection::add(const std::string& key, const std::string& value, int line) {
  const auto [at, added] = values_.try_emplace(key, Entry{value, line});
  if (!added) {
    fail<InputError>("{}:{}: [{}] has {} already, on line {}", *file_, line, name_, shown(key),
                     at->second.line);
  }
}

const DarknetSection::Entry* DarknetSection::find(const std::string& key) {
  known_.push_back(key);
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::int64_t DarknetSection::integer(const std::string& key, std::int64_t otherwise,
                                     std::int64_t least, std::int64_t most) {
  const Entry* entry = find(key);
  if (entry == nullptr) return otherwise;
  std::int64_t value = 0;
  if (!parse(entry->value, value) || value < least || value > most) {
    refuse(key, fmt::format("expected an integer from {} to {}, got {}", least, most,
                            shown(entry->value)));
  }
  return value;
}

double DarknetSection::number(const std::string& key, double otherwise, double least, double most) {
  const Entry* entry = find(key);
  if (entry == nullptr) return otherwise;
  // Darknet's files write .5 and -.5 too, which from_chars reads.
  double value = 0;
  if (!parse(entry->value, value) || !(value >= least && value <= most)) {
    refuse(key, fmt::format("expected a number from {} to {}, got {}", least, most,
                            shown(entry->value)));
  }
  return value;
}

std::string DarknetSection::text(const std::string& key, const std::string& otherwise) {
  const Entry* entry = find(key);
  return entry == nullptr ? otherwise : entry->value;
}

template <class T>
std::vector<T> DarknetSection::list(const std::string& key, const char* what) {
  std::vector<T> values;
  const Entry* entry = find(key);
  if (entry == nullptr) return values;
  std::string_view rest = entry->value;
  while (true) {
    const std::size_t comma = rest.find(',');
    T value = 0;
    if (!parse(trimmed(rest.substr(0, comma)), value) ||
        !std::isfinite(static_cast<double>(value))) {
      refuse(key,
             fmt::format("expected {} separated by commas, got {}", what, shown(entry->value)));
    }
    values.push_back(value);
    if (comma == std::string_view::npos) return values;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::int64_t> DarknetSection::integers(const std::string& key) {
  return list<std::int64_t>(key, "integers");
}

std::vector<double> DarknetSection::numbers(const std::string& key) {
  return list<double>(key, "numbers");
}

void DarknetSection::pass_over(std::string_view words) {
  while (!words.empty()) {
    const std::size_t space = words.find(' ');
    known_.emplace_back(words.substr(0, space));
    words = space == std::string_view::npos ? std::string_view() : words.substr(space + 1);
  }
}

void DarknetSection::check_keys() const {
  const std::string* first = nullptr;
  for (const auto& [key, entry] : values_) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (first == nullptr || entry.line < values_.find(*first)->second.line) first = &key;
  }
  if (first == nullptr) return;
  fail<InputError>("{}:{}: [{}] has no key {}{}", *file_, values_.find(*first)->second.line, name_,
                   shown(*first), suggestion(*first, known_));
}

std::string DarknetSection::told(std::string_view what) const {
  return fmt::format("{}:{}: [{}]: {}", *file_, line_, shown(name_), what);
}

void DarknetSection::refuse(std::string_view what) const { throw InputError(told(what)); }

void DarknetSection::refuse(const std::string& key, std::string_view what) const {
  const auto found = values_.find(key);
  fail<InputError>("{}:{}: [{}]: {}: {}", *file_,
                   found == values_.end() ? line_ : found->second.line, shown(name_), key, what);
}

std::vector<DarknetSection> darknet_sections(std::string_view text, const std::string& file) {
  if (text.size() > kMostBytes) {
    fail<InputError>("{}: expected a network of at most {} bytes, got {}", file, kMostBytes,
                     text.size());
  }
  std::vector<DarknetSection> sections;
  int line = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view content = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++line;
    if (content.empty() || content[0] == '#' || content[0] == ';') continue;
    if (content[0] == '[') {
      if (content.back() != ']' || content.size() < 3) {
        fail<InputError>("{}:{}: expected [section], got {}", file, line, shown(content));
      }
      if (sections.size() == kMostSections) {
        fail<InputError>("{}:{}: expected at most {} sections", file, line, kMostSections);
      }
      sections.emplace_back(std::string(content.substr(1, content.size() - 2)), line, file);
      continue;
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos || trimmed(content.substr(0, equals)).empty()) {
      fail<InputError>("{}:{}: expected key=value or [section], got {}", file, line,
                       shown(content));
    }
    if (sections.empty()) {
      fail<InputError>("{}:{}: expected [net] first, got {}", file, line, shown(content));
    }
    sections.back().add(std::string(trimmed(content.substr(0, equals))),
                        std::string(trimmed(content.substr(equals + 1))), line);
  }
  return sections;
}

}  // namespace striate
