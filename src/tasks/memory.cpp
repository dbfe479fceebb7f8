#include "striate/tasks/memory.h"

#include <algorithm>

#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

std::int64_t bytes_of(const Shape& shape, DType dtype) {
  return shape.elements() * static_cast<std::int64_t>(size_of(dtype));
}

std::int64_t weight_bytes(const Graph& graph, bool trainable_only) {
  std::int64_t bytes = 0;
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.trainable || !trainable_only) bytes += bytes_of(parameter.shape, parameter.dtype);
  }
  return bytes;
}

// The workspace and the inputs.
std::int64_t plan_bytes(const Graph& graph, const std::shared_ptr<const Device>& device,
                        const Shapes& shapes, const Plan::Options& options) {
  auto bytes =
      static_cast<std::int64_t>(Plan::compile(graph, device, shapes, options)->workspace_bytes());
  for (const GraphInput& input : graph.inputs) {
    const auto given = shapes.find(input.name);
    bytes += bytes_of(given == shapes.end() ? input.shape : given->second, input.dtype);
  }
  return bytes;
}

}  // namespace

NetworkMemory network_memory(const Graph& graph, const std::shared_ptr<const Device>& device,
                             const Shape& batch, const OptimizerOptions& optimizer) {
  const std::string& input = graph.inputs.at(0).name;
  const Graph inference = inference_form(graph);
  NetworkMemory memory{.weights = weight_bytes(inference, false)};
  memory.run = memory.weights + plan_bytes(inference, device, {{input, batch}}, {});
  const std::int64_t trained = weight_bytes(graph, true);
  if (trained == 0) return memory;
  const std::int64_t remembered = Optimizer(optimizer).tensors_a_parameter() * trained;
  try {
    const Graph training = with_classification_loss(graph, graph.outputs.at(0));
    Shape labels = training.find_input("labels")->shape;
    labels[0] = batch[0];
    memory.train = weight_bytes(graph, false) + remembered +
                   plan_bytes(training, device, {{input, batch}, {"labels", labels}},
                              {.differentiate = {"loss"}});
    memory.optimizer = remembered;
  } catch (const ModelError&) {
    // A file's network may give no scores, or have an operator without a gradient.
  }
  return memory;
}

}  // namespace striate
