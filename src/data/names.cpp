// Surnames and the languages they come from: a file LANGUAGE.txt for each, a name a line.

#include <algorithm>

#include "data/paths.h"
#include "data/texts.h"
#include "striate/base/error.h"
#include "striate/codec/utf8.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Names {
  std::vector<std::string> languages;
  std::vector<std::string> names;
  std::vector<std::int64_t> labels;
};

Names read_names(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".txt" && path.stem() != "SOURCE" && path.stem() != "README") {
      files.push_back(path);
    }
  }
  if (error) fail<InputError>("{}: cannot be read: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  Names all;
  for (const fs::path& path : files) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 28;
    const Bytes bytes = read_file(path, kMost);
    std::string_view rest = utf8_text(bytes, path.string());
    while (!rest.empty()) {
      std::string_view name = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.remove_suffix(1);
      if (name.empty()) continue;
      all.names.emplace_back(name);
      all.labels.push_back(static_cast<std::int64_t>(all.languages.size()));
    }
    all.languages.push_back(path.stem().string());
  }
  if (all.names.empty()) {
    fail<InputError>("{}: expected files LANGUAGE.txt with a name a line, found none",
                     folder.string());
  }
  return all;
}

// Every tenth name, drawn with a fixed seed, is the test.
std::unique_ptr<SequenceDataset> open_names(const std::string& what,
                                            const SequenceRequest& request) {
  if (request.split == SequenceSplit::validation) return nullptr;
  if (!is_folder(what)) fail<InputError>("names: {}: no such folder", what);
  const Names all = read_names(what);
  SequenceForm form{.asked = Asked::label, .symbols = request.symbols, .classes = all.languages};
  if (form.symbols.empty()) {
    std::vector<std::string_view> characters;
    for (const std::string& name : all.names) {
      const auto some = utf8_characters(name);
      characters.insert(characters.end(), some.begin(), some.end());
    }
    form.symbols = symbols_of(characters, 1, false);
  }
  const auto n = static_cast<std::int64_t>(all.names.size());
  std::vector<std::int64_t> order = shuffled(n, {.seed = 1, .purpose = purpose_of("names")});
  const auto border = order.begin() + n / 10;
  if (request.split == SequenceSplit::test) {
    order.erase(border, order.end());
  } else {
    order.erase(order.begin(), border);
  }
  std::sort(order.begin(), order.end());
  std::vector<SequenceExample> examples;
  for (const std::int64_t i : order) {
    const auto at = static_cast<std::size_t>(i);
    const CutText name{.content = std::make_shared<const std::string>(all.names[at]),
                       .name = all.languages[static_cast<std::size_t>(all.labels[at])] + ".txt"};
    CutText cut = name;
    cut.symbols = utf8_characters(*cut.content);
    SequenceExample example;
    example.symbols = numbered(cut, 0, cut.symbols.size(), form.symbols);
    example.label = all.labels[at];
    examples.push_back(std::move(example));
  }
  return std::make_unique<StoredSequences>(std::move(form), std::move(examples));
}

}  // namespace

void register_dataset_names(DatasetRegistry& registry);
void register_dataset_names(DatasetRegistry& registry) {
  registry.add({.name = "names",
                .what = "surnames to languages, a tenth to test",
                .needs = "a folder with a file LANGUAGE.txt for each, a name a line: names:DIR",
                .open_sequences = open_names});
}

}  // namespace striate
