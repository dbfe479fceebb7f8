#include "striate/nn/load.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace striate {
namespace {

// Long lists are cut, but the number is always said.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 16;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

}  // namespace

Weights pick_weights(const Graph& graph, const Weights& tensors, std::string_view file,
                     const std::function<std::string()>& meant) {
  Weights picked;
  std::vector<std::string> missing;
  std::vector<std::string> left_over;
  std::vector<std::string> other_shape;
  for (const Parameter& parameter : graph.parameters) {
    if (!tensors.contains(parameter.name)) {
      missing.push_back(parameter.name);
      continue;
    }
    const Tensor& tensor = tensors.at(parameter.name);
    if (tensor.shape() != parameter.shape || !is_float(tensor.dtype())) {
      other_shape.push_back(fmt::format("{} is {} {}, expected {} {}", parameter.name,
                                        name_of(tensor.dtype()), tensor.shape().str(),
                                        name_of(parameter.dtype), parameter.shape.str()));
      continue;
    }
    picked[parameter.name] = tensor.cast(parameter.dtype);
  }
  for (const auto& [name, tensor] : tensors) {
    const bool known =
        graph.find_parameter(name) != nullptr || name.ends_with("num_batches_tracked");
    if (!known) left_over.push_back(name);
  }
  std::vector<std::string> faults;
  if (!missing.empty())
    faults.push_back(fmt::format("{} missing: {}", missing.size(), listed(missing)));
  if (!left_over.empty()) {
    faults.push_back(fmt::format("{} not in the model: {}", left_over.size(), listed(left_over)));
  }
  if (!other_shape.empty()) {
    faults.push_back(
        fmt::format("{} of another shape: {}", other_shape.size(), listed(other_shape)));
  }
  if (!faults.empty()) {
    const std::string other = meant ? meant() : "";
    fail<InputError>("{}: the weights do not fit {}{}: {}", file, graph.name,
                     other.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", other),
                     fmt::join(faults, "; "));
  }
  return picked;
}

}  // namespace striate
