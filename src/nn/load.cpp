#include "striate/nn/load.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "nn/pytorch_recurrent.h"
#include "striate/nn/recurrent.h"

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

bool is_counter(std::string_view name) { return name.ends_with("num_batches_tracked"); }

std::string misfit(const Parameter& parameter, const Tensor& tensor) {
  return fmt::format("{} is {} {}, expected {} {}", parameter.name, name_of(tensor.dtype()),
                     tensor.shape().str(), name_of(parameter.dtype), parameter.shape.str());
}

bool has_shape(const Tensor& tensor, const Parameter& parameter) {
  return tensor.shape() == parameter.shape && is_float(tensor.dtype());
}

}  // namespace

Weights pick_weights(const Graph& graph, const Weights& named, std::string_view file,
                     const std::function<std::string()>& meant, std::vector<std::string>* notes) {
  std::vector<std::string> changes;
  const Weights tensors = with_gates_apart(graph, named, file, changes);
  if (notes != nullptr) notes->insert(notes->end(), changes.begin(), changes.end());
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
    if (!has_shape(tensor, parameter)) {
      other_shape.push_back(misfit(parameter, tensor));
      continue;
    }
    picked[parameter.name] = tensor.cast(parameter.dtype);
  }
  for (const auto& [name, tensor] : tensors) {
    if (graph.find_parameter(name) == nullptr && !is_counter(name)) left_over.push_back(name);
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

std::vector<std::string> head_parameters(const Graph& graph) {
  std::vector<std::string> scores = graph.auxiliary;
  // A training graph's first output is its loss; states that are carried stand behind the scores.
  const auto carried = carried_states(graph);
  const auto score =
      std::find_if(graph.outputs.rbegin(), graph.outputs.rend(), [&](const auto& name) {
        return std::none_of(carried.begin(), carried.end(),
                            [&](const CarriedState& state) { return state.output == name; });
      });
  if (score != graph.outputs.rend()) scores.push_back(*score);
  std::vector<std::string> head;
  for (std::string value : scores) {
    for (const Node* node = graph.producer(value); node != nullptr; node = graph.producer(value)) {
      const std::size_t before = head.size();
      for (const std::string& input : node->inputs) {
        if (graph.find_parameter(input) != nullptr) head.push_back(input);
      }
      if (head.size() > before) break;
      value = node->inputs[0];
    }
  }
  return head;
}

LoadReport begin_from(const Graph& graph, const Weights& tensors, std::string_view file,
                      bool new_head, Weights& weights) {
  return begin_from(graph, tensors, file, head_parameters(graph), new_head, weights);
}

LoadReport begin_from(const Graph& graph, const Weights& named, std::string_view file,
                      const std::vector<std::string>& head, bool new_head, Weights& weights) {
  LoadReport report;
  const Weights tensors = with_gates_apart(graph, named, file, report.notes);
  std::vector<std::string> other_shape;
  for (const Parameter& parameter : graph.parameters) {
    if (!tensors.contains(parameter.name)) {
      report.missing.push_back(parameter.name);
      continue;
    }
    const Tensor& tensor = tensors.at(parameter.name);
    const bool fits = has_shape(tensor, parameter);
    const bool of_head = std::find(head.begin(), head.end(), parameter.name) != head.end();
    if (of_head && (new_head || !fits)) {
      report.replaced.push_back({parameter.name, tensor.shape(), parameter.shape});
    } else if (!fits) {
      other_shape.push_back(misfit(parameter, tensor));
    } else {
      weights[parameter.name] = tensor.cast(parameter.dtype);
      report.loaded.push_back(parameter.name);
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (graph.find_parameter(name) == nullptr && !is_counter(name)) {
      report.left_over.push_back(name);
    }
  }
  if (!other_shape.empty()) {
    fail<InputError>("{}: the weights do not fit {}: of another shape: {}", file, graph.name,
                     listed(other_shape));
  }
  if (report.loaded.empty()) {
    fail<InputError>("{}: none of its {} tensors is one of {}; not in the model: {}", file,
                     tensors.size(), graph.name, listed(report.left_over));
  }
  return report;
}

}  // namespace striate
