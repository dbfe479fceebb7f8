#pragma once

#include <filesystem>
#include <map>

#include "striate/data/sequences.h"

namespace striate {

inline constexpr std::string_view kUnknown = "<unk>";
inline constexpr std::string_view kEndOfLine = "<eos>";

// A text cut into symbols, which look at `content`.
struct CutText {
  std::shared_ptr<const std::string> content;
  std::string name;
  std::vector<std::string_view> symbols;
};

// Text in UTF-8 cut into characters or words. Throws InputError for another unit.
std::vector<std::string_view> cut_text(std::string_view text, const std::string& unit);

// Throws InputError for what is not UTF-8, or holds fewer than two symbols, or another unit.
CutText read_text(const std::filesystem::path& path, const std::string& unit);

// The symbols of a text, the most frequent first (equal ones as they come), those under `min_count`
// left out. With `unknown`, "<unk>" is among them.
std::vector<std::string> symbols_of(const std::vector<std::string_view>& text,
                                    std::int64_t min_count, bool unknown);

// The text's symbols by number. Throws InputError as open_sequences does.
std::vector<std::int64_t> numbered(const CutText& text, std::size_t begin, std::size_t end,
                                   const std::vector<std::string>& symbols);

// A text as a dataset.
std::unique_ptr<SequenceDataset> text_dataset(std::vector<std::string> symbols,
                                              std::vector<std::int64_t> text);

}  // namespace striate
