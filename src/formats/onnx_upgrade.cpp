#include "formats/onnx_upgrade.h"

#include <algorithm>
#include <set>

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

Tensor tensor_of(const Attribute& attribute, std::string_view name) {
  if (const auto* one = std::get_if<std::int64_t>(&attribute)) {
    return Tensor::of<std::int64_t>({1}, {one, 1});
  }
  if (const auto* list = std::get_if<Ints>(&attribute)) {
    return Tensor::of<std::int64_t>({static_cast<std::int64_t>(list->size())}, *list);
  }
  if (const auto* one = std::get_if<double>(&attribute)) {
    return Tensor::of<double>({}, {one, 1}).cast(DType::f32);
  }
  attribute_kind_error(name, attribute, "numbers");
}

// An attribute that has become an input.
void to_input(Graph& graph, Node& node, const char* attribute, std::size_t input) {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end()) return;
  if (node.inputs.size() <= input) node.inputs.resize(input + 1);
  const std::string name = node.name + "." + attribute;
  graph.constants[name] = tensor_of(found->second, attribute);
  node.inputs[input] = name;
  node.attributes.erase(found);
}

// What an attribute that is no more must have said.
void drop(Node& node, const char* attribute, std::int64_t expected) {
  const auto found = node.attributes.find(attribute);
  if (found == node.attributes.end()) return;
  const auto* value = std::get_if<std::int64_t>(&found->second);
  if (value == nullptr || *value != expected) {
    fail<ModelError>("{} ({}): attribute {} other than {} is not supported", node.name, node.op,
                     attribute, expected);
  }
  node.attributes.erase(found);
}

// Before opset 13 a softmax ran over all axes from `axis` on.
void add_flattening_softmax(Graph& graph, Node node) {
  const auto found = node.attributes.find("axis");
  const Attribute axis = found == node.attributes.end() ? std::int64_t{1} : found->second;
  node.attributes["axis"] = std::int64_t{-1};
  const std::string& x = node.inputs.at(0);
  const auto value = [&](const char* what) { return node.name + "." + what; };
  graph.nodes.push_back({value("shape"), "Shape", {}, {x}, {value("shape.value")}});
  graph.nodes.push_back({value("flat"), "Flatten", {{"axis", axis}}, {x}, {value("flat.value")}});
  graph.nodes.push_back(
      {node.name, node.op, node.attributes, {value("flat.value")}, {value("softmax.value")}});
  graph.nodes.push_back({value("reshape"),
                         "Reshape",
                         {{"allowzero", std::int64_t{1}}},
                         {value("softmax.value"), value("shape.value")},
                         node.outputs});
}

void upgrade_batch_normalization(Node& node, std::int64_t opset) {
  drop(node, "spatial", 1);
  if (opset >= 14) return;
  if (opset < 7) drop(node, "is_test", 1);
  node.attributes.erase("consumed_inputs");
  if (node.outputs.size() > 1) {
    fail<ModelError>("{} ({}): training in opset {} is not supported", node.name, node.op, opset);
  }
}

// Axes of size 1 behind the second operand's own, so that broadcasting from the last axis on meets
// those that were meant.
void widen_second(Graph& graph, Node& node, std::int64_t rank, std::int64_t trailing) {
  if (trailing <= 0) return;
  Ints axes;
  for (std::int64_t i = 0; i < trailing; ++i) axes.push_back(rank + i);
  const std::string name = node.name + ".widened";
  graph.constants[name + ".axes"] = Tensor::of<std::int64_t>({trailing}, axes);
  graph.nodes.push_back(
      {name, "Unsqueeze", {}, {node.inputs[1], name + ".axes"}, {name + ".value"}});
  node.inputs[1] = name + ".value";
}

// Before opset 7 broadcasting was asked for, and `axis` said where the second operand begins.
void upgrade_broadcasting(Graph& graph, Node& node) {
  static const std::set<std::string, std::less<>> kBinary = {
      "Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "PRelu", "Pow", "Sub", "Xor"};
  if (!kBinary.contains(node.op) || node.inputs.size() != 2) return;
  node.attributes.erase("broadcast");
  const auto found = node.attributes.find("axis");
  if (found == node.attributes.end() && node.op != "PRelu") return;
  const ValueInfos infos = infer_shapes(graph);
  const auto first = infos.find(node.inputs[0]);
  const auto second = infos.find(node.inputs[1]);
  if (first == infos.end() || second == infos.end()) return;  // check will say so
  const std::int64_t rank = first->second.shape.rank();
  const std::int64_t own = second->second.shape.rank();
  if (node.op == "PRelu") {
    // One slope for each channel.
    if (own == 1 && second->second.shape[0] > 1) widen_second(graph, node, own, rank - 2);
    return;
  }
  const auto* axis = std::get_if<std::int64_t>(&found->second);
  if (axis == nullptr) attribute_kind_error("axis", found->second, "an integer");
  if (*axis < -rank || *axis > rank) {
    fail<ModelError>("{} ({}): axis: expected one of {} axes, got {}", node.name, node.op, rank,
                     *axis);
  }
  const std::int64_t begin = *axis < 0 ? *axis + rank : *axis;
  node.attributes.erase(found);
  widen_second(graph, node, own, rank - begin - own);
}

// What opsets 18 to 21 added to operators, where it says what opset 17 did without it.
void drop_news(Node& node) {
  if (node.op == "Resize") {
    drop(node, "antialias", 0);
    const auto found = node.attributes.find("keep_aspect_ratio_policy");
    const auto* policy =
        found == node.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
    if (policy != nullptr && *policy == "stretch") node.attributes.erase(found);
  }
  // How numbers too large for eight bits are cast.
  if (node.op == "Cast") node.attributes.erase("saturate");
}

}  // namespace

void add_upgraded(Graph& graph, Node node, std::int64_t opset) {
  const std::string& op = node.op;
  if ((op == "Softmax" || op == "LogSoftmax") && opset < 13) {
    return add_flattening_softmax(graph, std::move(node));
  }
  if (opset < 7) upgrade_broadcasting(graph, node);
  if (op == "BatchNormalization") upgrade_batch_normalization(node, opset);
  if (op == "Clip" && opset < 11) {
    to_input(graph, node, "min", 1);
    to_input(graph, node, "max", 2);
  }
  if (op == "Dropout" && opset < 12) {
    if (opset < 7) drop(node, "is_test", 1);
    to_input(graph, node, "ratio", 1);
  }
  if ((op == "Squeeze" || op == "Unsqueeze") && opset < 13) to_input(graph, node, "axes", 1);
  if (op == "Pad" && opset < 11) {
    to_input(graph, node, "pads", 1);
    to_input(graph, node, "value", 2);
  }
  if (op == "Slice" && opset < 10) {
    to_input(graph, node, "starts", 1);
    to_input(graph, node, "ends", 2);
    to_input(graph, node, "axes", 3);
  }
  if (op == "TopK" && opset < 10) to_input(graph, node, "k", 1);
  if (op == "Split") {
    if (opset < 13) to_input(graph, node, "split", 1);
    // Only the node knows how many parts there are.
    if (node.inputs.size() < 2 || node.inputs[1].empty()) {
      node.attributes["num_outputs"] = static_cast<std::int64_t>(node.outputs.size());
    }
  }
  if (op == "Resize" && opset < 11) {
    // Opset 10 had no regions, and one way to count pixels.
    if (node.inputs.size() == 2) node.inputs.insert(node.inputs.begin() + 1, "");
    node.attributes["coordinate_transformation_mode"] = std::string("asymmetric");
    node.attributes["nearest_mode"] = std::string("floor");
  }
  if (op == "RoiAlign" && opset < 16) {
    node.attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
  }
  if (op == "Gemm" && opset < 7) node.attributes.erase("broadcast");
  if (opset >= 18) drop_news(node);
  graph.nodes.push_back(std::move(node));
}

}  // namespace striate
