#include "striate/models/registry.h"

#include <algorithm>
#include <utility>

#include "striate/base/suggest.h"

namespace striate {

void ModelRegistry::add(ModelRow row) { rows_.push_back(std::move(row)); }

const ModelRow& ModelRegistry::find(std::string_view name) const {
  const auto found = std::find_if(rows_.begin(), rows_.end(),
                                  [&](const ModelRow& row) { return row.name == name; });
  if (found != rows_.end()) return *found;
  std::vector<std::string> known;
  for (const ModelRow& row : rows_) known.push_back(row.name);
  fail<InputError>("unknown model {}{}", name, suggestion(name, known));
}

void register_every_model(ModelRegistry& registry);

const ModelRegistry& models() {
  static const ModelRegistry registry = [] {
    ModelRegistry all;
    register_every_model(all);
    return all;
  }();
  return registry;
}

}  // namespace striate
