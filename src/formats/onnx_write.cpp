#include <algorithm>
#include <limits>

#include "formats/onnx_tensor.h"
#include "striate/base/error.h"
#include "striate/formats/onnx.h"

namespace striate {
namespace {

constexpr std::int64_t kOpset = 17;
constexpr std::int64_t kIrVersion = 8;

onnx::TensorProto::DataType code_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return onnx::TensorProto::FLOAT;
    case DType::f64:
      return onnx::TensorProto::DOUBLE;
    case DType::i64:
      return onnx::TensorProto::INT64;
    case DType::i32:
      return onnx::TensorProto::INT32;
    case DType::u8:
      return onnx::TensorProto::UINT8;
    case DType::boolean:
      return onnx::TensorProto::BOOL;
  }
  throw BugError("code_of: unknown dtype");
}

void put_tensor(onnx::TensorProto& proto, const std::string& name, const Tensor& tensor) {
  proto.set_name(name);
  proto.set_data_type(code_of(tensor.dtype()));
  for (const std::int64_t size : tensor.shape()) proto.add_dims(size);
  proto.set_raw_data(tensor.raw().data(), tensor.bytes());
}

struct PutAttribute {
  onnx::AttributeProto& proto;

  void operator()(std::int64_t value) const {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(double value) const {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(static_cast<float>(value));
  }
  void operator()(const std::string& value) const {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    proto.set_type(onnx::AttributeProto::INTS);
    proto.mutable_ints()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<double>& values) const {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (const double value : values) proto.add_floats(static_cast<float>(value));
  }
  void operator()(const std::vector<std::string>& values) const {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
  }
  void operator()(const Tensor& value) const {
    proto.set_type(onnx::AttributeProto::TENSOR);
    put_tensor(*proto.mutable_t(), "", value);
  }
};

// Whether the network takes batches of any size: the first axis of every input and output follows.
bool batch_is_open(const Graph& graph) {
  constexpr std::int64_t kOther = 3;
  Shapes shapes;
  for (const GraphInput& input : graph.inputs) {
    if (input.shape.rank() < 2 || input.shape[0] != 1) return false;
    shapes[input.name] = input.shape;
    shapes[input.name][0] = kOther;
  }
  try {
    const ValueInfos one = infer_shapes(graph);
    const ValueInfos other = infer_shapes(graph, shapes);
    return std::all_of(graph.outputs.begin(), graph.outputs.end(), [&](const std::string& name) {
      Shape expected = one.at(name).shape;
      if (expected.rank() == 0 || expected[0] != 1) return false;
      expected[0] = kOther;
      return other.at(name).shape == expected;
    });
  } catch (const ModelError&) {
    return false;
  }
}

void put_value(onnx::ValueInfoProto& proto, const std::string& name, DType dtype,
               const Shape& shape, bool open) {
  proto.set_name(name);
  auto* type = proto.mutable_type()->mutable_tensor_type();
  type->set_elem_type(code_of(dtype));
  type->mutable_shape();
  for (int axis = 0; axis < shape.rank(); ++axis) {
    auto* dim = type->mutable_shape()->add_dim();
    if (axis == 0 && open) {
      dim->set_dim_param("batch");
    } else {
      dim->set_dim_value(shape[axis]);
    }
  }
}

void put_node(onnx::NodeProto& proto, const Node& node) {
  if (node.op.starts_with("Fused")) {
    fail<ModelError>("{} ({}): ONNX has no such operator", node.name, node.op);
  }
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  for (const std::string& input : node.inputs) proto.add_input(input);
  for (const std::string& output : node.outputs) proto.add_output(output);
  for (const auto& [name, value] : node.attributes) {
    // Opset 17 counts the parts by the outputs.
    if (node.op == "Split" && name == "num_outputs") continue;
    onnx::AttributeProto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    std::visit(PutAttribute{attribute}, value);
  }
}

}  // namespace

Bytes write_onnx(const OnnxModel& model) {
  const Graph& graph = model.graph;
  invariant(graph.updates.empty(), "a network's training form was to be written as ONNX");
  onnx::ModelProto proto;
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("striate");
  proto.add_opset_import()->set_version(kOpset);
  for (const auto& [key, value] : model.metadata) {
    auto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx::GraphProto& to = *proto.mutable_graph();
  to.set_name(graph.name);
  const bool open = batch_is_open(graph);
  for (const GraphInput& input : graph.inputs) {
    put_value(*to.add_input(), input.name, input.dtype, input.shape, open);
  }
  const ValueInfos infos = infer_shapes(graph);
  for (const std::string& name : graph.outputs) {
    const ValueInfo& info = infos.at(name);
    put_value(*to.add_output(), name, info.dtype, info.shape, open);
  }
  std::size_t bytes = 0;
  for (const Parameter& parameter : graph.parameters) {
    bytes += model.weights.at(parameter.name).bytes();
  }
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<int>::max());
  if (bytes > kMost) {
    fail<InputError>(
        "{}: {} bytes of weights: an ONNX file holds at most {}, and weights in other files are "
        "not "
        "written",
        graph.name, bytes, kMost);
  }
  for (const Parameter& parameter : graph.parameters) {
    put_tensor(*to.add_initializer(), parameter.name, model.weights.at(parameter.name));
  }
  for (const auto& [name, tensor] : graph.constants) {
    put_tensor(*to.add_initializer(), name, tensor);
  }
  for (const Node& node : graph.nodes) put_node(*to.add_node(), node);
  const std::size_t size = proto.ByteSizeLong();
  if (size > kMost) {
    fail<InputError>("{}: {} bytes: an ONNX file holds at most {}", graph.name, size, kMost);
  }
  Bytes result(size);
  invariant(proto.SerializeToArray(result.data(), static_cast<int>(size)), "protobuf failed");
  return result;
}

void save_onnx(const std::filesystem::path& path, const OnnxModel& model) {
  write_file(path, write_onnx(model));
}

}  // namespace striate
