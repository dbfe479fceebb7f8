#include "striate/nn/recurrent.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "nn/gates.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

Tensor int_tensor(const Ints& values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

// The parameters of one layer and its operands made of them.
class Layer {
 public:
  Layer(Builder& b, std::string name, const RecurrentOptions& options, std::int64_t features)
      : b_(b),
        name_(std::move(name)),
        options_(options),
        features_(features),
        first_(
            options.weights.value_or(within(1 / std::sqrt(static_cast<double>(options.hidden))))) {}

  // W, R and B, the last absent where there are no biases.
  std::vector<Value> operands() {
    const std::int64_t rows =
        static_cast<std::int64_t>(gate_names(options_.cell).size()) * options_.hidden;
    const std::int64_t directions = options_.bidirectional ? 2 : 1;
    std::vector<Value> result{
        joined("W", parameters("weight_ih", features_), {directions, rows, features_}),
        joined("R", parameters("weight_hh", options_.hidden), {directions, rows, options_.hidden})};
    if (options_.biases > 0) result.push_back(joined("B", biases(), {directions, 2 * rows}));
    return result;
  }

 private:
  static Initial within(double bound) {
    return {.kind = Initial::Kind::uniform, .a = -bound, .b = bound};
  }
  // Paths of the gates' parameters, direction by direction.
  std::vector<std::string> paths() const {
    std::vector<std::string> result;
    for (const char* direction : {"", "_reverse"}) {
      if (*direction != 0 && !options_.bidirectional) break;
      for (const std::string& gate : gate_names(options_.cell)) {
        result.push_back(name_ + direction + (gate.empty() ? "" : "." + gate));
      }
    }
    return result;
  }

  std::vector<Value> parameters(const std::string& what, std::int64_t columns) {
    std::vector<Value> result;
    for (const std::string& path : paths()) {
      result.push_back(b_.parameter(path + "." + what, {options_.hidden, columns}, first_));
    }
    return result;
  }

  Initial first_bias(const std::string& path) const {
    const bool forget = path.ends_with(".forget");
    if (forget && options_.first_forget_bias) return constant_initial(*options_.first_forget_bias);
    return first_;
  }

  // ONNX's B: the input biases of a direction's gates, then its recurrent ones.
  std::vector<Value> biases() {
    const auto all = paths();
    const std::size_t gates = gate_names(options_.cell).size();
    std::vector<Value> result;
    for (std::size_t begin = 0; begin < all.size(); begin += gates) {
      std::vector<Value> recurrent;
      for (std::size_t gate = 0; gate < gates; ++gate) {
        const std::string& path = all[begin + gate];
        const bool both = options_.biases == 2 || has_two_biases(path);
        const Shape shape{options_.hidden};
        result.push_back(
            b_.parameter(path + (both ? ".bias_ih" : ".bias"), shape, first_bias(path)));
        recurrent.push_back(
            both ? b_.parameter(path + ".bias_hh", shape,
                                options_.first_forget_bias && path.ends_with(".forget")
                                    ? constant_initial(0)
                                    : first_)
                 : zeros());
      }
      result.insert(result.end(), recurrent.begin(), recurrent.end());
    }
    return result;
  }
  bool has_two_biases(const std::string& path) const {
    return options_.cell == RecurrentCell::gru && options_.linear_before_reset &&
           path.ends_with(".candidate");
  }
  // In the place of a recurrent bias that the gate has not.
  Value zeros() {
    if (zeros_.name.empty()) {
      zeros_ = b_.constant(name_ + ".no_bias", Tensor(b_.dtype(), {options_.hidden}));
    }
    return zeros_;
  }

  Value joined(const std::string& what, const std::vector<Value>& parts, const Shape& shape) {
    const std::string name = name_ + "." + what;
    const Value shape_value =
        b_.constant(name + ".shape", int_tensor(Ints(shape.begin(), shape.end())));
    const Value all = b_.node("Concat", name + ".gates", parts, {{"axis", std::int64_t{0}}});
    return b_.node("Reshape", name, {all, shape_value});
  }

  Builder& b_;
  std::string name_;
  const RecurrentOptions& options_;
  std::int64_t features_;
  Initial first_;
  Value zeros_;
};

const char* op_of(RecurrentCell cell) {
  switch (cell) {
    case RecurrentCell::rnn:
      return "RNN";
    case RecurrentCell::lstm:
      return "LSTM";
    case RecurrentCell::gru:
      return "GRU";
  }
  throw BugError("op_of: unknown cell");
}

Attributes attributes_of(const RecurrentOptions& options) {
  Attributes attributes{{"hidden_size", options.hidden}};
  if (options.bidirectional) attributes["direction"] = std::string("bidirectional");
  if (options.cell == RecurrentCell::rnn && options.activation != "Tanh") {
    attributes["activations"] =
        std::vector<std::string>(options.bidirectional ? 2 : 1, options.activation);
  }
  if (options.cell == RecurrentCell::gru && options.activation != "Tanh") {
    std::vector<std::string> names;
    for (int i = 0; i < (options.bidirectional ? 2 : 1); ++i) {
      names.insert(names.end(), {"Sigmoid", options.activation});
    }
    attributes["activations"] = names;
  }
  if (options.cell == RecurrentCell::gru && options.linear_before_reset) {
    attributes["linear_before_reset"] = std::int64_t{1};
  }
  return attributes;
}

// A layer's outputs [T, D, N, H] as [T, N, D * H].
Value steps_of(Builder& b, const std::string& name, const Value& y, bool bidirectional) {
  if (!bidirectional) {
    return b.node("Squeeze", name + ".steps",
                  {y, b.constant(name + ".direction", int_tensor({1}))});
  }
  const Value turned = b.node("Transpose", name + ".turned", {y}, {{"perm", Ints{0, 2, 1, 3}}});
  return b.node("Reshape", name + ".steps",
                {turned, b.constant(name + ".joined", int_tensor({0, 0, -1}))});
}

// A final state [D, N, H] as [N, D * H].
Value last_of(Builder& b, const std::string& name, const Value& h, bool bidirectional) {
  if (!bidirectional) {
    return b.node("Squeeze", name + ".last", {h, b.constant(name + ".direction", int_tensor({0}))});
  }
  const Value turned = b.node("Transpose", name + ".turned", {h}, {{"perm", Ints{1, 0, 2}}});
  return b.node("Flatten", name + ".last", {turned});
}

}  // namespace

const std::vector<std::string>& gate_names(RecurrentCell cell) {
  static const std::vector<std::string> kRnn{""};
  static const std::vector<std::string> kLstm{"input", "output", "forget", "candidate"};
  static const std::vector<std::string> kGru{"update", "reset", "candidate"};
  return cell == RecurrentCell::rnn ? kRnn : cell == RecurrentCell::lstm ? kLstm : kGru;
}

Value recurrent(Builder& b, const std::string& name, const Value& x,
                const RecurrentOptions& options) {
  const Shape in = b.shape(x);
  if (in.rank() != 3) {
    fail<ModelError>("{}: expected an input time,batch,features, got {}", b.path(name), in.str());
  }
  if (options.hidden < 1 || options.layers < 1 || options.biases < 0 || options.biases > 2) {
    fail<ModelError>(
        "{}: expected hidden and layers of at least 1 and 0 to 2 biases, got {}, {} "
        "and {}",
        b.path(name), options.hidden, options.layers, options.biases);
  }
  const bool lstm = options.cell == RecurrentCell::lstm;
  const Shape state{options.bidirectional ? 2 : 1, in[1], options.hidden};
  Value value = x;
  for (std::int64_t i = 0; i < options.layers; ++i) {
    const std::string layer = fmt::format("{}.{}", name, i);
    const bool ends = i + 1 == options.layers;
    std::vector<Value> inputs{value};
    for (Value& operand : Layer(b, layer, options, b.shape(value)[2]).operands()) {
      inputs.push_back(std::move(operand));
    }
    inputs.resize(4);
    inputs.push_back(options.lengths);
    if (options.carry) {
      inputs.push_back(b.input(b.path(layer + ".h"), state));
      if (lstm) inputs.push_back(b.input(b.path(layer + ".c"), state));
    }
    const bool all = !ends || !options.last;
    std::vector<Value> given =
        b.node(op_of(options.cell), layer, inputs, attributes_of(options),
               {all ? layer : "", options.carry || !all ? layer + ".h.next" : "",
                options.carry && lstm ? layer + ".c.next" : ""});
    for (std::size_t k = 1; options.carry && k < given.size(); ++k) {
      if (!given[k].name.empty()) b.output(given[k]);
    }
    value = all ? steps_of(b, layer, given[0], options.bidirectional)
                : last_of(b, layer, given[1], options.bidirectional);
    if (!ends && options.dropout > 0) value = b.dropout(layer + ".dropout", value, options.dropout);
  }
  return value;
}

Value embedding(Builder& b, const std::string& name, const Value& ids,
                const EmbeddingOptions& options) {
  const Initial first =
      options.weights.value_or(Initial{.kind = Initial::Kind::normal, .a = 0, .b = 1});
  const Value table = b.parameter(name + ".weight", {options.entries, options.width}, first);
  return b.node("Gather", name, {table, ids});
}

Value join_steps(Builder& b, const std::string& name, const Value& x) {
  const std::int64_t columns = b.shape(x).back();
  return b.node("Reshape", name, {x, b.constant(name + ".shape", int_tensor({-1, columns}))});
}

RecurrentBiases recurrent_biases(const Graph& graph) {
  RecurrentBiases biases;
  std::vector<std::string> counted;
  const std::function<void(const std::string&)> count = [&](const std::string& value) {
    if (const Parameter* parameter = graph.find_parameter(value)) {
      if (std::find(counted.begin(), counted.end(), value) != counted.end()) return;
      counted.push_back(value);
      biases.own += parameter->shape.elements();
    } else if (const Node* node = graph.producer(value)) {
      for (const std::string& input : node->inputs) count(input);
    }
  };
  ValueInfos infos;
  for (const Node& node : graph.nodes) {
    if (node.op != "RNN" && node.op != "LSTM" && node.op != "GRU") continue;
    if (infos.empty()) infos = infer_shapes(graph);
    const Shape& r = infos.at(node.inputs[2]).shape;
    biases.one += r[0] * r[1];
    biases.two += 2 * r[0] * r[1];
    if (node.inputs.size() > 3) count(node.inputs[3]);
  }
  return biases;
}

std::vector<CarriedState> carried_states(const Graph& graph) {
  std::vector<CarriedState> states;
  for (const GraphInput& input : graph.inputs) {
    const std::string output = input.name + ".next";
    if (std::find(graph.outputs.begin(), graph.outputs.end(), output) != graph.outputs.end()) {
      states.push_back({input.name, output, input.shape});
    }
  }
  return states;
}

}  // namespace striate
