#include "data/texts.h"

#include <algorithm>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/codec/utf8.h"

namespace striate {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    if (text[0] == '\n') {
      words.push_back(kEndOfLine);
      text.remove_prefix(1);
      continue;
    }
    const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
    words.push_back(word);
    text.remove_prefix(word.size());
  }
  return words;
}

}  // namespace

std::string_view name_of(Asked asked) {
  switch (asked) {
    case Asked::next:
      return "next";
    case Asked::symbols:
      return "symbols";
    case Asked::label:
      return "label";
    case Asked::number:
      break;
  }
  return "number";
}

std::vector<std::string_view> cut_text(std::string_view text, const std::string& unit) {
  const std::vector<std::string> units{"characters", "words"};
  if (std::find(units.begin(), units.end(), unit) == units.end()) {
    fail<InputError>("unknown unit {}{}", unit, suggestion(unit, units));
  }
  return unit == "words" ? words_of(text) : utf8_characters(text);
}

CutText read_text(const std::filesystem::path& path, const std::string& unit) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  const Bytes bytes = read_file(path, kMost);
  CutText text{.content = std::make_shared<const std::string>(utf8_text(bytes, path.string())),
               .name = path.string()};
  text.symbols = cut_text(*text.content, unit);
  if (text.symbols.size() < 2) {
    fail<InputError>("{}: expected a text, got {} {}", text.name, text.symbols.size(), unit);
  }
  return text;
}

std::vector<std::string> symbols_of(const std::vector<std::string_view>& text,
                                    std::int64_t min_count, bool unknown) {
  struct Seen {
    std::int64_t count = 0;
    std::size_t first = 0;
  };
  std::map<std::string_view, Seen> seen;
  for (std::size_t i = 0; i < text.size(); ++i) {
    Seen& s = seen.try_emplace(text[i], Seen{0, i}).first->second;
    ++s.count;
  }
  std::vector<std::pair<std::string_view, Seen>> order;
  for (const auto& entry : seen) {
    if (entry.second.count >= min_count) order.push_back(entry);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second.count != b.second.count ? a.second.count > b.second.count
                                            : a.second.first < b.second.first;
  });
  std::vector<std::string> symbols;
  for (const auto& entry : order) symbols.emplace_back(entry.first);
  if (unknown && std::find(symbols.begin(), symbols.end(), kUnknown) == symbols.end()) {
    symbols.emplace_back(kUnknown);
  }
  return symbols;
}

std::vector<std::int64_t> numbered(const CutText& text, std::size_t begin, std::size_t end,
                                   const std::vector<std::string>& symbols) {
  std::map<std::string_view, std::int64_t> number;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    number.emplace(symbols[i], static_cast<std::int64_t>(i));
  }
  const auto unknown = number.find(kUnknown);
  std::vector<std::int64_t> result;
  for (std::size_t i = begin; i < end; ++i) {
    auto found = number.find(text.symbols[i]);
    if (found == number.end()) found = unknown;
    if (found == number.end()) {
      const char* at = text.symbols[i].data();
      const char* first = text.content->data();
      fail<InputError>("{}: line {}: \"{}\" is none of the {} symbols that are known", text.name,
                       1 + std::count(first, at, '\n'), text.symbols[i], symbols.size());
    }
    result.push_back(found->second);
  }
  return result;
}

std::vector<std::int64_t> numbered_symbols(const std::string& text, const std::string& unit,
                                           const std::vector<std::string>& symbols) {
  CutText cut{.content = std::make_shared<const std::string>(text), .name = "the text"};
  utf8_text({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, cut.name);
  cut.symbols = cut_text(*cut.content, unit);
  return numbered(cut, 0, cut.symbols.size(), symbols);
}

std::unique_ptr<SequenceDataset> text_dataset(std::vector<std::string> symbols,
                                              std::vector<std::int64_t> text) {
  std::vector<SequenceExample> examples(1);
  examples[0].symbols = std::move(text);
  return std::make_unique<StoredSequences>(
      SequenceForm{.asked = Asked::next, .symbols = std::move(symbols)}, std::move(examples));
}

}  // namespace striate
