#include <set>

#include "striate/graph/rewrite.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

// What works on each place of a map as on a row of numbers.
bool is_pointwise(const Node& node) {
  static const std::set<std::string, std::less<>> kNames{
      "Relu", "LeakyRelu", "Tanh", "Sigmoid", "Elu", "Softplus", "Identity", "BatchNormalization"};
  return kNames.contains(node.op);
}

bool is(const Node& node, std::string_view attribute, std::int64_t standard, std::int64_t wanted) {
  const auto found = node.attributes.find(attribute);
  const auto* value =
      found == node.attributes.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return (value == nullptr ? standard : *value) == wanted;
}

bool is_one(const Node& node, std::string_view attribute) {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end()) return true;
  const auto* value = std::get_if<double>(&found->second);
  return value != nullptr && *value == 1.0;
}

[[noreturn]] void refuse(const Node& node, std::string_view why) {
  fail<ModelError>("{} ({}): cannot be made convolutional: {}", node.name, node.op, why);
}

}  // namespace

Graph convolutional_form(Graph graph) {
  const ValueInfos infos = infer_shapes(graph);
  // The maps that rows were: their shape before they were flattened.
  std::map<std::string, Shape, std::less<>> map_of;
  std::map<std::string, std::string, std::less<>> stands_for;
  std::vector<Node> nodes;
  bool any = false;
  for (Node& node : graph.nodes) {
    const std::string first = node.inputs.empty() ? "" : node.inputs[0];
    const auto map = map_of.find(first);
    for (std::string& name : node.inputs) {
      const auto found = stands_for.find(name);
      if (found != stands_for.end()) name = found->second;
    }
    const Shape shape = first.empty() ? Shape{} : infos.at(first).shape;
    if (node.op == "GlobalAveragePool" && shape.rank() == 4) {
      node.op = "AveragePool";
      node.attributes = {{"kernel_shape", Ints{shape[2], shape[3]}}, {"strides", Ints{1, 1}}};
      any = true;
    } else if (node.op == "Flatten" && shape.rank() == 4) {
      if (!is(node, "axis", 1, 1)) refuse(node, "it does not begin at the channels");
      map_of[node.outputs[0]] = shape;
      stands_for[node.outputs[0]] = node.inputs[0];
      continue;
    } else if (node.op == "Gemm" && map != map_of.end()) {
      Parameter* weight = nullptr;
      for (Parameter& parameter : graph.parameters) {
        if (node.inputs.size() > 1 && parameter.name == node.inputs[1]) weight = &parameter;
      }
      if (weight == nullptr || weight->shape.rank() != 2 || !is(node, "transB", 0, 1) ||
          !is(node, "transA", 0, 0) || !is_one(node, "alpha") || !is_one(node, "beta")) {
        refuse(node, "expected a dense layer: x times a weight [out, in] transposed, plus a bias");
      }
      const Shape& from = map->second;
      weight->shape = {weight->shape[0], from[1], from[2], from[3]};
      node.op = "Conv";
      node.attributes = {{"kernel_shape", Ints{from[2], from[3]}}};
      map_of[node.outputs[0]] = {1, weight->shape[0], 1, 1};
      any = true;
    } else if (node.op == "Softmax" && map != map_of.end()) {
      node.attributes = {{"axis", std::int64_t{1}}};
      map_of[node.outputs[0]] = map->second;
    } else if (map != map_of.end()) {
      if (!is_pointwise(node)) refuse(node, "it does not work place by place");
      map_of[node.outputs[0]] = map->second;
    }
    nodes.push_back(std::move(node));
  }
  if (!any) {
    fail<ModelError>(
        "{}: it has no dense layer or global pool behind a map, nothing to make "
        "convolutional",
        graph.name);
  }
  graph.nodes = std::move(nodes);
  // Outputs keep their names.
  for (const std::string& output : graph.outputs) {
    const auto found = stands_for.find(output);
    if (found != stands_for.end()) rename_value(graph, found->second, output);
  }
  prune(graph);
  check(graph);
  return graph;
}

Weights convolutional_weights(const Graph& graph, const Weights& weights) {
  Weights result;
  for (const auto& [name, tensor] : weights) {
    const Parameter* parameter = graph.find_parameter(name);
    const bool other = parameter != nullptr && !(parameter->shape == tensor.shape());
    result[name] = other ? tensor.reshaped(parameter->shape) : tensor;
  }
  return result;
}

}  // namespace striate
