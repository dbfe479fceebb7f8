#include <algorithm>
#include <set>

#include "ops/fused_conv.h"
#include "ops/recurrent.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

constexpr const char* kNothing = "";

template <class T>
T attribute(const Node& node, std::string_view name, T otherwise) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return otherwise;
  const T* value = std::get_if<T>(&found->second);
  return value == nullptr ? otherwise : *value;
}

class Fuser {
 public:
  Fuser(Graph graph, const ValueInfos& infos, const Device& device)
      : graph_(std::move(graph)), infos_(infos), device_(device), gone_(graph_.nodes.size()) {
    for (const std::string& name : graph_.outputs) ++uses_[name];
    for (const StateUpdate& update : graph_.updates) ++uses_[update.value];
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (const std::string& name : graph_.nodes[i].inputs) {
        ++uses_[name];
        user_[name] = i;
      }
      for (const std::string& name : graph_.nodes[i].outputs) maker_[name] = i;
    }
  }

  Graph for_inference() {
    take_gates();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].op == "Conv" && !gone_[i]) take_behind(i);
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!gone_[i]) take_before(i);
    }
    return finish();
  }

  Graph for_training() {
    take_gates();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node& norm = graph_.nodes[i];
      if (norm.op != "BatchNormalization" || is_norm(norm)) continue;
      std::size_t index = 0;
      const Node* activation = only_user(norm.outputs[0], index);
      if (activation == nullptr || !slope_of(*activation)) continue;
      norm.op = "FusedBatchNormalization";
      norm.attributes["slope"] = *slope_of(*activation);
      norm.outputs[0] = activation->outputs[0];
      gone_[index] = 1;
    }
    return finish();
  }

 private:
  Graph finish() {
    std::vector<Node> kept;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!gone_[i]) kept.push_back(std::move(graph_.nodes[i]));
    }
    graph_.nodes = std::move(kept);
    return std::move(graph_);
  }

  // With running statistics, as a convolution can take it in.
  static bool is_norm(const Node& node) {
    return node.op == "BatchNormalization" &&
           attribute<std::int64_t>(node, "training_mode", 0) == 0 && node.outputs.size() == 1;
  }
  // The slope of an activation that a convolution can take in.
  static std::optional<double> slope_of(const Node& node) {
    if (node.op == "Relu") return 0.0;
    if (node.op == "LeakyRelu") return attribute<double>(node, "alpha", 0.01);
    return std::nullopt;
  }

  // The node that alone uses a value, once.
  const Node* only_user(const std::string& value, std::size_t& index) const {
    const auto uses = uses_.find(value);
    const auto user = user_.find(value);
    if (uses == uses_.end() || uses->second != 1 || user == user_.end()) return nullptr;
    index = user->second;
    return gone_[index] ? nullptr : &graph_.nodes[index];
  }

  // A recurrent node whose W, R and B are its gates' tensors joined takes them as they are.
  void take_gates() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (node.op != "RNN" && node.op != "LSTM" && node.op != "GRU") continue;
      const auto input = [&](std::size_t k) {
        return k < node.inputs.size() ? node.inputs[k] : std::string(kNothing);
      };
      std::vector<std::size_t> taken;
      std::vector<std::string> gates = joined_from(input(kW), i, taken);
      const std::vector<std::string> r = joined_from(input(kR), i, taken);
      std::vector<std::string> b;
      if (!input(kB).empty()) b = joined_from(input(kB), i, taken);
      if (gates.empty() || r.size() != gates.size() ||
          (!input(kB).empty() && b.size() != 2 * gates.size())) {
        continue;
      }
      gates.insert(gates.end(), r.begin(), r.end());
      for (const std::string& name : b) gates.push_back(is_zero(name) ? kNothing : name);
      if (!all_different(gates)) continue;
      Node fused = node;
      fused.op = "Fused" + node.op;
      fused.inputs = {input(kX), input(kLengths), input(kInitialH), input(kInitialC), input(kP)};
      fused.inputs.insert(fused.inputs.end(), gates.begin(), gates.end());
      while (fused.inputs.back().empty()) fused.inputs.pop_back();
      user_of_inputs_becomes(fused, i);
      for (const std::size_t other : taken) gone_[other] = 1;
      graph_.nodes[i] = std::move(fused);
    }
  }
  // What a Concat of whole gates and a Reshape join for this node alone, or nothing.
  std::vector<std::string> joined_from(const std::string& value, std::size_t user,
                                       std::vector<std::size_t>& taken) const {
    std::size_t reshape = 0;
    std::size_t concat = 0;
    const Node* shaped = maker_for(value, user, reshape);
    if (shaped == nullptr || shaped->op != "Reshape") return {};
    const Node* joined = maker_for(shaped->inputs[0], reshape, concat);
    if (joined == nullptr || joined->op != "Concat") return {};
    const Node& node = graph_.nodes[user];
    const std::int64_t hidden = infos_.at(node.inputs[kR]).shape[2];
    const Shape& whole = infos_.at(value).shape;
    const Shape gate = whole.rank() == 3 ? Shape{hidden, whole[2]} : Shape{hidden};
    for (const std::string& name : joined->inputs) {
      if (infos_.at(name).shape != gate) return {};
    }
    taken.insert(taken.end(), {reshape, concat});
    return joined->inputs;
  }
  bool is_zero(const std::string& name) const {
    const auto found = graph_.constants.find(name);
    if (found == graph_.constants.end()) return false;
    const auto bytes = found->second.raw();
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  }
  static bool all_different(const std::vector<std::string>& names) {
    std::set<std::string> seen;
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.empty() || seen.insert(name).second;
    });
  }

  static Node fused_node(const Node& conv) {
    if (conv.op == "FusedConv") return conv;
    Node node = conv;
    node.op = "FusedConv";
    node.inputs.resize(FusedConvolution::kInputs, kNothing);
    return node;
  }

  // The nodes behind a convolution, as far as they go; the fused one stands in the last one's place.
  void take_behind(std::size_t conv) {
    Node node = fused_node(graph_.nodes[conv]);
    std::vector<std::size_t> taken{conv};
    std::size_t index = 0;
    const auto next = [&] { return only_user(node.outputs[0], index); };
    const auto take = [&](const Node& other) {
      node.outputs[0] = other.outputs[0];
      taken.push_back(index);
    };
    if (const Node* norm = next(); norm && is_norm(*norm)) {
      node.attributes["epsilon"] = attribute<double>(*norm, "epsilon", 1e-5);
      std::copy_n(norm->inputs.begin() + 1, 4, node.inputs.begin() + FusedConvolution::kOut);
      take(*norm);
    }
    if (const Node* add = next(); add && add->op == "Add") {
      const std::string& other = add->inputs[add->inputs[0] == node.outputs[0] ? 1 : 0];
      const ValueInfo& sum = infos_.at(add->outputs[0]);
      const bool same = infos_.at(other).shape == sum.shape &&
                        infos_.at(node.outputs[0]).shape == sum.shape && !infos_.at(other).constant;
      if (same) {
        node.inputs[FusedConvolution::kResidual] = other;
        take(*add);
      }
    }
    if (const Node* activation = next()) {
      if (const std::optional<double> slope = slope_of(*activation)) {
        node.attributes["slope"] = *slope;
        take(*activation);
      }
    }
    if (taken.size() == 1) return;
    for (const std::size_t i : taken) gone_[i] = 1;
    const std::size_t last = taken.back();
    user_of_inputs_becomes(node, last);
    maker_[node.outputs[0]] = last;
    graph_.nodes[last] = std::move(node);
    gone_[last] = 0;
  }

  void user_of_inputs_becomes(const Node& node, std::size_t index) {
    for (const std::string& name : node.inputs) user_[name] = index;
  }

  // The node that makes a value for one user, `user`.
  const Node* maker_for(const std::string& value, std::size_t user, std::size_t& index) const {
    const auto maker = maker_.find(value);
    std::size_t found = 0;
    if (maker == maker_.end() || only_user(value, found) == nullptr || found != user) {
      return nullptr;
    }
    index = maker->second;
    return gone_[index] ? nullptr : &graph_.nodes[index];
  }

  void take_before(std::size_t conv) {
    const Node& source = graph_.nodes[conv];
    if (source.op != "Conv" && source.op != "FusedConv") return;
    std::size_t index = 0;
    double slope = 1;
    std::vector<std::size_t> taken;
    const Node* before = maker_for(source.inputs[0], conv, index);
    if (before && slope_of(*before)) {
      slope = *slope_of(*before);
      taken.push_back(index);
      before = maker_for(before->inputs[0], index, index);
    }
    if (!before || !is_norm(*before) || !maps_input(source)) return;
    taken.push_back(index);
    Node node = fused_node(source);
    node.attributes["in_epsilon"] = attribute<double>(*before, "epsilon", 1e-5);
    node.attributes["in_slope"] = slope;
    node.inputs[0] = before->inputs[0];
    std::copy_n(before->inputs.begin() + 1, 4, node.inputs.begin() + FusedConvolution::kIn);
    for (const std::size_t i : taken) gone_[i] = 1;
    user_of_inputs_becomes(node, conv);
    graph_.nodes[conv] = std::move(node);
  }

  bool maps_input(const Node& node) const {
    const Shape& x = infos_.at(node.inputs[0]).shape;
    const Shape& w = infos_.at(node.inputs[1]).shape;
    return device_.conv_maps_input(
        node.op == "Conv" ? read_attributes<Convolution>(node.attributes).geometry(x, w)
                          : read_attributes<FusedConvolution>(node.attributes).conv.geometry(x, w));
  }

  Graph graph_;
  const ValueInfos& infos_;
  const Device& device_;
  std::vector<char> gone_;
  std::map<std::string, int, std::less<>> uses_;
  std::map<std::string, std::size_t, std::less<>> user_, maker_;
};

}  // namespace

Graph fuse_for_inference(Graph graph, const ValueInfos& infos, const Device& device) {
  return Fuser(std::move(graph), infos, device).for_inference();
}

Graph fuse_for_training(Graph graph, const ValueInfos& infos, const Device& device) {
  return Fuser(std::move(graph), infos, device).for_training();
}

}  // namespace striate
