#include "striate/ops/operator.h"

#include <utility>

#include "striate/base/suggest.h"

namespace striate {

void attribute_kind_error(std::string_view name, const Attribute& found,
                          std::string_view expected) {
  static constexpr std::string_view kKinds[] = {
      "an integer",        "a number", "a string",         "a list of integers",
      "a list of numbers", "a tensor", "a list of strings"};
  fail<ModelError>("attribute {}: expected {}, got {}", name, expected, kKinds[found.index()]);
}

void check_attribute_names(const Attributes& attributes, const std::vector<std::string>& known) {
  for (const auto& [name, value] : attributes) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail<ModelError>("unknown attribute {}{}", name, suggestion(name, known));
    }
  }
}

Cost Operator::cost(std::span<const ValueInfo>, std::span<const ValueInfo>) const { return {}; }

void Operator::prepare(const PrepareArgs&) const {
  fail<BugError>("an operator that prepares nothing was asked to");
}

Window Operator::window(std::span<const ValueInfo>) const { return {}; }

void OperatorRegistry::add(OperatorRow row) {
  std::string name = row.name;
  const bool added = rows_.emplace(std::move(name), std::move(row)).second;
  invariant(added, "an operator was registered twice");
}

const OperatorRow& OperatorRegistry::find(std::string_view name) const {
  const auto found = rows_.find(name);
  if (found != rows_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [known_name, row] : rows_) known.push_back(known_name);
  fail<ModelError>("unknown operator {}{}", name, suggestion(name, known));
}

void register_every_op(OperatorRegistry& registry);

const OperatorRegistry& operators() {
  static const OperatorRegistry registry = [] {
    OperatorRegistry all;
    register_every_op(all);
    return all;
  }();
  return registry;
}

}  // namespace striate
