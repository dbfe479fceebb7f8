#include "striate/formats/onnx.h"

#include <algorithm>
#include <fstream>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <limits>
#include <set>

#include <fmt/ranges.h>

#include "formats/onnx_tensor.h"
#include "formats/onnx_upgrade.h"
#include "striate/base/files.h"

namespace striate {
namespace {

constexpr std::int64_t kFirstOpset = 6;
constexpr std::int64_t kLastOpset = 21;

template <class Message>
Message parse(std::span<const std::uint8_t> bytes, std::string_view name) {
  Message message;
  const bool fits = bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max());
  if (!fits || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail<InputError>("{}: this is no ONNX file", name);
  }
  return message;
}

// Straight from the file, so that its bytes are not in memory twice.
onnx::ModelProto parse_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) read_file(path);  // says what is wrong
  google::protobuf::io::IstreamInputStream stream(&file, 1 << 20);
  onnx::ModelProto message;
  if (!message.ParseFromZeroCopyStream(&stream)) {
    fail<InputError>("{}: this is no ONNX file", path.filename().string());
  }
  return message;
}

// Inputs that an operator must know when the graph is compiled: never parameters.
bool must_be_known(const std::string& op, int input) {
  static const std::map<std::string, int, std::less<>> kFirst = {
      {"Clip", 1}, {"Dropout", 1}, {"Pad", 1}, {"Resize", 1}};
  const auto found = kFirst.find(op);
  return found != kFirst.end() && input >= found->second;
}

Attribute attribute_of(const onnx::AttributeProto& proto, const std::string& where) {
  switch (proto.type()) {
    case onnx::AttributeProto::INT:
      return static_cast<std::int64_t>(proto.i());
    case onnx::AttributeProto::FLOAT:
      return static_cast<double>(proto.f());
    case onnx::AttributeProto::STRING:
      return proto.s();
    case onnx::AttributeProto::INTS:
      return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
    case onnx::AttributeProto::FLOATS:
      return std::vector<double>(proto.floats().begin(), proto.floats().end());
    case onnx::AttributeProto::STRINGS:
      return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
    case onnx::AttributeProto::TENSOR:
      return tensor_of_onnx(proto.t(), where);
    default:
      fail<ModelError>("{}: attributes of type {} are not supported", where, proto.type());
  }
}

class Reader {
 public:
  Reader(onnx::ModelProto& proto, std::string_view name, const KnownInputs& known,
         ExternalData* external)
      : proto_(*proto.mutable_graph()), name_(name), known_(known), external_(external), opset_(0) {
    refuse_unknown_operators();
    opset_ = opset_of(proto);
    model_.graph.name = proto_.name().empty() ? std::string(name) : proto_.name();
  }

  OnnxModel read() {
    find_uses();
    for (onnx::TensorProto& tensor : *proto_.mutable_initializer()) {
      add_initializer(tensor);
      // The largest part of most files: its memory is given back at once.
      std::string().swap(*tensor.mutable_raw_data());
    }
    if (proto_.sparse_initializer_size() > 0) {
      fail<ModelError>("{}: sparse tensors are not supported", name_);
    }
    for (const onnx::ValueInfoProto& input : proto_.input()) add_input(input);
    for (int i = 0; i < proto_.node_size(); ++i) add_node(i);
    for (const onnx::ValueInfoProto& output : proto_.output()) {
      model_.graph.outputs.push_back(output.name());
    }
    check(model_.graph);
    return std::move(model_);
  }

 private:
  std::int64_t opset_of(const onnx::ModelProto& proto) const {
    std::int64_t opset = 0;
    for (const auto& import : proto.opset_import()) {
      if (import.domain().empty() || import.domain() == "ai.onnx") opset = import.version();
    }
    // Some operators have had one form from the first.
    static const std::set<std::string, std::less<>> kUnchanged = {
        "GlobalAveragePool", "GlobalMaxPool", "Softplus", "Softsign"};
    const bool unchanged = opset >= 1 && std::all_of(proto_.node().begin(), proto_.node().end(),
                                                     [&](const auto& node) {
                                                       return kUnchanged.contains(node.op_type());
                                                     });
    if ((opset < kFirstOpset && !unchanged) || opset > kLastOpset) {
      fail<ModelError>("{}: expected opset {} to {}, got {}", name_, kFirstOpset, kLastOpset,
                       opset);
    }
    return opset;
  }

  static std::string operator_of(const onnx::NodeProto& node) {
    const bool ours = node.domain().empty() || node.domain() == "ai.onnx";
    return ours ? node.op_type() : node.domain() + "." + node.op_type();
  }

  // A node without a name is called by its operator and its place.
  std::string name_of_node(int i) const {
    const onnx::NodeProto& node = proto_.node(i);
    return node.name().empty() ? fmt::format("{}_{}", node.op_type(), i) : node.name();
  }

  void refuse_unknown_operators() const {
    std::map<std::string, std::vector<std::string>> unknown;
    for (int i = 0; i < proto_.node_size(); ++i) {
      const std::string op = operator_of(proto_.node(i));
      if (operators().rows().find(op) == operators().rows().end()) {
        unknown[op].push_back(name_of_node(i));
      }
    }
    if (unknown.empty()) return;
    std::vector<std::string> list;
    for (const auto& [op, nodes] : unknown) {
      list.push_back(fmt::format("{} ({})", op, fmt::join(nodes, ", ")));
    }
    fail<ModelError>("{}: operators that are not supported: {}", name_, fmt::join(list, "; "));
  }

  void find_uses() {
    for (const onnx::NodeProto& node : proto_.node()) {
      for (int i = 0; i < node.input_size(); ++i) {
        if (must_be_known(node.op_type(), i)) constants_.insert(node.input(i));
        if (node.op_type() == "BatchNormalization" && i >= 3) statistics_.insert(node.input(i));
      }
    }
  }

  void add_initializer(const onnx::TensorProto& proto) {
    const std::string& name = proto.name();
    Tensor tensor = tensor_of_onnx(proto, fmt::format("{}: {}", name_, name), external_);
    if (!initializers_.insert(name).second) {
      fail<InputError>("{}: two initializers are called {}", name_, name);
    }
    if (!is_float(tensor.dtype()) || constants_.contains(name)) {
      model_.graph.constants.emplace(name, std::move(tensor));
      return;
    }
    model_.graph.parameters.push_back({.name = name,
                                       .dtype = tensor.dtype(),
                                       .shape = tensor.shape(),
                                       .trainable = !statistics_.contains(name),
                                       .initial = {}});
    model_.weights[name] = std::move(tensor);
  }

  void add_input(const onnx::ValueInfoProto& input) {
    const std::string& name = input.name();
    // Before IR version 4 initializers were inputs too.
    if (initializers_.contains(name)) return;
    const std::string what = fmt::format("{}: input {}", name_, name);
    if (!input.type().has_tensor_type())
      fail<ModelError>("{} is no tensor: this is not supported", what);
    const auto& type = input.type().tensor_type();
    GraphInput result{.name = name, .dtype = dtype_of_onnx(type.elem_type(), what), .shape = {}};
    google::protobuf::RepeatedField<std::int64_t> dims;
    for (const auto& dim : type.shape().dim()) dims.Add(dim.has_dim_value() ? dim.dim_value() : 1);
    result.shape = shape_of_onnx(dims, what);
    const auto given = known_.find(name);
    if (given == known_.end()) {
      model_.graph.inputs.push_back(std::move(result));
      return;
    }
    if (given->second.dtype() != result.dtype) {
      fail<ModelError>("{}: expected {}, got {}", what, name_of(result.dtype),
                       name_of(given->second.dtype()));
    }
    model_.graph.constants.emplace(name, given->second);
  }

  void add_node(int i) {
    const onnx::NodeProto& proto = proto_.node(i);
    Node node;
    node.name = name_of_node(i);
    node.op = proto.op_type();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    // Names left empty at the end say nothing.
    while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
    while (node.outputs.size() > 1 && node.outputs.back().empty()) node.outputs.pop_back();
    if (node.outputs.empty()) fail<InputError>("{}: {} has no output", name_, node.name);
    for (const onnx::AttributeProto& attribute : proto.attribute()) {
      const std::string where =
          fmt::format("{}: {} ({}): {}", name_, node.name, node.op, attribute.name());
      node.attributes[attribute.name()] = attribute_of(attribute, where);
    }
    if (node.inputs.empty() && operators().find(node.op).min_inputs > 0) {
      fail<InputError>("{}: {} has no input", name_, node.name);
    }
    add_upgraded(model_.graph, std::move(node), opset_);
  }

  onnx::GraphProto& proto_;
  std::string name_;
  const KnownInputs& known_;
  ExternalData* external_;
  std::int64_t opset_;
  OnnxModel model_;
  std::set<std::string, std::less<>> initializers_, constants_, statistics_;
};

OnnxModel read(onnx::ModelProto proto, std::string_view name, const KnownInputs& known,
               ExternalData* external) {
  if (!proto.has_graph()) fail<InputError>("{}: this is no ONNX file", name);
  OnnxModel model = Reader(proto, name, known, external).read();
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  return model;
}

}  // namespace

OnnxModel read_onnx(std::span<const std::uint8_t> bytes, std::string_view name,
                    const KnownInputs& known) {
  return read(parse<onnx::ModelProto>(bytes, name), name, known, nullptr);
}

OnnxModel load_onnx(const std::filesystem::path& path, const KnownInputs& known) {
  ExternalData external(path.parent_path());
  return read(parse_file(path), path.filename().string(), known, &external);
}

Tensor read_onnx_tensor(std::span<const std::uint8_t> bytes, std::string_view name) {
  return tensor_of_onnx(parse<onnx::TensorProto>(bytes, name), name);
}

}  // namespace striate
