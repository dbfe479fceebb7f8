#include "striate/graph/unroll.h"

#include <algorithm>

#include "ops/recurrent.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

bool is_recurrent(const Node& node) {
  return node.op == "RNN" || node.op == "LSTM" || node.op == "GRU";
}

struct Settings {
  RecurrentCell cell;
  std::string direction;
  std::vector<CellFunction> functions;
  double clip;
  bool batch_first, input_forget, linear_before_reset;

  std::int64_t directions() const { return direction == "bidirectional" ? 2 : 1; }
};

template <RecurrentCell kCell>
Settings settings_of(const Node& node) {
  const auto f = read_attributes<RecurrentFields<kCell>>(node.attributes);
  const std::size_t directions = f.direction == "bidirectional" ? 2 : 1;
  return {.cell = kCell,
          .direction = f.direction,
          .functions = cell_functions(kCell, directions, f.activations, f.activation_alpha,
                                      f.activation_beta),
          .clip = f.clip,
          .batch_first = f.layout == 1,
          .input_forget = f.input_forget,
          .linear_before_reset = f.linear_before_reset};
}

Settings settings_of(const Node& node) {
  if (node.op == "RNN") return settings_of<RecurrentCell::rnn>(node);
  if (node.op == "LSTM") return settings_of<RecurrentCell::lstm>(node);
  return settings_of<RecurrentCell::gru>(node);
}

// Gates in ONNX's order.
const Names& gates_of(RecurrentCell cell) {
  static const Names kRnn{"h"};
  static const Names kLstm{"input", "output", "forget", "candidate"};
  static const Names kGru{"update", "reset", "candidate"};
  return cell == RecurrentCell::rnn ? kRnn : cell == RecurrentCell::lstm ? kLstm : kGru;
}

// Writes one recurrent node out.
class Writer {
 public:
  Writer(const Graph& from, const ValueInfos& infos, const Node& node, Graph& to)
      : from_(from), infos_(infos), node_(node), to_(to), settings_(settings_of(node)) {
    const Shape& x = infos.at(node.inputs[kX]).shape;
    steps_ = x[settings_.batch_first ? 1 : 0];
    batch_ = x[settings_.batch_first ? 0 : 1];
    hidden_ = infos.at(node.inputs[kR]).shape[2];
    dtype_ = infos.at(node.inputs[kX]).dtype;
  }

  std::vector<UnrolledLayer> write() {
    if (!input(kLengths).empty()) {
      fail<ModelError>("{} ({}): a node with sequence lengths cannot be unrolled", node_.name,
                       node_.op);
    }
    std::vector<UnrolledLayer> layers;
    for (std::int64_t d = 0; d < settings_.directions(); ++d) layers.push_back(direction(d));
    put_outputs(layers);
    return layers;
  }

 private:
  struct Gate {
    std::string w, r, b, recurrent_b, peephole;  // "" is absent
  };

  std::string input(std::size_t i) const { return i < node_.inputs.size() ? node_.inputs[i] : ""; }
  std::string output(std::size_t i) const {
    return i < node_.outputs.size() ? node_.outputs[i] : "";
  }

  std::string add(const std::string& op, const std::string& name, const Names& inputs,
                  Attributes attributes = {}) {
    to_.nodes.push_back({.name = name,
                         .op = op,
                         .attributes = std::move(attributes),
                         .inputs = inputs,
                         .outputs = {name}});
    return name;
  }
  std::string constant(const std::string& name, Tensor tensor) {
    to_.constants.emplace(name, std::move(tensor));
    return name;
  }
  std::string integers(const std::string& name, const Ints& values) {
    return constant(name,
                    Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  std::string number(const std::string& name, double value) {
    return constant(name, Tensor::of<double>({}, {{value}}).cast(dtype_));
  }

  // Direction d of an operand [directions, count * rows, …] cut into `count` parts.
  Names parts(const std::string& operand, std::int64_t d, std::size_t count,
              const std::string& name) {
    if (operand.empty()) return Names(count);
    const std::string index = name + ".index";
    const std::int64_t place[] = {d};
    constant(index, Tensor::of<std::int64_t>({}, place));
    const std::string one =
        add("Gather", name + ".direction", {operand, index}, {{"axis", std::int64_t{0}}});
    if (count == 1) return {one};
    Names names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}.{}", name, i));
    const std::int64_t rows = infos_.at(operand).shape[1] / static_cast<std::int64_t>(count);
    const std::string sizes = integers(name + ".sizes", Ints(count, rows));
    to_.nodes.push_back({.name = name,
                         .op = "Split",
                         .attributes = {{"axis", std::int64_t{0}}},
                         .inputs = {one, sizes},
                         .outputs = names});
    return names;
  }

  // The same where the operand is a Concat of parameters, one a part: they themselves.
  Names operands(std::size_t i, std::int64_t d, std::size_t count, const std::string& name) {
    const Node* reshape = from_.producer(input(i));
    const Node* concat = reshape != nullptr && reshape->op == "Reshape"
                             ? from_.producer(reshape->inputs[0])
                             : nullptr;
    const auto all = static_cast<std::size_t>(settings_.directions()) * count;
    if (concat != nullptr && concat->op == "Concat" && concat->inputs.size() == all) {
      const auto begin =
          concat->inputs.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(d) * count);
      return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }
    return parts(input(i), d, count, name);
  }

  std::vector<Gate> gates(std::int64_t d, const std::string& prefix) {
    const std::size_t count = gates_of(settings_.cell).size();
    const Names w = operands(kW, d, count, prefix + "W");
    const Names r = operands(kR, d, count, prefix + "R");
    const Names b = operands(kB, d, 2 * count, prefix + "B");
    const Names p = parts(input(kP), d, kPeepholes, prefix + "P");
    std::vector<Gate> gates(count);
    for (std::size_t gate = 0; gate < count; ++gate) {
      gates[gate] = {.w = w[gate],
                     .r = r[gate],
                     .b = b[gate],
                     .recurrent_b = b[count + gate],
                     .peephole = gate < kPeepholes ? p[gate] : ""};
      const auto known = from_.constants.find(gates[gate].recurrent_b);
      if (known != from_.constants.end() && all_zero(known->second)) gates[gate].recurrent_b = "";
    }
    return gates;
  }
  static bool all_zero(const Tensor& tensor) {
    const Tensor values = tensor.cast(DType::f64);
    return std::all_of(values.values<double>().begin(), values.values<double>().end(),
                       [](double value) { return value == 0; });
  }

  // State number i (initial_h, initial_c) of direction d, or zeros.
  std::string state(std::size_t i, std::int64_t d, const std::string& prefix) {
    const std::string name = prefix + (i == kInitialH ? "first_h" : "first_c");
    if (input(i).empty()) return constant(name, Tensor(dtype_, {batch_, hidden_}));
    const std::int64_t place[] = {d};
    const std::string index = constant(name + ".index", Tensor::of<std::int64_t>({}, place));
    return add("Gather", name, {input(i), index},
               {{"axis", std::int64_t{settings_.batch_first ? 1 : 0}}});
  }

  std::string step_input(std::int64_t t) {
    const std::string name = fmt::format("{}.x{}", node_.name, t);
    if (std::find(made_.begin(), made_.end(), name) != made_.end()) return name;
    made_.push_back(name);
    const std::int64_t place[] = {t};
    const std::string index = constant(name + ".index", Tensor::of<std::int64_t>({}, place));
    return add("Gather", name, {input(kX), index},
               {{"axis", std::int64_t{settings_.batch_first ? 1 : 0}}});
  }

  // A function of the cell behind its clipping, under `name`.
  std::string apply(std::size_t which, std::int64_t d, const std::string& name, std::string x) {
    if (settings_.clip > 0) {
      if (least_.empty()) {
        least_ = number(node_.name + ".least", -settings_.clip);
        most_ = number(node_.name + ".most", settings_.clip);
      }
      x = add("Clip", name + ".clipped", {x, least_, most_});
    }
    const std::size_t each =
        settings_.functions.size() / static_cast<std::size_t>(settings_.directions());
    const CellFunction& f = settings_.functions[static_cast<std::size_t>(d) * each + which];
    using Kind = CellFunction::Kind;
    const auto scaled = [&](const std::string& to, const std::string& value, double factor) {
      return add("Mul", to, {value, number(to + ".factor", factor)});
    };
    switch (f.kind) {
      case Kind::tanh:
        return add("Tanh", name, {x});
      case Kind::sigmoid:
        return add("Sigmoid", name, {x});
      case Kind::relu:
        return add("Relu", name, {x});
      case Kind::affine:
        return add("Add", name,
                   {scaled(name + ".scaled", x, f.alpha), number(name + ".shift", f.beta)});
      case Kind::leaky_relu:
        return add("LeakyRelu", name, {x}, {{"alpha", f.alpha}});
      case Kind::scaled_tanh:
        return scaled(name, add("Tanh", name + ".tanh", {scaled(name + ".scaled", x, f.beta)}),
                      f.alpha);
      case Kind::hard_sigmoid:
        return add("HardSigmoid", name, {x}, {{"alpha", f.alpha}, {"beta", f.beta}});
      case Kind::elu:
        return add("Elu", name, {x}, {{"alpha", f.alpha}});
      case Kind::softsign:
        return add("Softsign", name, {x});
      case Kind::softplus:
        return add("Softplus", name, {x});
      case Kind::thresholded_relu:
        break;
    }
    fail<ModelError>("{} ({}): ThresholdedRelu is no operator here, so it cannot be unrolled",
                     node_.name, node_.op);
  }

  // left weight' + c, c of [hidden], [batch, hidden] or absent.
  std::string product(const std::string& name, const std::string& left, const std::string& weight,
                      const std::string& c) {
    Names inputs{left, weight};
    if (!c.empty()) inputs.push_back(c);
    return add("Gemm", name, inputs, {{"transB", std::int64_t{1}}});
  }

  // W x + R h + b of a gate.
  std::string sums(const std::string& name, const Gate& gate, const std::string& x,
                   const std::string& h) {
    std::string sum =
        product(name + ".from_h", h, gate.r, product(name + ".from_x", x, gate.w, gate.b));
    if (!gate.recurrent_b.empty()) sum = add("Add", name + ".biased", {sum, gate.recurrent_b});
    return sum;
  }

  using Step = std::map<std::string, std::string>;

  Step rnn(const std::vector<Gate>& gates, std::int64_t d, const std::string& at,
           const std::string& x, const std::string& h) {
    return {{"h", apply(0, d, at + "h", sums(at + "sum", gates[0], x, h))}};
  }

  Step lstm(const std::vector<Gate>& gates, std::int64_t d, const std::string& at,
            const std::string& x, const std::string& h, const std::string& c) {
    const auto gate = [&](std::size_t i, const std::string& cell) {
      const std::string name = at + gates_of(RecurrentCell::lstm)[i];
      std::string sum = sums(name + ".sum", gates[i], x, h);
      if (!gates[i].peephole.empty()) {
        sum = add("Add", name + ".peeped",
                  {sum, add("Mul", name + ".peephole", {cell, gates[i].peephole})});
      }
      return apply(0, d, name, sum);
    };
    Step step;
    step["input"] = gate(0, c);
    step["forget"] =
        settings_.input_forget ? add("Sub", at + "forget", {one(), step["input"]}) : gate(2, c);
    step["candidate"] = apply(1, d, at + "candidate", sums(at + "candidate.sum", gates[3], x, h));
    step["c"] = add("Add", at + "c",
                    {add("Mul", at + "kept", {step["forget"], c}),
                     add("Mul", at + "new", {step["input"], step["candidate"]})});
    step["output"] = gate(1, step["c"]);
    step["h"] = add("Mul", at + "h", {step["output"], apply(2, d, at + "squashed", step["c"])});
    return step;
  }

  Step gru(const std::vector<Gate>& gates, std::int64_t d, const std::string& at,
           const std::string& x, const std::string& h) {
    Step step;
    step["update"] = apply(0, d, at + "update", sums(at + "update.sum", gates[0], x, h));
    step["reset"] = apply(0, d, at + "reset", sums(at + "reset.sum", gates[1], x, h));
    std::string sum;
    if (settings_.linear_before_reset) {
      const std::string from_x = product(at + "candidate.from_x", x, gates[2].w, gates[2].b);
      const std::string from_h =
          product(at + "candidate.from_h", h, gates[2].r, gates[2].recurrent_b);
      sum = add("Add", at + "candidate.sum",
                {from_x, add("Mul", at + "candidate.reset", {step["reset"], from_h})});
    } else {
      sum = sums(at + "candidate.sum", gates[2], x,
                 add("Mul", at + "candidate.reset", {step["reset"], h}));
    }
    step["candidate"] = apply(1, d, at + "candidate", sum);
    const std::string kept = add("Mul", at + "kept", {step["update"], h});
    const std::string rest = add("Sub", at + "rest", {one(), step["update"]});
    step["h"] = add("Add", at + "h", {add("Mul", at + "new", {rest, step["candidate"]}), kept});
    return step;
  }

  std::string one() {
    if (one_.empty()) one_ = number(node_.name + ".one", 1);
    return one_;
  }

  UnrolledLayer direction(std::int64_t d) {
    UnrolledLayer layer{.name = node_.name,
                        .op = node_.op,
                        .reverse = d == 1 || settings_.direction == "reverse",
                        .batch = batch_,
                        .hidden = hidden_,
                        .steps = {}};
    const std::string prefix = node_.name + (layer.reverse ? ".reverse." : ".");
    const std::vector<Gate> all = gates(d, prefix);
    std::string h = state(kInitialH, d, prefix);
    std::string c = settings_.cell == RecurrentCell::lstm ? state(kInitialC, d, prefix) : "";
    for (std::int64_t s = 0; s < steps_; ++s) {
      const std::int64_t t = layer.reverse ? steps_ - 1 - s : s;
      const std::string at = fmt::format("{}t{}.", prefix, t);
      const std::string x = step_input(t);
      switch (settings_.cell) {
        case RecurrentCell::rnn:
          layer.steps.push_back(rnn(all, d, at, x, h));
          break;
        case RecurrentCell::lstm:
          layer.steps.push_back(lstm(all, d, at, x, h, c));
          c = layer.steps.back().at("c");
          break;
        case RecurrentCell::gru:
          layer.steps.push_back(gru(all, d, at, x, h));
          break;
      }
      h = layer.steps.back().at("h");
    }
    last_h_.push_back(h);
    last_c_.push_back(c);
    return layer;
  }

  // values [batch, hidden] with axes of size 1 put in, one behind another along an axis.
  std::string joined(const std::string& name, const Names& values, const Ints& axes,
                     std::int64_t axis, const std::string& as) {
    Names raised;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string part = fmt::format("{}.{}", name, i);
      raised.push_back(add("Unsqueeze", part, {values[i], integers(part + ".axes", axes)}));
    }
    return add("Concat", as, raised, {{"axis", axis}});
  }

  void put_outputs(const std::vector<UnrolledLayer>& layers) {
    const std::int64_t along_time = settings_.batch_first ? 1 : 0;
    if (!output(0).empty()) {
      if (steps_ == 0)
        fail<ModelError>("{} ({}): there is no step to unroll", node_.name, node_.op);
      Names directions;
      for (std::size_t d = 0; d < layers.size(); ++d) {
        Names in_time(static_cast<std::size_t>(steps_));
        for (std::int64_t s = 0; s < steps_; ++s) {
          const std::int64_t t = layers[d].reverse ? steps_ - 1 - s : s;
          in_time[static_cast<std::size_t>(t)] =
              layers[d].steps[static_cast<std::size_t>(s)].at("h");
        }
        const Ints axes = settings_.batch_first ? Ints{1, 2} : Ints{0, 1};
        const std::string name = fmt::format("{}.y{}", node_.name, d);
        directions.push_back(
            joined(name, in_time, axes, along_time, layers.size() == 1 ? output(0) : name));
      }
      if (layers.size() == 2) {
        add("Concat", output(0), directions, {{"axis", along_time + 1}});
      }
    }
    const auto put_state = [&](const std::string& as, const Names& states) {
      if (as.empty()) return;
      joined(as + ".directions", states, {along_time}, along_time, as);
    };
    put_state(output(1), last_h_);
    put_state(output(2), last_c_);
  }

  const Graph& from_;
  const ValueInfos& infos_;
  const Node& node_;
  Graph& to_;
  Settings settings_;
  std::int64_t steps_ = 0, batch_ = 0, hidden_ = 0;
  DType dtype_ = DType::f32;
  Names made_, last_h_, last_c_;
  std::string least_, most_, one_;
};

}  // namespace

Unrolled unroll(const Graph& graph, const Shapes& input_shapes) {
  const ValueInfos infos = infer_shapes(graph, input_shapes);
  Unrolled result;
  result.graph = graph;
  result.graph.nodes.clear();
  for (GraphInput& input : result.graph.inputs) input.shape = infos.at(input.name).shape;
  for (const Node& node : graph.nodes) {
    if (!is_recurrent(node)) {
      result.graph.nodes.push_back(node);
      continue;
    }
    std::vector<UnrolledLayer> layers = Writer(graph, infos, node, result.graph).write();
    std::move(layers.begin(), layers.end(), std::back_inserter(result.layers));
  }
  prune(result.graph);
  check(result.graph);
  return result;
}

std::int64_t recurrent_steps(const Graph& graph, const Shapes& input_shapes) {
  const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(), is_recurrent);
  if (node == graph.nodes.end()) return 0;
  const ValueInfos infos = infer_shapes(graph, input_shapes);
  return infos.at(node->inputs[kX]).shape[settings_of(*node).batch_first ? 1 : 0];
}

}  // namespace striate
