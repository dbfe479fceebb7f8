#include "striate/tasks/sequence/gradient_flow.h"

#include <cmath>

#include <gtest/gtest.h>

#include "striate/nn/recurrent.h"

namespace striate {
namespace {

GradientReport report_of(const FlowExample& example) {
  Weights weights;
  const Graph graph = flow_example(example, weights);
  const Tensor x = flow_input(example);
  return gradient_flow(graph, weights, {{"input", x.view()}}, 1);
}

// One tanh unit and one answer, worked by hand: h' = tanh(w x + r h), loss = (v h)^2 / 2.
TEST(GradientFlow, OfOneUnitIsTheProductOfItsSlopes) {
  Builder b("unit");
  const Value x = b.input("input", {4, 1, 1});
  const Value h = recurrent(b, "layer", x,
                            {.cell = RecurrentCell::rnn, .hidden = 1, .biases = 0, .last = true});
  const Graph graph = b.finish(b.linear("answer", h, {.out = 1, .bias = false}), "logits");
  const auto one = [](double value) {
    return Tensor::of<double>({1, 1}, {{value}}).cast(DType::f32);
  };
  Weights weights;
  weights["layer.0.weight_ih"] = one(0.5);
  weights["layer.0.weight_hh"] = one(1.5);
  weights["answer.weight"] = one(2);
  const float values[] = {1.0F, -0.5F, 0.25F, 0.75F};
  const Tensor input = Tensor::of<float>({4, 1, 1}, values);
  const GradientReport report = gradient_flow(graph, weights, {{"input", input.view()}}, 0);
  std::vector<double> states{0};
  for (const float value : values) {
    states.push_back(std::tanh(0.5 * static_cast<double>(value) + 1.5 * states.back()));
  }
  EXPECT_NEAR(report.loss, 2 * states[4] * states[4], 1e-12);
  ASSERT_EQ(report.layers.size(), 1U);
  const GradientFlow& flow = report.layers[0];
  ASSERT_EQ(flow.norms.size(), 4U);
  ASSERT_EQ(flow.singular.size(), 4U);
  double expected = std::abs(4 * states[4]);
  for (std::size_t lag = 0; lag < 4; ++lag) {
    EXPECT_NEAR(flow.norms[lag], expected, 1e-12) << lag;
    const double slope = 1.5 * (1 - states[4 - lag] * states[4 - lag]);
    EXPECT_NEAR(flow.singular[lag], slope, 1e-6) << lag;
    expected *= slope;
  }
}

TEST(GradientFlow, VanishesExplodesAndCarries) {
  const auto reaches = [](const std::string& name) {
    const GradientFlow flow = report_of({.name = name}).layers.at(0);
    // No step stretches a gradient by more than its largest singular value.
    for (std::size_t lag = 0; lag + 1 < flow.norms.size(); ++lag) {
      EXPECT_LE(flow.norms[lag + 1], flow.norms[lag] * flow.singular[lag] * (1 + 1e-4)) << name;
    }
    return flow.norms.at(50) / flow.norms.at(0);
  };
  EXPECT_LT(reaches("rnn-sigmoid"), 1e-15);
  EXPECT_LT(reaches("rnn-tanh"), 1e-6);
  EXPECT_GT(reaches("rnn-relu"), 1e3);
  EXPECT_GT(reaches("lstm"), 0.05);
  EXPECT_GT(reaches("gru"), 0.05);
}

TEST(GradientFlow, ClippingRescuesTheExplodingOne) {
  const FlowExample example{.name = "rnn-relu"};
  Weights weights;
  const Graph graph = flow_example(example, weights);
  const Tensor x = flow_input(example);
  const Inputs inputs{{"input", x.view()}};
  const std::vector<double> free = descend(graph, weights, inputs, 1, 0.01, 0, 50);
  const std::vector<double> clipped = descend(graph, weights, inputs, 1, 0.01, 1, 50);
  EXPECT_FALSE(std::isfinite(free.back()) && free.back() <= free.front());
  EXPECT_EQ(clipped.size(), 51U);
  EXPECT_LT(clipped.back(), clipped.front());
}

TEST(GradientFlow, OfLayersUponOneAnother) {
  Builder b("net");
  const Value x = b.input("input", {5, 1, 3});
  const Value y = recurrent(b, "layers", x,
                            {.cell = RecurrentCell::gru, .hidden = 4, .layers = 2, .dropout = 0.5});
  const Graph graph = b.finish(b.linear("answers", join_steps(b, "joined", y), 3), "logits");
  const Weights weights = initialize(graph, 1);
  Tensor input(DType::f32, {5, 1, 3});
  for (std::int64_t i = 0; i < 15; ++i) input.data<float>()[i] = static_cast<float>(i % 4);
  const GradientReport report = gradient_flow(graph, weights, {{"input", input.view()}}, 2);
  ASSERT_EQ(report.layers.size(), 2U);
  EXPECT_EQ(report.layers[1].layer, "layers.1");
  for (const GradientFlow& flow : report.layers) {
    EXPECT_EQ(flow.singular.size(), 5U);
    for (const double norm : flow.norms) EXPECT_GT(norm, 0);
  }
}

TEST(GradientFlow, SaysWhatDoesNotFit) {
  Builder b("dense");
  const Graph graph = b.finish(b.linear("answers", b.input("input", {1, 3}), 2), "logits");
  const Tensor x(DType::f32, {1, 3});
  EXPECT_THROW(gradient_flow(graph, initialize(graph, 1), {{"input", x.view()}}, 0), ModelError);
  Weights weights;
  EXPECT_THROW(flow_example({.name = "rnn-relux"}, weights), InputError);
}

}  // namespace
}  // namespace striate
