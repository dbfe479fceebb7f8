#include "striate/tasks/settings.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include <toml++/toml.h>

#include "striate/base/error.h"
#include "striate/base/suggest.h"

namespace striate {

std::string to_toml(const TrainingSettings& settings) {
  std::ostringstream text;
  settings.fields([&](std::string_view name, const auto& field, std::string_view help) {
    text << "# " << help << '\n' << name << " = " << toml::value(field) << '\n';
  });
  return text.str();
}

void read_toml(std::string_view text, std::string_view file, TrainingSettings& settings) {
  toml::table table;
  try {
    table = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    fail<InputError>("{}, line {}: {}", file, error.source().begin.line, error.description());
  }
  std::vector<std::string> known;
  settings.fields([&]<class Field>(std::string_view name, Field& field, std::string_view) {
    known.emplace_back(name);
    const toml::node* node = table.get(name);
    if (node == nullptr) return;
    // A whole number is a number too, but 1e300 is no whole one.
    const auto value = [&] {
      if constexpr (std::is_same_v<Field, std::int64_t>) return node->value_exact<Field>();
      return node->value<Field>();
    }();
    if (!value) {
      fail<InputError>("{}, line {}: {} is of another kind than expected", file,
                       node->source().begin.line, name);
    }
    field = *value;
  });
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail<InputError>("{}, line {}: unknown setting {}{}", file, node.source().begin.line, name,
                       suggestion(name, known));
    }
  }
}

}  // namespace striate
