#include "striate/graph/graph.h"

#include <algorithm>
#include <set>

#include "striate/base/suggest.h"

namespace striate {

const Tensor& Weights::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail<ModelError>("there are no weights called {}", name);
  return found->second;
}

Tensor& Weights::at(std::string_view name) {
  return const_cast<Tensor&>(std::as_const(*this).at(name));  // NOLINT: same object, not const
}

Weights Weights::clone() const {
  Weights copy;
  for (const auto& [name, tensor] : tensors_) copy[name] = tensor.clone();
  return copy;
}

namespace {

template <class Named>
const Named* find_named(const std::vector<Named>& list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Named& item) { return item.name == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

const Parameter* Graph::find_parameter(std::string_view parameter) const {
  return find_named(parameters, parameter);
}

const GraphInput* Graph::find_input(std::string_view input) const {
  return find_named(inputs, input);
}

const Node* Graph::producer(std::string_view value) const {
  for (const Node& node : nodes) {
    if (std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end()) {
      return &node;
    }
  }
  return nullptr;
}

namespace {

void check_count(const Node& node, std::string_view what, std::size_t got, int low, int high) {
  const auto count = static_cast<int>(got);
  if (count >= low && count <= high) return;
  fail<ModelError>("{} ({}): expected {} {}, got {}", node.name, node.op,
                   low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high), what,
                   count);
}

}  // namespace

void check(const Graph& graph) {
  std::set<std::string, std::less<>> values;
  const auto define = [&](const std::string& name) {
    if (name.empty()) fail<ModelError>("{}: a value has an empty name", graph.name);
    if (!values.insert(name).second) {
      fail<ModelError>("{}: two values are called {}", graph.name, name);
    }
  };
  for (const GraphInput& input : graph.inputs) define(input.name);
  std::set<std::string_view> parameters;
  for (const Parameter& parameter : graph.parameters) {
    define(parameter.name);
    parameters.insert(parameter.name);
  }
  for (const auto& [name, tensor] : graph.constants) define(name);
  std::set<std::string_view> node_names;
  for (const Node& node : graph.nodes) {
    if (!node_names.insert(node.name).second) {
      fail<ModelError>("{}: two nodes are called {}", graph.name, node.name);
    }
    const OperatorRow& row = operators().find(node.op);
    check_count(node, "inputs", node.inputs.size(), row.min_inputs, row.max_inputs);
    check_count(node, "outputs", node.outputs.size(), row.min_outputs, row.max_outputs);
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !values.contains(input)) {
        fail<ModelError>("{} ({}): input {} is not defined before it", node.name, node.op, input);
      }
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty()) define(output);
    }
  }
  for (const std::string& output : graph.outputs) {
    if (!values.contains(output)) {
      fail<ModelError>("{}: output {} is made by no node", graph.name, output);
    }
  }
  for (const StateUpdate& update : graph.updates) {
    if (!parameters.contains(update.parameter) || !values.contains(update.value)) {
      fail<ModelError>("{}: update of {} by {}: no such parameter or value", graph.name,
                       update.parameter, update.value);
    }
  }
}

std::vector<ValueInfo> operands(const std::vector<std::string>& names, const ValueInfos& infos) {
  std::vector<ValueInfo> result;
  for (const std::string& name : names) {
    if (name.empty()) {
      result.push_back({.absent = true});
    } else {
      result.push_back(infos.at(name));
    }
  }
  return result;
}

ValueInfos infer_shapes(const Graph& graph, const Shapes& input_shapes) {
  for (const auto& [name, shape] : input_shapes) {
    if (graph.find_input(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const GraphInput& input : graph.inputs) known.push_back(input.name);
    fail<ModelError>("{}: there is no input {}{}", graph.name, name, suggestion(name, known));
  }
  ValueInfos infos;
  for (const GraphInput& input : graph.inputs) {
    const auto given = input_shapes.find(input.name);
    const Shape& shape = given == input_shapes.end() ? input.shape : given->second;
    if (shape.rank() != input.shape.rank()) {
      fail<ModelError>("{}: input {} expects {} dimensions ({}), got {}", graph.name, input.name,
                       input.shape.rank(), input.shape.str(), shape.str());
    }
    infos[input.name] = {.dtype = input.dtype, .shape = shape};
  }
  for (const Parameter& parameter : graph.parameters) {
    infos[parameter.name] = {.dtype = parameter.dtype, .shape = parameter.shape};
  }
  for (const auto& [name, tensor] : graph.constants) {
    infos[name] = {.dtype = tensor.dtype(),
                   .shape = tensor.shape(),
                   .constant = std::make_shared<const Tensor>(tensor)};
  }
  for (const Node& node : graph.nodes) {
    try {
      const auto op = operators().find(node.op).make(node.attributes);
      std::vector<ValueInfo> outputs = op->infer(operands(node.inputs, infos));
      invariant(outputs.size() >= node.outputs.size(), "an operator inferred too few outputs");
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        if (!node.outputs[i].empty()) infos[node.outputs[i]] = std::move(outputs[i]);
      }
    } catch (const OutOfPixels& error) {
      fail<OutOfPixels>("{} ({}): {}", node.name, node.op, error.what());
    } catch (const ModelError& error) {
      fail<ModelError>("{} ({}): {}", node.name, node.op, error.what());
    }
  }
  return infos;
}

}  // namespace striate
