#include <algorithm>
#include <set>

#include "graph/plan_impl.h"
#include "striate/base/memory.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

// A value converted to another layout: the plan's own operator, an Identity that moves elements.
class Relayout final : public Operator {
 public:
  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    return {inputs[0]};
  }
  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }
  void forward(const ForwardArgs& args) const override {
    args.device.copy(args.inputs[0], args.outputs[0]);
  }
  void backward(const BackwardArgs& args) const override {
    args.device.copy(args.output_gradients[0], args.input_gradients[0].view,
                     args.input_gradients[0].accumulate);
  }
};

bool contains(const std::vector<int>& list, int item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Builds a plan: nodes and layouts first, then the backward pass, then who shares whose memory.
Graph fused(const Graph& graph, const ValueInfos& infos, const Device& device,
            const Plan::Options& options) {
  if (!options.fuse) return graph;
  return options.differentiate.empty() ? fuse_for_inference(graph, infos, device)
                                       : fuse_for_training(graph, infos, device);
}

class Compiler {
 public:
  Compiler(const Graph& graph, std::shared_ptr<const Device> device, const Shapes& shapes,
           const Plan::Options& options)
      : options_(options),
        infos_(infer_shapes(graph, shapes)),
        graph_(fused(graph, infos_, *device, options)),
        plan_(std::make_unique<Plan::Impl>()) {
    plan_->device = std::move(device);
    plan_->graph_name = graph.name;
    plan_->updates = graph.updates;
    for (GraphInput input : graph.inputs) {
      input.shape = infos_.at(input.name).shape;
      plan_->inputs.push_back(input);
    }
    for (const Parameter& parameter : graph_.parameters) parameters_[parameter.name] = &parameter;
  }

  std::unique_ptr<Plan::Impl> build() {
    find_needed();
    for (const Node& node : graph_.nodes) {
      if (needed_nodes_.contains(&node)) add_node(node);
    }
    for (const std::string& name : wanted_) plan_->outputs[name] = value_of(name);
    for (PlanNode& node : plan_->nodes) find_prepared(node);
    if (!options_.differentiate.empty()) add_backward();
    plan_memory(*plan_);
    return std::move(plan_);
  }

 private:
  int steps() const { return plan_->steps(); }
  int backward_time(int node) const { return plan_->backward_time(node); }

  // Nodes that an output depends on and that constants have not made superfluous.
  void find_needed() {
    wanted_ = graph_.outputs;
    for (const StateUpdate& update : graph_.updates) wanted_.push_back(update.value);
    std::set<std::string, std::less<>> values(wanted_.begin(), wanted_.end());
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
      const bool folded = std::all_of(
          node->outputs.begin(), node->outputs.end(),
          [&](const std::string& name) { return name.empty() || infos_.at(name).constant; });
      const bool needed = std::any_of(
          node->outputs.begin(), node->outputs.end(),
          [&](const std::string& name) { return !name.empty() && values.contains(name); });
      if (!needed || folded) continue;
      needed_nodes_.insert(&*node);
      values.insert(node->inputs.begin(), node->inputs.end());
    }
  }

  int add_value(const ValueInfo& info, Layout layout) { return plan_->add_value(info, layout); }
  PlanValue& value(int id) { return plan_->value(id); }

  // The plan's value for a graph value as it is produced; inputs, parameters and constants appear
  // when first used.
  int value_of(const std::string& name) {
    const auto known = by_name_.find(name);
    if (known != by_name_.end()) return known->second;
    const ValueInfo& info = infos_.at(name);
    const int id = add_value(info, Layout::row_major);
    PlanBuffer buffer;
    buffer.name = name;
    if (info.constant) {
      buffer.source = Source::constant;
      buffer.constant = *info.constant;
    } else {
      buffer.source = parameters_.contains(name) ? Source::parameter : Source::input;
    }
    value(id).buffer = static_cast<int>(plan_->buffers.size());
    plan_->buffers.push_back(std::move(buffer));
    by_name_[name] = id;
    return id;
  }

  // The operand as `layout`, converted where its elements lie elsewhere.
  Operand operand(const std::string& name, Layout layout) {
    const int id = value_of(name);
    const ValueInfo info = value(id).info;
    const Strides wanted = strides_for(info, layout);
    if (same_places(info.shape, value(id).strides, wanted)) return {id, wanted};
    const auto converted = converted_.find({id, layout});
    if (converted != converted_.end()) return {converted->second, wanted};
    PlanNode node;
    node.name = name + " as " + (layout == Layout::row_major ? "N,C,H,W" : "N,H,W,C");
    node.op_name = "Relayout";
    node.op = std::make_shared<Relayout>();
    node.inputs = {{id, value(id).strides}};
    const int copy = add_value(info, layout);
    node.outputs = {{copy, wanted}};
    plan_->nodes.push_back(std::move(node));
    converted_[{id, layout}] = copy;
    return {copy, wanted};
  }

  void add_node(const Node& source) {
    const std::vector<ValueInfo> ins = operands(source.inputs, infos_);
    const std::vector<ValueInfo> outs = operands(source.outputs, infos_);
    PlanNode node;
    node.name = source.name;
    node.op_name = source.op;
    node.op = operators().find(source.op).make(source.attributes);
    node.purpose = purpose_of(source.name);
    node.traits = node.op->traits(*plan_->device, ins, outs);

    Layout layout = node.traits.layout == Traits::Needs::channels_last ? Layout::channels_last
                                                                       : Layout::row_major;
    if (node.traits.layout == Traits::Needs::any) layout = layout_of_largest(source);
    for (std::size_t i = 0; i < source.inputs.size(); ++i) {
      if (source.inputs[i].empty()) {
        node.inputs.push_back({});
        continue;
      }
      const bool as_is = node.traits.layout == Traits::Needs::any;
      const bool row_major = contains(node.traits.row_major_inputs, static_cast<int>(i));
      const Layout wanted = as_is       ? value(value_of(source.inputs[i])).layout
                            : row_major ? Layout::row_major
                                        : layout;
      node.inputs.push_back(operand(source.inputs[i], wanted));
    }
    for (std::size_t i = 0; i < source.outputs.size(); ++i) {
      if (source.outputs[i].empty()) {
        node.outputs.push_back({});
        continue;
      }
      const int id = add_value(outs[i], layout);
      by_name_[source.outputs[i]] = id;
      node.outputs.push_back({id, value(id).strides});
    }
    node.layout = layout;
    plan_->nodes.push_back(std::move(node));
  }

  // What of a node can be done once for all runs.
  void find_prepared(PlanNode& node) {
    if (node.traits.prepared == 0) return;
    std::vector<char> stands_for(node.inputs.size());
    for (const int input : node.traits.prepared_from) {
      const auto i = static_cast<std::size_t>(input);
      if (i >= node.inputs.size() || node.inputs[i].value < 0) continue;
      const int buffer = value(node.inputs[i].value).buffer;
      if (buffer < 0) return;
      const Source source = plan_->buffers[static_cast<std::size_t>(buffer)].source;
      if (source != Source::parameter && source != Source::constant) return;
      stands_for[i] = 1;
    }
    node.stands_for = std::move(stands_for);
    node.prepared_offset = plan_->prepared_bytes;
    node.prepared_bytes = node.traits.prepared;
    plan_->prepared_bytes += align_up(node.prepared_bytes);
  }

  // An operator that takes any layout follows its largest input: a map beside a bias of rank 4.
  Layout layout_of_largest(const Node& node) {
    Layout layout = Layout::row_major;
    std::int64_t largest = -1;
    for (const std::string& name : node.inputs) {
      if (name.empty() || infos_.at(name).constant) continue;
      const PlanValue& input = value(value_of(name));
      if (input.info.shape.elements() > largest) {
        largest = input.info.shape.elements();
        layout = input.layout;
      }
    }
    return layout;
  }

  bool wants_gradient(const PlanNode& node, std::size_t input) {
    const int id = node.inputs[input].value;
    return id >= 0 && needs_gradient_[static_cast<std::size_t>(id)] &&
           !contains(node.traits.no_gradient, static_cast<int>(input));
  }

  void add_backward() {
    needs_gradient_.assign(plan_->values.size(), 0);
    for (const auto& [name, id] : by_name_) {
      const auto parameter = parameters_.find(name);
      const bool chosen =
          (parameter != parameters_.end() && parameter->second->trainable) ||
          std::find(options_.input_gradients.begin(), options_.input_gradients.end(), name) !=
              options_.input_gradients.end();
      needs_gradient_[static_cast<std::size_t>(id)] = chosen && is_float(value(id).info.dtype);
    }
    for (const PlanNode& node : plan_->nodes) {
      bool any = false;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) any = any || wants_gradient(node, i);
      for (const Operand& output : node.outputs) {
        if (output.value >= 0 && is_float(value(output.value).info.dtype)) {
          needs_gradient_[static_cast<std::size_t>(output.value)] = any;
        }
      }
    }
    gradient_of_.assign(plan_->values.size(), -1);
    for (const std::string& name : options_.differentiate) {
      const auto output = plan_->outputs.find(name);
      if (output == plan_->outputs.end()) {
        fail<ModelError>("{}: {} is to be differentiated but is no output", graph_.name, name);
      }
      if (!needs_gradient_[static_cast<std::size_t>(output->second)]) {
        fail<ModelError>("{}: output {} depends on no trainable parameter and no chosen input",
                         graph_.name, name);
      }
      plan_->seeds[name] = gradient_for(output->second, steps()).first;
    }
    for (int i = steps() - 1; i >= 0; --i) add_node_backward(i);
    for (const auto& [name, id] : by_name_) {
      const bool leaf = value(id).buffer >= 0;  // so far, only what no node makes has one
      const int gradient = gradient_of_[static_cast<std::size_t>(id)];
      if (leaf && gradient >= 0) plan_->gradients[name] = gradient;
    }
  }

  // The gradient of a value and whether something was already written to it; made when first asked.
  std::pair<int, bool> gradient_for(int id, int time) {
    const auto index = static_cast<std::size_t>(id);
    const bool exists = gradient_of_[index] >= 0;
    if (!exists) {
      const PlanValue source = value(id);
      const int gradient = add_value(source.info, source.layout);
      value(gradient).first = time;
      gradient_of_[index] = gradient;
    }
    return {gradient_of_[index], exists};
  }

  void add_node_backward(int index) {
    PlanNode& node = plan_->nodes[static_cast<std::size_t>(index)];
    bool reached = false;
    bool wanted = false;
    for (const Operand& output : node.outputs) {
      const int gradient =
          output.value < 0 ? -1 : gradient_of_[static_cast<std::size_t>(output.value)];
      node.output_gradients.push_back({gradient, output.strides});
      reached = reached || gradient >= 0;
    }
    for (std::size_t i = 0; i < node.inputs.size(); ++i) wanted = wanted || wants_gradient(node, i);
    if (!reached || !wanted) {
      node.output_gradients.clear();
      return;
    }
    const bool differentiable =
        node.op_name == "Relayout" || operators().find(node.op_name).differentiable;
    if (!differentiable) {
      fail<ModelError>("{} ({}): the operator has no gradient", node.name, node.op_name);
    }
    node.backward = true;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!wants_gradient(node, i)) {
        node.input_gradients.push_back({});
        node.accumulate.push_back(0);
        continue;
      }
      const auto [gradient, exists] = gradient_for(node.inputs[i].value, backward_time(index));
      node.input_gradients.push_back({gradient, node.inputs[i].strides});
      node.accumulate.push_back(static_cast<char>(exists));
    }
  }

  const Plan::Options& options_;
  ValueInfos infos_;
  Graph graph_;
  std::unique_ptr<Plan::Impl> plan_;
  std::map<std::string_view, const Parameter*> parameters_;
  std::vector<std::string> wanted_;
  std::set<const Node*> needed_nodes_;
  std::map<std::string, int, std::less<>> by_name_;
  std::map<std::pair<int, Layout>, int> converted_;
  std::vector<char> needs_gradient_;
  std::vector<int> gradient_of_;
};

}  // namespace

std::shared_ptr<const Plan> Plan::compile(const Graph& graph, std::shared_ptr<const Device> device,
                                          const Shapes& input_shapes, const Options& options) {
  check(graph);
  return std::shared_ptr<const Plan>(
      new Plan(Compiler(graph, std::move(device), input_shapes, options).build()));
}

}  // namespace striate
