#include "striate/nn/recurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/count_work.h"
#include "nn/networks.h"
#include "striate/graph/plan.h"

namespace striate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_tensor;
using testing::random_weights;

const RecurrentCell kCells[] = {RecurrentCell::rnn, RecurrentCell::lstm, RecurrentCell::gru};

std::vector<std::string> parameter_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Parameter& parameter : graph.parameters) names.push_back(parameter.name);
  return names;
}

Graph one_network(const RecurrentOptions& options, const Shape& x = {5, 3, 4},
                  DType dtype = DType::f32) {
  Builder b("net", dtype);
  return b.finish(recurrent(b, "layers", b.input("input", x), options), "output");
}

TEST(RecurrentLayers, NamesAreAFileFormat) {
  EXPECT_THAT(parameter_names(one_network({.cell = RecurrentCell::rnn, .hidden = 2})),
              ElementsAre("layers.0.weight_ih", "layers.0.weight_hh", "layers.0.bias"));
  EXPECT_THAT(parameter_names(one_network({.cell = RecurrentCell::gru, .hidden = 2})),
              ElementsAre("layers.0.update.weight_ih", "layers.0.reset.weight_ih",
                          "layers.0.candidate.weight_ih", "layers.0.update.weight_hh",
                          "layers.0.reset.weight_hh", "layers.0.candidate.weight_hh",
                          "layers.0.update.bias", "layers.0.reset.bias",
                          "layers.0.candidate.bias_ih", "layers.0.candidate.bias_hh"));
  const Graph lstm = one_network({.hidden = 2, .layers = 2, .bidirectional = true, .biases = 2});
  for (const char* name : {"layers.1_reverse.forget.weight_hh", "layers.0.input.bias_ih",
                           "layers.0_reverse.output.bias_hh", "layers.1.candidate.weight_ih"}) {
    EXPECT_NE(lstm.find_parameter(name), nullptr) << name;
  }
  EXPECT_EQ(lstm.find_parameter("layers.1.candidate.weight_ih")->shape, Shape({2, 4}));
}

TEST(RecurrentLayers, ShapesOfWhatTheyGive) {
  for (const RecurrentCell cell : kCells) {
    for (const bool both : {false, true}) {
      RecurrentOptions options{.cell = cell, .hidden = 6, .layers = 2, .bidirectional = both};
      EXPECT_EQ(infer_shapes(one_network(options)).at("output").shape,
                Shape({5, 3, both ? 12 : 6}));
      options.last = true;
      EXPECT_EQ(infer_shapes(one_network(options)).at("output").shape, Shape({3, both ? 12 : 6}));
    }
  }
}

TEST(RecurrentLayers, CountsAreWhatIsExecuted) {
  for (const RecurrentCell cell : kCells) {
    for (const int biases : {0, 1, 2}) {
      for (const bool linear : {false, true}) {
        const Graph graph = one_network({.cell = cell,
                                         .hidden = 5,
                                         .layers = 2,
                                         .bidirectional = linear,
                                         .biases = biases,
                                         .linear_before_reset = linear});
        testing::expect_counted(graph);
      }
    }
  }
}

// Zaremba et al., arXiv:1409.2329: the small, medium and large word model, with one bias vector a
// gate as papers count and with the two that PyTorch has.
TEST(RecurrentLayers, ParametersOfTheWordModels) {
  const auto parameters = [](std::int64_t hidden, int biases) {
    Builder b("words");
    const Value ids = b.input("ids", {2, 1}, DType::i64);
    Value x = embedding(b, "embedding", ids, {.entries = 10000, .width = hidden});
    x = recurrent(b, "lstm", x, {.hidden = hidden, .layers = 2, .biases = biases});
    x = b.linear("decoder", join_steps(b, "joined", x), 10000);
    return summarize(b.finish(x, "logits")).parameters;
  };
  EXPECT_EQ(parameters(200, 1), 4651600);
  EXPECT_EQ(parameters(200, 2), 4653200);
  EXPECT_EQ(parameters(650, 1), 19775200);
  EXPECT_EQ(parameters(650, 2), 19780400);
  EXPECT_EQ(parameters(1500, 1), 66022000);
  EXPECT_EQ(parameters(1500, 2), 66034000);
}

TEST(RecurrentLayers, FirstValues) {
  const Graph graph = one_network({.hidden = 16, .biases = 2, .first_forget_bias = 1.0});
  const Weights weights = initialize(graph, 1);
  EXPECT_EQ(weights.at("layers.0.forget.bias_ih").data<float>()[3], 1);
  EXPECT_EQ(weights.at("layers.0.forget.bias_hh").data<float>()[3], 0);
  for (const float value : weights.at("layers.0.input.weight_hh").values<float>()) {
    EXPECT_LE(std::abs(value), 0.25F);
  }
  EXPECT_GT(testing::mean_absolute(weights.at("layers.0.input.weight_hh")), 0.1);
}

// Runs of three steps that carry their states are one run of six.
TEST(RecurrentLayers, StatesAreCarriedFromRunToRun) {
  for (const RecurrentCell cell : kCells) {
    const std::shared_ptr<const Device> device = make_cpu_device(2);
    const RecurrentOptions options{.cell = cell, .hidden = 7, .layers = 2};
    RecurrentOptions carrying = options;
    carrying.carry = true;
    const Program whole(one_network(options, {6, 3, 4}), device);
    const Program part(one_network(carrying, {3, 3, 4}), device);
    const Weights weights = random_weights(whole.graph(), 5);
    const Tensor x = random_tensor(DType::f32, {6, 3, 4}, 8);
    const Tensor expected = whole.run({{"input", x.view()}}, weights, "output");

    const std::vector<CarriedState> states = carried_states(part.graph());
    ASSERT_EQ(states.size(), cell == RecurrentCell::lstm ? 4U : 2U);
    EXPECT_EQ(states[0].input, "layers.0.h");
    EXPECT_EQ(states[0].output, "layers.0.h.next");
    EXPECT_EQ(states[0].shape, Shape({1, 3, 7}));
    std::map<std::string, Tensor> carried;
    for (const CarriedState& state : states) carried[state.input] = Tensor(DType::f32, state.shape);
    Workspace workspace(part.plan());
    for (std::int64_t begin = 0; begin < 6; begin += 3) {
      ConstView piece = x.view();
      piece.data = x.data<float>() + begin * 3 * 4;
      piece.shape[0] = 3;
      Inputs inputs{{"input", piece}};
      for (const auto& [name, tensor] : carried) inputs[name] = tensor.view();
      workspace.plan().forward(workspace, inputs, weights);
      const Tensor got = workspace.fetch("output");
      for (std::int64_t i = 0; i < got.elements(); ++i) {
        // To rounding: a product of few rows is summed in another order than one of many.
        ASSERT_NEAR(got.data<float>()[i], expected.data<float>()[begin * 3 * 7 + i], 1e-6F);
      }
      for (const CarriedState& state : states) carried[state.input] = workspace.fetch(state.output);
    }
  }
}

// Losses at every step, words that come twice, and one table for both ends.
TEST(RecurrentLayers, GradientsOfALanguageModelWithTiedWeights) {
  for (const RecurrentCell cell : kCells) {
    Builder b("words", DType::f64);
    const Value ids = b.input("ids", {3, 2}, DType::i64);
    Value x = embedding(b, "embedding", ids, {.entries = 6, .width = 4});
    x = recurrent(b, "layers", x,
                  {.cell = cell, .hidden = 4, .layers = 2, .dropout = 0.3, .biases = 2});
    x = join_steps(b, "joined", x);
    const Graph graph = with_classification_loss(
        b.finish(b.linear("decoder", x, {.out = 6, .tied = {"embedding.weight"}}), "logits"));
    Weights weights = random_weights(graph, 3);
    const Tensor words = Tensor::of<std::int64_t>({3, 2}, {{1, 5, 1, 0, 3, 1}});
    const Tensor labels = Tensor::of<std::int64_t>({6}, {{0, 1, 2, 5, 1, 1}});
    const Inputs inputs{{"ids", words.view()}, {"labels", labels.view()}};
    const auto plan =
        Plan::compile(graph, make_reference_device(), {}, {.differentiate = {"loss"}});
    Workspace workspace(plan);
    plan->forward(workspace, inputs, weights);
    plan->backward(workspace, inputs, weights);
    for (auto& [name, tensor] : weights) {
      const ConstView gradient = workspace.gradient(name);
      ASSERT_TRUE(gradient) << name;
      for (std::int64_t i = 0; i < tensor.elements(); ++i) {
        constexpr double kStep = 1e-5;
        const auto loss = [&](double by) {
          Weights moved = weights.clone();
          moved.at(name).data<double>()[i] += by;
          Workspace other(plan);
          plan->forward(other, inputs, moved);
          return *other.fetch("loss").data<double>();
        };
        const double slope = (loss(kStep) - loss(-kStep)) / (2 * kStep);
        ASSERT_NEAR(gradient.as<double>()[i], slope, 1e-8) << name << " " << i;
      }
    }
  }
}

// A plan hands the gates' tensors over as they lie, and prepares them once: the same numbers.
TEST(RecurrentLayers, PlansTakeTheGatesAsTheyLie) {
  for (const RecurrentCell cell : kCells) {
    for (const int biases : {0, 1, 2}) {
      const Graph graph = one_network({.cell = cell,
                                       .hidden = 6,
                                       .layers = 2,
                                       .bidirectional = biases == 1,
                                       .biases = biases,
                                       .linear_before_reset = biases > 0});
      const std::shared_ptr<const Device> device = make_cpu_device(2);
      const Weights weights = random_weights(graph, 4);
      const Tensor x = random_tensor(DType::f32, {5, 3, 4}, 2);
      const Inputs inputs{{"input", x.view()}};
      const auto run = [&](const Plan::Options& options, std::map<std::string, Tensor>& gradients) {
        const auto plan = Plan::compile(graph, device, {}, options);
        Workspace workspace(plan);
        std::vector<std::string> ops;
        RunOptions look;
        look.observe = [&](std::string_view, std::string_view op, std::span<const ConstView>) {
          ops.emplace_back(op);
        };
        plan->forward(workspace, inputs, weights, look);
        const bool joins = std::find(ops.begin(), ops.end(), "Concat") != ops.end();
        EXPECT_NE(joins, options.fuse);
        Tensor output = workspace.fetch("output");
        if (options.differentiate.empty()) {
          plan->forward(workspace, inputs, *plan->prepare(weights));
          const Tensor again = workspace.fetch("output");
          EXPECT_TRUE(std::equal(output.raw().begin(), output.raw().end(), again.raw().begin()));
          return output;
        }
        plan->backward(workspace, inputs, weights);
        for (const Parameter& parameter : graph.parameters) {
          Tensor gradient(DType::f32, parameter.shape);
          device->copy(workspace.gradient(parameter.name), gradient.view());
          gradients[parameter.name] = gradient;
        }
        return output;
      };
      std::map<std::string, Tensor> joined;
      std::map<std::string, Tensor> apart;
      const Tensor expected = run({.differentiate = {"output"}, .fuse = false}, joined);
      const auto same = [](const Tensor& a, const Tensor& b, const std::string& what) {
        for (std::int64_t i = 0; i < a.elements(); ++i) {
          ASSERT_NEAR(a.data<float>()[i], b.data<float>()[i], 2e-5) << what << " " << i;
        }
      };
      same(run({.differentiate = {"output"}}, apart), expected, "output");
      same(run({}, apart), expected, "output without gradients");
      for (const auto& [name, gradient] : joined) same(apart.at(name), gradient, name);
    }
  }
}

TEST(RecurrentLayers, AreOneRowOfTheSummary) {
  const Summary summary = summarize(one_network({.hidden = 6, .layers = 2}));
  std::vector<std::string> ops;
  for (const SummaryRow& row : summary.rows) ops.push_back(row.op);
  EXPECT_THAT(ops, ElementsAre("LSTM", "Squeeze", "LSTM", "Squeeze"));
  EXPECT_EQ(summary.rows[0].parameters, 4 * 6 * (4 + 6 + 1));
  EXPECT_EQ(summary.rows[2].parameters, 4 * 6 * (6 + 6 + 1));
  EXPECT_EQ(summary.rows[0].macs, 5 * 3 * 4 * 6 * (4 + 6));
}

TEST(RecurrentLayers, LengthsAreThoseOfTheSequences) {
  Builder b("net");
  const Value x = b.input("input", {4, 2, 3});
  const Value lengths = b.input("lengths", {2}, DType::i32);
  const Program program(
      b.finish(recurrent(b, "layers", x,
                         {.hidden = 3, .bidirectional = true, .lengths = lengths, .last = true}),
               "output"),
      make_cpu_device(2));
  const Weights weights = random_weights(program.graph(), 5);
  const Tensor both = random_tensor(DType::f32, {4, 2, 3}, 8);
  const std::int32_t given[] = {4, 2};
  const Tensor steps = Tensor::of<std::int32_t>({2}, given);
  const Tensor got =
      program.run({{"input", both.view()}, {"lengths", steps.view()}}, weights, "output");
  // The second sequence alone, cut to its two steps.
  Tensor alone(DType::f32, {2, 1, 3});
  for (std::int64_t t = 0; t < 2; ++t) {
    for (std::int64_t i = 0; i < 3; ++i) {
      alone.data<float>()[t * 3 + i] = both.data<float>()[(t * 2 + 1) * 3 + i];
    }
  }
  const Program cut(one_network({.hidden = 3, .bidirectional = true, .last = true}, {2, 1, 3}),
                    make_cpu_device(2));
  const Tensor expected = cut.run({{"input", alone.view()}}, weights, "output");
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(got.data<float>()[6 + i], expected.data<float>()[i], 1e-6);
  }
}

// ONNX lets every output be left out; what nobody asks for is not written.
TEST(RecurrentLayers, OutputsMayBeLeftOut) {
  for (const bool differentiate : {false, true}) {
    Builder b("net", DType::f64);
    const Value x = b.input("input", {4, 2, 3});
    const Value w = b.parameter("w", {1, 8, 3}, constant_initial(0));
    const Value r = b.parameter("r", {1, 8, 2}, constant_initial(0));
    const auto given = b.node("LSTM", "lstm", {x, w, r}, {}, {"", "", "c"});
    EXPECT_EQ(given[0].name, "");
    const Graph graph = b.finish(given[2], "output");
    Plan::Options options;
    if (differentiate) options.differentiate = {"output"};
    const auto plan = Plan::compile(graph, make_reference_device(), {}, options);
    const Weights weights = random_weights(graph, 2);
    const Tensor input = random_tensor(DType::f64, {4, 2, 3}, 1);
    Workspace workspace(plan);
    plan->forward(workspace, {{"input", input.view()}}, weights);
    EXPECT_GT(testing::mean_absolute(workspace.fetch("output")), 0.01);
    if (!differentiate) continue;
    plan->backward(workspace, {{"input", input.view()}}, weights);
    EXPECT_GT(std::abs(workspace.gradient("r").as<double>()[3]), 1e-6);
  }
}

TEST(RecurrentLayers, SayWhatDoesNotFit) {
  const auto refused = [](const RecurrentOptions& options, const Shape& x) -> std::string {
    try {
      one_network(options, x);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused({.hidden = 3}, {5, 4}),
            "layers: expected an input time,batch,features, got 5x4");
  EXPECT_THAT(refused({}, {5, 3, 4}), HasSubstr("expected hidden and layers of at least 1"));
  EXPECT_THAT(refused({.cell = RecurrentCell::rnn, .hidden = 3, .activation = "Tan"}, {5, 3, 4}),
              HasSubstr("layers.0 (RNN): activations: unknown function Tan"));
  Builder b("net");
  const Value table = b.parameter("table", {6, 4}, constant_initial(0));
  try {
    b.linear("decoder", b.input("x", {2, 3}), {.out = 6, .tied = table});
    FAIL() << "expected an error";
  } catch (const ModelError& error) {
    EXPECT_EQ(std::string(error.what()), "decoder (Gemm): expected a tied weight 6x3, got 6x4");
  }
}

}  // namespace
}  // namespace striate
