#include "striate/graph/summary.h"

#include <algorithm>
#include <optional>
#include <set>

#include "graph/reach.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

Graph counted_form(Graph graph, const CountConvention& convention) {
  if (convention.auxiliary) {
    graph.outputs.insert(graph.outputs.end(), graph.auxiliary.begin(), graph.auxiliary.end());
  }
  return inference_form(std::move(graph));
}

void add_work(SummaryRow& row, const Cost& cost, const CountConvention& convention) {
  row.cost = cost;
  const std::int64_t products = convention.padding ? cost.macs : cost.macs - cost.padding;
  const std::int64_t bias = convention.bias ? cost.bias : 0;
  const std::int64_t norm = convention.batch_norm ? cost.norm : 0;
  row.macs = products + bias + norm;
  row.operations = 2 * products + bias + 2 * norm;
}

// An operator that changes a map's size without a rule for it.
bool reshapes(const Window& window, const Shape& in, const Shape& out) {
  if (window.kind != Window::Kind::sliding && window.kind != Window::Kind::transposed) return false;
  const Window::Axis same;
  const auto plain = [&](const Window::Axis& a) {
    return a.kernel == same.kernel && a.stride == same.stride && a.pad == same.pad &&
           a.pad_end == same.pad_end;
  };
  if (!plain(window.h) || !plain(window.w) || in.rank() < 3 || out.rank() < 3) return false;
  if (in.rank() != out.rank()) return true;
  for (int axis = 2; axis < in.rank(); ++axis) {
    if (in[axis] != out[axis] && in[axis] != 1) return true;
  }
  return false;
}

class Account {
 public:
  Account(const Graph& graph, const Shapes& input_shapes, const CountConvention& convention)
      : graph_(counted_form(graph, convention)), infos_(infer_shapes(graph_, input_shapes)) {
    summary_.name = graph_.name;
    summary_.convention = convention;
    if (!graph_.inputs.empty()) summary_.input = infos_.at(graph_.inputs[0].name).shape;
    for (const GraphInput& input : graph_.inputs) reaches_[input.name] = {};
    for (const Parameter& parameter : graph_.parameters) parameters_[parameter.name] = &parameter;
  }

  Summary run() {
    for (const Node& node : graph_.nodes) add(node);
    return std::move(summary_);
  }

 private:
  void add(const Node& node) {
    if (arranges_weights(node)) return;
    const auto op = operators().find(node.op).make(node.attributes);
    const std::vector<ValueInfo> ins = operands(node.inputs, infos_);
    const std::vector<ValueInfo> outs = operands(node.outputs, infos_);
    SummaryRow row{.name = node.name, .op = node.op, .output = outs[0].shape};
    if (!ins.empty()) row.input = ins[0].shape;
    add_work(row, op->cost(ins, outs), summary_.convention);
    row.bytes = outs[0].shape.elements() * static_cast<std::int64_t>(size_of(outs[0].dtype));
    row.window = op->window(ins);
    for (const std::string& name : node.inputs) count(name, row);
    row.sees = see(node, row.window, ins, outs[0].shape);
    summary_.macs += row.macs;
    summary_.operations += row.operations;
    summary_.bytes += row.bytes;
    summary_.rows.push_back(std::move(row));
  }

  // What joins or reshapes parameters belongs to the node that reads the result.
  bool arranges_weights(const Node& node) {
    static const std::set<std::string, std::less<>> kMoves = {"Concat", "Reshape", "Transpose",
                                                              "Squeeze", "Unsqueeze"};
    if (!kMoves.contains(node.op)) return false;
    std::vector<std::string> parts;
    for (const std::string& name : node.inputs) {
      const auto made = arranged_.find(name);
      if (made != arranged_.end()) {
        parts.insert(parts.end(), made->second.begin(), made->second.end());
      } else if (graph_.find_parameter(name) != nullptr) {
        parts.push_back(name);
      } else if (!infos_.at(name).constant) {
        return false;
      }
    }
    if (parts.empty()) return false;
    arranged_[node.outputs[0]] = parts;
    return true;
  }

  void count(const std::string& name, SummaryRow& row) {
    const auto made = arranged_.find(name);
    if (made != arranged_.end()) {
      for (const std::string& part : made->second) count(part, row);
      return;
    }
    const auto found = parameters_.find(name);
    if (found == parameters_.end()) return;
    const Parameter& parameter = *found->second;
    parameters_.erase(found);
    const std::int64_t elements = parameter.shape.elements();
    if (!parameter.trainable) {
      summary_.buffers += elements;
      return;
    }
    row.parameters += elements;
    summary_.parameters += elements;
    if (parameter.shape.rank() == 1) summary_.biases += elements;
  }

  ReceptiveField see(const Node& node, const Window& window, const std::vector<ValueInfo>& ins,
                     const Shape& out) {
    std::optional<Reach> reach;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto before = reaches_.find(node.inputs[i]);
      if (before == reaches_.end()) continue;
      Reach passed = before->second;
      passed.pass(reshapes(window, ins[i].shape, out) ? Window{.kind = Window::Kind::uneven}
                                                      : window);
      if (reach) {
        reach->join(passed);
      } else {
        reach = std::move(passed);
      }
    }
    if (!reach) return {};
    for (const std::string& name : node.outputs) reaches_[name] = *reach;
    return reach->field();
  }

  Graph graph_;
  ValueInfos infos_;
  Summary summary_;
  std::map<std::string, Reach, std::less<>> reaches_;
  std::map<std::string, std::vector<std::string>, std::less<>> arranged_;  // parameters they hold
  std::map<std::string_view, const Parameter*> parameters_;                // not counted yet
};

// "layer1.0" of "layer1.0.conv1" and 2; the whole name where it has no more parts.
std::string_view block_of(std::string_view name, int depth) {
  std::size_t end = 0;
  for (int part = 0; part < depth; ++part) {
    const std::size_t dot = name.find('.', end);
    if (dot == std::string_view::npos) return name;
    end = dot + 1;
  }
  return name.substr(0, end - 1);
}

void add_to_block(SummaryRow& block, const SummaryRow& row) {
  block.op.clear();
  block.window = {};
  block.output = row.output;
  block.sees = row.sees;
  block.parameters += row.parameters;
  block.macs += row.macs;
  block.operations += row.operations;
  block.bytes += row.bytes;
  block.cost.macs += row.cost.macs;
  block.cost.padding += row.cost.padding;
  block.cost.bias += row.cost.bias;
  block.cost.norm += row.cost.norm;
  block.nodes += row.nodes;
}

}  // namespace

Summary summarize(const Graph& graph, const Shapes& input_shapes,
                  const CountConvention& convention) {
  return Account(graph, input_shapes, convention).run();
}

Summary grouped_by_block(const Summary& summary, int depth) {
  if (depth < 1) return summary;
  Summary result = summary;
  result.rows.clear();
  for (const SummaryRow& row : summary.rows) {
    const std::string_view block = block_of(row.name, depth);
    const bool begins = result.rows.empty() || result.rows.back().name != block;
    if (begins) {
      result.rows.push_back(row);
      result.rows.back().name = block;
    } else {
      add_to_block(result.rows.back(), row);
    }
  }
  return result;
}

}  // namespace striate
