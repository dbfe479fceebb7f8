#include "formats/darknet_layers.h"

#include <map>
#include <vector>

#include "striate/base/suggest.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kMostHidden = 1 << 16;

Value reshaped(Builder& b, const std::string& name, const Value& x, const Ints& sides) {
  const Value target = b.constant(
      name + ".shape", Tensor::of<std::int64_t>({static_cast<std::int64_t>(sides.size())}, sides));
  return b.node("Reshape", name, {x, target});
}

// A dense or convolutional layer that may be used at several steps.
class Shared {
 public:
  Shared(Builder& b, const std::string& name, std::int64_t in, std::int64_t out, bool map)
      : b_(b), map_(map) {
    const Shape shape = map ? Shape{out, in, 3, 3} : Shape{out, in};
    const std::string path = name + (map ? ".conv" : ".fc");
    weight_ = b.parameter(path + ".weight", shape, he_normal(shape));
    bias_ = b.parameter(path + ".bias", {out}, constant_initial(0));
  }

  Value operator()(const std::string& name, const Value& x) const {
    if (!map_) return b_.node("Gemm", name, {x, weight_, bias_}, {{"transB", std::int64_t{1}}});
    return b_.node("Conv", name, {x, weight_, bias_}, {{"pads", Ints{1, 1, 1, 1}}});
  }

 private:
  Builder& b_;
  bool map_;
  Value weight_, bias_;
};

Value plain(Builder& b, Value x, DarknetSection& s) {
  const bool map = s.name() == "crnn";
  if (map && b.shape(x).rank() != 4) {
    s.refuse("it stands behind a layer that has no pixels any more");
  }
  if (!map && b.shape(x).rank() == 4) x = b.flatten("flatten", x);
  const std::int64_t out = s.integer(map ? "output_filters" : "output", 1, 1, kMostHidden);
  const std::int64_t hidden = map ? s.integer("hidden_filters", 1, 1, kMostHidden) : out;
  const bool shortcut = s.integer("shortcut", 0, 0, 1) == 1;
  const Shape& shape = b.shape(x);
  const std::int64_t steps = shape[0];
  const Shared input(b, "input", shape[1], hidden, map);
  const Shared self(b, "self", hidden, hidden, map);
  const Shared output(b, "output", hidden, out, map);
  const auto active = [&](const Value& value) {
    return darknet_activation(b, value, s, "logistic");
  };
  const Value seen = active(input("input", x));
  std::vector<std::string> names;
  for (std::int64_t t = 0; t < steps; ++t) names.push_back("at" + std::to_string(t));
  const Value ones = b.constant(
      "steps.sizes", Tensor::of<std::int64_t>({steps}, Ints(static_cast<std::size_t>(steps), 1)));
  const std::vector<Value> each =
      b.node("Split", "steps", {seen, ones}, {{"axis", std::int64_t{0}}}, names);
  Value state = b.constant("begin", Tensor(b.dtype(), b.shape(each[0])));
  std::vector<Value> states;
  for (std::int64_t t = 0; t < steps; ++t) {
    const Builder::Scope scope(b, "step" + std::to_string(t));
    Value next = b.add("add", each[static_cast<std::size_t>(t)], active(self("self", state)));
    if (shortcut) next = b.add("shortcut", next, state);
    states.push_back(state = next);
  }
  const Value all =
      steps == 1 ? states[0] : b.node("Concat", "states", states, {{"axis", std::int64_t{0}}});
  const Builder::Scope scope(b, "answer");
  return active(output("output", all));
}

Value gated(Builder& b, Value x, DarknetSection& s) {
  const bool gru = s.name() == "gru";
  if (b.shape(x).rank() == 4) x = b.flatten("flatten", x);
  const std::int64_t out = s.integer("output", 1, 1, kMostHidden);
  // Without tanh=1 a gru's candidate goes through the logistic function, which no paper has.
  const bool tanh = !gru || s.integer("tanh", 0, 0, 1) == 1;
  const RecurrentOptions options{.cell = gru ? RecurrentCell::gru : RecurrentCell::lstm,
                                 .hidden = out,
                                 .biases = 2,
                                 .activation = tanh ? "Tanh" : "Sigmoid",
                                 .linear_before_reset = false};
  const std::int64_t features = b.shape(x)[1];
  const Value y = recurrent(b, s.name(), reshaped(b, "steps", x, {-1, 1, features}), options);
  return reshaped(b, "rows", y, {-1, out});
}

}  // namespace

Value darknet_activation(Builder& builder, const Value& x, DarknetSection& section,
                         const std::string& otherwise) {
  struct Row {
    const char* op;
    Attributes attributes;
  };
  static const std::map<std::string, Row, std::less<>> table = {
      {"linear", {nullptr, {}}},
      {"relu", {"Relu", {}}},
      {"leaky", {"LeakyRelu", {{"alpha", 0.1}}}},
      {"logistic", {"Sigmoid", {}}},
      {"tanh", {"Tanh", {}}},
      {"elu", {"Elu", {}}},
      {"selu", {"Selu", {}}}};
  const std::string name = section.text("activation", otherwise);
  const auto found = table.find(name);
  if (found == table.end()) {
    std::vector<std::string> known;
    for (const auto& [key, row] : table) known.push_back(key);
    section.refuse("activation",
                   fmt::format("{} is not known here{}", name, suggestion(name, known)));
  }
  if (found->second.op == nullptr) return x;
  return builder.node(found->second.op, name, {x}, found->second.attributes);
}

bool is_recurrent(const DarknetSection& section) {
  const std::string& name = section.name();
  return name == "rnn" || name == "crnn" || name == "lstm" || name == "gru";
}

Value darknet_recurrent(Builder& builder, const Value& x, DarknetSection& section) {
  if (section.integer("batch_normalize", 0, 0, 1) != 0) {
    section.refuse("batch_normalize", "a norm inside a recurrent layer is not known here");
  }
  section.pass_over("hidden logistic");
  const bool gates = section.name() == "lstm" || section.name() == "gru";
  return gates ? gated(builder, x, section) : plain(builder, x, section);
}

}  // namespace striate
