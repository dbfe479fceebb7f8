#include "striate/graph/unroll.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/networks.h"
#include "striate/graph/plan.h"
#include "striate/graph/summary.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

using ::testing::HasSubstr;
using testing::random_tensor;
using testing::random_weights;
using Strings = std::vector<std::string>;

struct Results {
  std::map<std::string, Tensor> values;  // outputs, and gradients by parameter or input
};

// Outputs and all gradients of sums of the outputs, in float64.
Results results_of(const Graph& graph, const Weights& weights,
                   const std::map<std::string, Tensor>& given) {
  Plan::Options options{.differentiate = graph.outputs};
  Inputs inputs;
  for (const auto& [name, tensor] : given) {
    options.input_gradients.push_back(name);
    inputs[name] = tensor.view();
  }
  const auto plan = Plan::compile(graph, make_reference_device(), {}, options);
  Workspace workspace(plan);
  plan->forward(workspace, inputs, weights);
  Results results;
  for (const std::string& name : graph.outputs) results.values[name] = workspace.fetch(name);
  plan->backward(workspace, inputs, weights);
  const auto keep = [&](const std::string& name) {
    const ConstView gradient = workspace.gradient(name);
    if (!gradient) return;
    Tensor copy(DType::f64, gradient.shape);
    plan->device().copy(gradient, copy.view());
    results.values["d " + name] = copy;
  };
  for (const Parameter& parameter : graph.parameters) keep(parameter.name);
  for (const auto& [name, tensor] : given) keep(name);
  return results;
}

void expect_same(const Graph& graph, bool every_gate = true) {
  const Weights weights = random_weights(graph, 3);
  std::map<std::string, Tensor> given;
  for (const GraphInput& input : graph.inputs) {
    given[input.name] = random_tensor(DType::f64, input.shape, given.size() + 1);
  }
  const Unrolled unrolled = unroll(graph);
  for (const Node& node : unrolled.graph.nodes) {
    EXPECT_TRUE(node.op != "RNN" && node.op != "LSTM" && node.op != "GRU") << node.name;
  }
  const Results expected = results_of(graph, weights, given);
  const Results got = results_of(unrolled.graph, weights, given);
  for (const auto& [name, tensor] : expected.values) {
    ASSERT_TRUE(got.values.contains(name)) << name;
    const Tensor& other = got.values.at(name);
    ASSERT_EQ(other.shape(), tensor.shape()) << name;
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      ASSERT_NEAR(other.data<double>()[i], tensor.data<double>()[i], 1e-12) << name << " " << i;
    }
  }
  // A forget gate that is 1 less the input gate has weights that nothing reads.
  if (!every_gate) return;
  EXPECT_EQ(summarize(unrolled.graph).parameters, summarize(graph).parameters);
  EXPECT_EQ(summarize(unrolled.graph).macs, summarize(graph).macs);
}

TEST(Unroll, LayersGiveTheSame) {
  for (const RecurrentCell cell : {RecurrentCell::rnn, RecurrentCell::lstm, RecurrentCell::gru}) {
    for (const bool carry : {false, true}) {
      for (const bool other : {false, true}) {
        Builder b("net", DType::f64);
        const Value x = b.input("input", {4, 2, 3});
        expect_same(b.finish(recurrent(b, "layers", x,
                                       {.cell = cell,
                                        .hidden = 3,
                                        .layers = 2,
                                        .bidirectional = other,
                                        .biases = carry ? 2 : 1,
                                        .linear_before_reset = other,
                                        .carry = carry,
                                        .last = !carry}),
                             "output"));
      }
    }
  }
}

// A node by itself, with what layers do not use.
TEST(Unroll, NodesGiveTheSame) {
  for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
    for (const std::int64_t layout : {0, 1}) {
      Builder b("net", DType::f64);
      const std::int64_t d = direction == "bidirectional" ? 2 : 1;
      const Shape state = layout == 1 ? Shape{2, d, 3} : Shape{d, 2, 3};
      const Value x = b.input("x", layout == 1 ? Shape{2, 4, 3} : Shape{4, 2, 3});
      const auto parameter = [&](const std::string& name, const Shape& shape) {
        return b.parameter(name, shape, constant_initial(0));
      };
      Strings functions{"HardSigmoid", "Softsign", "ScaledTanh"};
      if (d == 2) functions.insert(functions.end(), {"Sigmoid", "Elu", "Affine"});
      const auto y = b.node("LSTM", "lstm",
                            {x,
                             parameter("w", {d, 12, 3}),
                             parameter("r", {d, 12, 3}),
                             parameter("b", {d, 24}),
                             {},
                             b.input("h", state),
                             b.input("c", state),
                             parameter("p", {d, 9})},
                            {{"direction", direction},
                             {"layout", layout},
                             {"clip", 0.9},
                             {"input_forget", std::int64_t{d == 2 ? 1 : 0}},
                             {"activations", functions},
                             {"activation_alpha", std::vector<double>{0.3, 0.7, 0.5}},
                             {"activation_beta", std::vector<double>{0.4, 0.8, 0.1}}},
                            {"y", "y_h", "y_c"});
      b.output(y[1]);
      b.output(y[2]);
      expect_same(b.finish(y[0], "output"), d == 1);
    }
  }
}

TEST(Unroll, NamesTheStepsOfEachLayer) {
  Builder b("net");
  const Value x = b.input("input", {4, 2, 3});
  const Graph graph = b.finish(
      recurrent(b, "layers", x, {.hidden = 5, .bidirectional = true, .last = true}), "output");
  const Unrolled unrolled = unroll(graph, {{"input", {6, 2, 3}}});
  ASSERT_EQ(unrolled.layers.size(), 2U);
  EXPECT_EQ(unrolled.layers[0].name, "layers.0");
  EXPECT_TRUE(unrolled.layers[1].reverse);
  ASSERT_EQ(unrolled.layers[0].steps.size(), 6U);
  const ValueInfos infos = infer_shapes(unrolled.graph);
  for (const char* gate : {"input", "output", "forget", "candidate", "h", "c"}) {
    EXPECT_EQ(infos.at(unrolled.layers[1].steps[5].at(gate)).shape, Shape({2, 5})) << gate;
  }
  EXPECT_EQ(unrolled.layers[0].steps[2].at("forget"), "layers.0.t2.forget");
  EXPECT_EQ(recurrent_steps(graph), 4);
  EXPECT_EQ(recurrent_steps(graph, {{"input", {9, 2, 3}}}), 9);
}

TEST(Unroll, SaysWhatCannotBe) {
  const auto refused = [](const Graph& graph) -> std::string {
    try {
      unroll(graph);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  Builder b("net");
  const Value x = b.input("input", {4, 2, 3});
  EXPECT_THAT(
      refused(b.finish(
          recurrent(b, "layers", x, {.hidden = 5, .lengths = b.input("lengths", {2}, DType::i32)}),
          "output")),
      HasSubstr("layers.0 (LSTM): a node with sequence lengths cannot be unrolled"));
  Builder c("net");
  EXPECT_THAT(
      refused(c.finish(
          recurrent(c, "layers", c.input("input", {4, 2, 3}),
                    {.cell = RecurrentCell::rnn, .hidden = 5, .activation = "ThresholdedRelu"}),
          "output")),
      HasSubstr("ThresholdedRelu is no operator here"));
}

}  // namespace
}  // namespace striate
