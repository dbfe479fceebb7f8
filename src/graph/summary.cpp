#include "striate/graph/summary.h"

#include <algorithm>
#include <set>

#include "striate/graph/rewrite.h"

namespace striate {
namespace {

// How far apart, in input pixels, neighbouring pixels of a value look, and how many each sees.
struct Reach {
  struct Axis {
    std::int64_t size = 1, jump = 1;
  };
  Axis h, w;
  bool everything = false;
};

void extend(Reach::Axis& reach, const Window::Axis& window) {
  reach.size += (window.size - 1) * reach.jump;
  reach.jump *= window.stride;
}

// Branches that meet: the widest decides.
Reach joined(const Reach& a, const Reach& b) {
  return {.h = {std::max(a.h.size, b.h.size), std::max(a.h.jump, b.h.jump)},
          .w = {std::max(a.w.size, b.w.size), std::max(a.w.jump, b.w.jump)},
          .everything = a.everything || b.everything};
}

}  // namespace

Summary summarize(const Graph& source, const Shapes& input_shapes) {
  const Graph graph = inference_form(source);
  const ValueInfos infos = infer_shapes(graph, input_shapes);
  Summary summary;
  summary.name = graph.name;
  if (!graph.inputs.empty()) summary.input = infos.at(graph.inputs[0].name).shape;
  std::map<std::string, Reach> reaches;
  for (const GraphInput& input : graph.inputs) reaches[input.name] = {};
  std::set<std::string> counted;
  for (const Node& node : graph.nodes) {
    const auto op = operators().find(node.op).make(node.attributes);
    const std::vector<ValueInfo> ins = operands(node.inputs, infos);
    const std::vector<ValueInfo> outs = operands(node.outputs, infos);
    SummaryRow row{.name = node.name, .op = node.op, .output = outs[0].shape};
    row.macs = op->cost(ins, outs).macs;
    row.bytes = outs[0].shape.elements() * static_cast<std::int64_t>(size_of(outs[0].dtype));
    for (const std::string& name : node.inputs) {
      const Parameter* parameter = graph.find_parameter(name);
      if (parameter == nullptr || !counted.insert(name).second) continue;
      if (parameter->trainable) {
        row.parameters += parameter->shape.elements();
      } else {
        summary.buffers += parameter->shape.elements();
      }
    }
    Reach reach{.h = {0, 0}, .w = {0, 0}};
    bool from_input = false;
    for (const std::string& name : node.inputs) {
      const auto before = reaches.find(name);
      if (before == reaches.end()) continue;
      reach = joined(reach, before->second);
      from_input = true;
    }
    if (from_input) {
      const Window window = op->window(ins);
      extend(reach.h, window.h);
      extend(reach.w, window.w);
      reach.everything = reach.everything || window.everything;
      for (const std::string& name : node.outputs) reaches[name] = reach;
    }
    row.receptive_h = reach.everything ? 0 : reach.h.size;
    row.receptive_w = reach.everything ? 0 : reach.w.size;
    summary.parameters += row.parameters;
    summary.macs += row.macs;
    summary.rows.push_back(std::move(row));
  }
  return summary;
}

}  // namespace striate
