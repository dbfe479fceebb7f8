#include "striate/data/registry.h"

#include <cstdlib>
#include <utility>

#include <fmt/ranges.h>

#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/base/suggest.h"

namespace striate {

// Written by the build.
void register_every_dataset(DatasetRegistry& registry);

namespace {

namespace fs = std::filesystem;

// The folder that a row's line names, or nothing where its variable is not set.
fs::path expanded(std::string_view look) {
  constexpr std::string_view kVariable = "$STRIATE_DATA";
  if (look.substr(0, kVariable.size()) != kVariable) return look;
  const char* value = std::getenv("STRIATE_DATA");
  if (value == nullptr || *value == '\0') return {};
  return value + std::string(look.substr(kVariable.size()));
}

fs::path usual_place(const DatasetRow& row) {
  if (row.looks.empty()) {
    fail<InputError>("{}: a path is needed, as in {}:PATH: {}", row.name, row.name, row.needs);
  }
  for (const std::string& look : row.looks) {
    fs::path path = expanded(look);
    if (!path.empty() && present(path)) return path;
  }
  fail<InputError>("{}: not found in {}; to get it: {}", row.name, fmt::join(row.looks, ", "),
                   row.needs);
}

}  // namespace

void DatasetRegistry::add(DatasetRow row) {
  for (const DatasetRow& other : rows_) {
    invariant(other.name != row.name, "two datasets have one name");
  }
  rows_.push_back(std::move(row));
}

const DatasetRow& DatasetRegistry::find(std::string_view name) const {
  std::vector<std::string> names;
  for (const DatasetRow& row : rows_) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  fail<InputError>("unknown dataset \"{}\"{}", name, suggestion(name, names));
}

const DatasetRegistry& datasets() {
  static const DatasetRegistry registry = [] {
    DatasetRegistry every;
    register_every_dataset(every);
    return every;
  }();
  return registry;
}

std::unique_ptr<Dataset> open_dataset(std::string_view name_and_path, Split split) {
  const std::size_t colon = name_and_path.find(':');
  const DatasetRow& row = datasets().find(name_and_path.substr(0, colon));
  if (!row.open) fail<InputError>("{}: it holds sequences, expected pictures", row.name);
  if (colon == std::string_view::npos) return row.open(usual_place(row), split);
  const fs::path path = name_and_path.substr(colon + 1);
  if (path.empty()) {
    fail<InputError>("{}: expected a path after the colon; {}", row.name, row.needs);
  }
  if (!present(path)) {
    fail<InputError>("{}: {}: no such file or folder; to get it: {}", row.name, path.string(),
                     row.needs);
  }
  return row.open(path, split);
}

std::unique_ptr<SequenceDataset> open_sequences(std::string_view name_and_what,
                                                const SequenceRequest& request) {
  const std::size_t colon = name_and_what.find(':');
  const DatasetRow& row = datasets().find(name_and_what.substr(0, colon));
  if (!row.open_sequences) fail<InputError>("{}: it holds pictures, expected sequences", row.name);
  if (colon == std::string_view::npos || colon + 1 == name_and_what.size()) {
    fail<InputError>("{}: something is needed after a colon: {}", row.name, row.needs);
  }
  return row.open_sequences(std::string(name_and_what.substr(colon + 1)), request);
}

}  // namespace striate
