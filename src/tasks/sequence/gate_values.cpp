#include "striate/tasks/sequence/gate_values.h"

#include <algorithm>

#include "striate/graph/rewrite.h"
#include "striate/graph/unroll.h"

namespace striate {
namespace {

// A network that asks about whole sequences is told their lengths: here they all end together.
Graph without_lengths(Graph graph) {
  constexpr std::size_t kLengths = 4;
  for (Node& node : graph.nodes) {
    const bool recurrent = node.op == "RNN" || node.op == "LSTM" || node.op == "GRU";
    if (recurrent && node.inputs.size() > kLengths) node.inputs[kLengths].clear();
  }
  prune(graph);
  return graph;
}

}  // namespace

std::vector<GateTrace> gate_values(const SequenceModel& model,
                                   std::span<const std::int64_t> symbols) {
  const auto steps = static_cast<std::int64_t>(symbols.size());
  const Graph graph = build_sequence(model.card().model, model.network(), steps, 1);
  Unrolled unrolled = unroll(without_lengths(inference_form(graph)));
  if (unrolled.layers.empty()) {
    fail<ModelError>("{} has no recurrent layer", model.card().model);
  }
  unrolled.graph.outputs.clear();
  for (const UnrolledLayer& layer : unrolled.layers) {
    for (const auto& step : layer.steps) {
      for (const auto& [name, value] : step) unrolled.graph.outputs.push_back(value);
    }
  }
  prune(unrolled.graph);
  const auto plan = Plan::compile(unrolled.graph, model.device(), {}, {});
  Workspace workspace(plan);
  const Tensor x = Tensor::of<std::int64_t>({steps, 1}, symbols);
  plan->forward(workspace, {{"input", x.view()}}, model.weights());
  std::vector<GateTrace> traces;
  for (const UnrolledLayer& layer : unrolled.layers) {
    GateTrace trace{
        .layer = layer.name + (layer.reverse ? " reversed" : ""), .op = layer.op, .gates = {}};
    for (std::size_t s = 0; s < layer.steps.size(); ++s) {
      const std::size_t t = layer.reverse ? layer.steps.size() - 1 - s : s;
      for (const auto& [name, value] : layer.steps[s]) {
        Tensor& gate = trace.gates[name];
        if (gate.empty()) gate = Tensor(DType::f32, {steps, layer.hidden});
        const Tensor row = workspace.fetch(value);
        std::copy_n(row.data<float>(), layer.hidden,
                    gate.data<float>() + static_cast<std::int64_t>(t) * layer.hidden);
      }
    }
    traces.push_back(std::move(trace));
  }
  return traces;
}

}  // namespace striate
