#pragma once

// Each layer's formula of work held against what the reference device executes.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "striate/device/work_count.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/summary.h"

namespace striate::testing {

struct Counted {
  bool biases = true;
};

/// Runs the inference form once, layer by layer, and expects every layer's cost to be what was
/// counted in the device's loops, padding and biases and norms included.
inline void expect_counted(const Graph& graph, const Shapes& shapes = {},
                           const Counted& what = {}) {
  const Graph inference = inference_form(graph);
  const auto count = std::make_shared<WorkCount>();
  const std::shared_ptr<const Device> device = make_counting_device(count);
  const auto plan = Plan::compile(inference, device, shapes, {.fuse = false});
  const ValueInfos infos = infer_shapes(inference, shapes);
  Weights weights;
  for (const Parameter& parameter : inference.parameters) {
    weights[parameter.name] = Tensor(parameter.dtype, parameter.shape);
  }
  std::map<std::string, Tensor> tensors;
  Inputs inputs;
  for (const GraphInput& input : inference.inputs) {
    tensors[input.name] = Tensor(input.dtype, infos.at(input.name).shape);
    inputs[input.name] = std::as_const(tensors[input.name]).view();
  }
  struct Work {
    std::int64_t products = 0, padding = 0, bias = 0, norm = 0;
  };
  std::map<std::string, Work> done;
  Work before;
  RunOptions options;
  options.observe = [&](std::string_view node, std::string_view, std::span<const ConstView>) {
    const Work now{count->products, count->padding, count->bias, count->norm};
    Work& work = done[std::string(node)];
    work.products += now.products - before.products;
    work.padding += now.padding - before.padding;
    work.bias += now.bias - before.bias;
    work.norm += now.norm - before.norm;
    before = now;
  };
  Workspace workspace(plan);
  plan->forward(workspace, inputs, weights, options);
  std::int64_t total = 0;
  for (const SummaryRow& row : summarize(graph, shapes).rows) {
    const Work& work = done[row.name];
    EXPECT_EQ(row.cost.macs, work.products) << graph.name << " " << row.name;
    EXPECT_EQ(row.cost.padding, work.padding) << graph.name << " " << row.name;
    if (what.biases) {
      EXPECT_EQ(row.cost.bias, work.bias) << graph.name << " " << row.name;
    }
    EXPECT_EQ(row.cost.norm, work.norm) << graph.name << " " << row.name;
    total += work.products;
  }
  EXPECT_EQ(total, count->products) << graph.name;
}

}  // namespace striate::testing
