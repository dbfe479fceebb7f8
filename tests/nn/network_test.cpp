#include <cmath>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/networks.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

using testing::branching_network;
using testing::fusible_network;
using testing::mean_absolute;
using testing::random_tensor;
using testing::random_weights;
using testing::small_network;

std::shared_ptr<const Device> reference() { return make_reference_device(); }

// Loss of a training graph at these weights.
double loss_at(const std::shared_ptr<const Plan>& plan, const Inputs& inputs,
               const Weights& weights) {
  Workspace workspace(plan);
  plan->forward(workspace, inputs, weights, {.seed = 5, .step = 2});
  return *workspace.fetch("loss").data<double>();
}

// Every gradient of a whole network by central differences in float64, a few elements each.
void check_gradients(const Graph& graph, const Shape& input_shape) {
  Weights weights = random_weights(graph, 11);
  Tensor x = random_tensor(DType::f64, input_shape, 3);
  const std::vector<std::int64_t> classes{2, 0};
  const Tensor labels = Tensor::of<std::int64_t>({2}, classes);
  const Inputs inputs{{"input", x.view()}, {"labels", labels.view()}};
  const auto plan = Plan::compile(graph, reference(), {{"input", input_shape}, {"labels", {2}}},
                                  {.differentiate = {"loss"}, .input_gradients = {"input"}});
  Workspace workspace(plan);
  const RunKey key{.seed = 5, .step = 2};
  plan->forward(workspace, inputs, weights, key);
  plan->backward(workspace, inputs, weights, key);

  const auto compare = [&](const std::string& name, Tensor& values) {
    const ConstView gradient = workspace.gradient(name);
    ASSERT_TRUE(gradient) << name;
    Tensor analytic(DType::f64, gradient.shape);
    plan->device().copy(gradient, analytic.view());
    const double scale = mean_absolute(analytic) + 1e-6;
    for (std::int64_t i = 0; i < values.elements();
         i += std::max<std::int64_t>(1, values.elements() / 5)) {
      constexpr double kStep = 1e-5;
      double& value = values.data<double>()[i];
      const double before = value;
      value = before + kStep;
      const double up = loss_at(plan, inputs, weights);
      value = before - kStep;
      const double down = loss_at(plan, inputs, weights);
      value = before;
      EXPECT_NEAR(analytic.data<double>()[i], (up - down) / (2 * kStep), 1e-5 * scale + 1e-8)
          << name << "[" << i << "]";
    }
  };
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.trainable) compare(parameter.name, weights.at(parameter.name));
  }
  compare("input", x);
}

TEST(Gradients, OfAWholeNetworkWithDropoutAndBatchNorm) {
  check_gradients(small_network(DType::f64), {2, 2, 6, 6});
}

TEST(Gradients, OfResidualsAndJoinedChannels) {
  check_gradients(fusible_network(DType::f64), {2, 3, 10, 9});
}

TEST(Gradients, OfBranchesThatMeetAndSharedWeights) {
  check_gradients(branching_network(DType::f64), {2, 2, 6, 6});
}

// The cpu device's whole training step against the reference's.
TEST(Plan, CpuAgreesWithReference) {
  for (const Graph& graph : {small_network(DType::f32), branching_network(DType::f32)}) {
    const Weights weights = random_weights(graph, 11);
    const Tensor x = random_tensor(DType::f32, {2, 2, 6, 6}, 3);
    const std::vector<std::int64_t> classes{2, 0};
    const Tensor labels = Tensor::of<std::int64_t>({2}, classes);
    const Inputs inputs{{"input", x.view()}, {"labels", labels.view()}};
    const Shapes shapes{{"input", {2, 2, 6, 6}}, {"labels", {2}}};
    std::vector<std::unique_ptr<Workspace>> results;
    for (const auto& device : {reference(), std::shared_ptr<const Device>(make_cpu_device(2))}) {
      const auto plan = Plan::compile(graph, device, shapes, {.differentiate = {"loss"}});
      results.push_back(std::make_unique<Workspace>(plan));
      plan->forward(*results.back(), inputs, weights, {.seed = 1});
      plan->backward(*results.back(), inputs, weights, {.seed = 1});
    }
    EXPECT_NEAR(*results[0]->fetch("loss").data<float>(), *results[1]->fetch("loss").data<float>(),
                1e-5);
    for (const Parameter& parameter : graph.parameters) {
      if (!parameter.trainable) continue;
      Tensor gradients[2];
      for (int i = 0; i < 2; ++i) {
        const ConstView view = results[static_cast<std::size_t>(i)]->gradient(parameter.name);
        gradients[i] = Tensor(view.dtype, view.shape);
        results[static_cast<std::size_t>(i)]->plan().device().copy(view, gradients[i].view());
      }
      const double scale = mean_absolute(gradients[0]) + 1e-3;
      for (std::int64_t i = 0; i < gradients[0].elements(); ++i) {
        EXPECT_NEAR(gradients[0].data<float>()[i], gradients[1].data<float>()[i], 1e-4 * scale)
            << parameter.name;
      }
    }
  }
}

Graph classifier_of(Graph graph) {
  graph.outputs = {"logits"};
  return inference_form(std::move(graph));
}

// The same bits, also where the weights themselves are gone; another plan's are refused.
TEST(Plan, PreparingWeightsChangesNoBit) {
  const Graph graph = classifier_of(fusible_network(DType::f32));
  const Tensor x = random_tensor(DType::f32, {2, 3, 10, 9}, 3);
  const Shapes shapes{{"input", x.shape()}};
  const Inputs inputs{{"input", x.view()}};
  for (const auto& device : {reference(), std::shared_ptr<const Device>(make_cpu_device(2))}) {
    for (const bool fuse : {false, true}) {
      const auto plan = Plan::compile(graph, device, shapes, {.fuse = fuse});
      Workspace workspace(plan);
      std::optional<Weights> weights = random_weights(graph, 5);
      plan->forward(workspace, inputs, *weights);
      const Tensor plain = workspace.fetch("logits");
      const auto prepared = plan->prepare(*weights);
      EXPECT_EQ(prepared->bytes() > 0, device->name() == "cpu" || fuse);
      weights.reset();
      for (int run = 0; run < 2; ++run) {
        plan->forward(workspace, inputs, *prepared);
        const Tensor again = workspace.fetch("logits");
        EXPECT_TRUE(std::equal(again.raw().begin(), again.raw().end(), plain.raw().begin()));
      }
      const auto other = Plan::compile(graph, device, shapes, {.fuse = fuse});
      Workspace others(other);
      EXPECT_THROW(other->forward(others, inputs, *prepared), BugError);
    }
  }
}

TEST(Plan, PreparingNeedsEveryParameter) {
  const Graph graph = classifier_of(fusible_network(DType::f32));
  const auto plan = Plan::compile(graph, reference(), {{"input", {2, 3, 10, 9}}}, {});
  EXPECT_THROW(plan->prepare({}), ModelError);
}

// The same numbers whether nodes are fused or not.
TEST(Plan, FusingChangesNoResult) {
  const Graph graph = classifier_of(fusible_network(DType::f32));
  const Weights weights = random_weights(graph, 5);
  const Tensor x = random_tensor(DType::f32, {2, 3, 10, 9}, 3);
  const Shapes shapes{{"input", x.shape()}};
  const Inputs inputs{{"input", x.view()}};
  for (const auto& device : {reference(), std::shared_ptr<const Device>(make_cpu_device(2))}) {
    Tensor results[2];
    for (const bool fused : {false, true}) {
      const auto plan = Plan::compile(graph, device, shapes, {.fuse = fused});
      Workspace workspace(plan);
      plan->forward(workspace, inputs, weights);
      results[fused ? 1 : 0] = workspace.fetch("logits");
    }
    const double scale = mean_absolute(results[0]);
    for (std::int64_t i = 0; i < results[0].elements(); ++i) {
      EXPECT_NEAR(results[0].data<float>()[i], results[1].data<float>()[i], 1e-5 * scale);
    }
  }
}

// Joined maps are written where they are joined: there is memory for the whole and none for parts.
TEST(Plan, JoinedChannelsShareTheirMemory) {
  Builder b("joined", DType::f32);
  const Value input = b.input("input", {1, 16, 30, 30});
  const Value once = b.max_pool("once", input, {.kernel = 2, .stride = 1});
  const Value twice = b.average_pool("twice", input, {.kernel = 2, .stride = 1});
  const Value inner = b.concat("inner", {once, twice});
  const Value again = b.average_pool("again", inner, {.kernel = 1, .stride = 1});
  const Value whole = b.concat("whole", {inner, again});
  const Graph graph = b.finish(b.global_average_pool("gap", whole), "out");
  const auto plan = Plan::compile(graph, reference(), {}, {});
  const std::size_t bytes_of_whole = 4 * 64 * 29 * 29;
  const std::size_t bytes_of_input = 4 * 16 * 30 * 30;
  EXPECT_LT(plan->workspace_bytes(), bytes_of_whole + bytes_of_input + 4096);
}

TEST(Plan, FusesWhatOneConvolutionUses) {
  const Graph graph = classifier_of(fusible_network(DType::f32));
  const auto device = reference();
  const Graph fused = fuse_for_inference(graph, infer_shapes(graph), *device);
  std::map<std::string, int> counts;
  for (const Node& node : fused.nodes) ++counts[node.op];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"FusedConv", 5},
                                                {"Conv", 2},
                                                {"Concat", 2},
                                                {"GlobalAveragePool", 1},
                                                {"Flatten", 1},
                                                {"Gemm", 1}}));
}

// Gradients and running statistics are the same whether batch norms take in their activation or
// not.
TEST(Plan, FusingChangesNoGradient) {
  const Graph graph = fusible_network(DType::f32);
  const Graph fused = fuse_for_training(graph, infer_shapes(graph), *reference());
  EXPECT_EQ(std::count_if(fused.nodes.begin(), fused.nodes.end(),
                          [](const Node& node) { return node.op == "FusedBatchNormalization"; }),
            5);
  const Tensor x = random_tensor(DType::f32, {2, 3, 10, 9}, 3);
  const std::vector<std::int64_t> classes{2, 0};
  const Tensor labels = Tensor::of<std::int64_t>({2}, classes);
  const Inputs inputs{{"input", x.view()}, {"labels", labels.view()}};
  for (const auto& device : {reference(), std::shared_ptr<const Device>(make_cpu_device(2))}) {
    std::map<std::string, Tensor> results[2];
    for (const bool fuses : {false, true}) {
      Weights weights = random_weights(graph, 5);
      const auto plan = Plan::compile(graph, device, {{"input", x.shape()}, {"labels", {2}}},
                                      {.differentiate = {"loss"}, .fuse = fuses});
      Workspace workspace(plan);
      plan->forward(workspace, inputs, weights);
      plan->backward(workspace, inputs, weights);
      plan->update_state(workspace, weights);
      auto& mine = results[fuses ? 1 : 0];
      for (const Parameter& parameter : graph.parameters) {
        mine[parameter.name] =
            parameter.trainable ? Tensor(DType::f32, parameter.shape) : weights.at(parameter.name);
        if (!parameter.trainable) continue;
        device->copy(workspace.gradient(parameter.name), mine[parameter.name].view());
      }
    }
    for (const auto& [name, expected] : results[0]) {
      const double scale = mean_absolute(expected) + 1e-3;
      for (std::int64_t i = 0; i < expected.elements(); ++i) {
        EXPECT_NEAR(expected.data<float>()[i], results[1].at(name).data<float>()[i], 1e-4 * scale)
            << device->name() << " " << name;
      }
    }
  }
}

// Asked to stop in the middle, a run throws, and its workspace is as good as new.
TEST(Plan, CanBeCancelledAndRunAgain) {
  const Graph graph = small_network(DType::f32);
  const Weights weights = random_weights(graph, 1);
  const Tensor x = random_tensor(DType::f32, {2, 2, 6, 6}, 3);
  const Tensor labels(DType::i64, {2});
  const Inputs inputs{{"input", x.view()}, {"labels", labels.view()}};
  const auto plan =
      Plan::compile(graph, make_cpu_device(2), {{"input", x.shape()}, {"labels", {2}}},
                    {.differentiate = {"loss"}});
  Workspace fresh(plan);
  plan->forward(fresh, inputs, weights);
  Workspace workspace(plan);
  std::atomic<bool> cancel = false;
  int nodes = 0;
  const RunOptions options{.cancel = &cancel,
                           .observe = [&](auto, auto, auto) { cancel = ++nodes == 3; }};
  EXPECT_THROW(plan->forward(workspace, inputs, weights, options), Cancelled);
  EXPECT_EQ(nodes, 3);
  cancel = false;
  nodes = 100;
  plan->forward(workspace, inputs, weights, options);
  EXPECT_EQ(*workspace.fetch("loss").data<float>(), *fresh.fetch("loss").data<float>());
  nodes = 0;
  EXPECT_THROW(plan->backward(workspace, inputs, weights, options), Cancelled);
  EXPECT_EQ(nodes, 3);
}

// An observer sees every node forward, then every one that takes part backward, in turn.
TEST(Plan, ShowsWhatEachNodeWrites) {
  const Graph graph = small_network(DType::f64);
  const Weights weights = random_weights(graph, 1);
  const Tensor x = random_tensor(DType::f64, {2, 2, 6, 6}, 3);
  const Tensor labels(DType::i64, {2});
  const Inputs inputs{{"input", x.view()}, {"labels", labels.view()}};
  const auto plan = Plan::compile(graph, reference(), {{"input", x.shape()}, {"labels", {2}}},
                                  {.differentiate = {"loss"}});
  Workspace workspace(plan);
  std::vector<std::string> names;
  const RunOptions options{.observe = [&](std::string_view name, std::string_view op,
                                          std::span<const ConstView> written) {
    if (op == "Relayout") return;
    names.emplace_back(name);
    EXPECT_FALSE(written.empty());
  }};
  plan->forward(workspace, inputs, weights, options);
  EXPECT_EQ(names.front(), "conv");
  EXPECT_EQ(names.back(), "loss");
  names.clear();
  plan->backward(workspace, inputs, weights, options);
  EXPECT_EQ(names.front(), "loss");
  EXPECT_EQ(names.back(), "conv");
}

TEST(Plan, StateUpdatesReachTheWeights) {
  const Graph graph = small_network(DType::f64);
  Weights weights = random_weights(graph, 1);
  const Tensor before = weights.at("bn.running_mean").clone();
  const Tensor x = random_tensor(DType::f64, {4, 2, 6, 6}, 3);
  const Tensor labels(DType::i64, {4});
  const auto plan = Plan::compile(graph, reference(), {{"input", x.shape()}, {"labels", {4}}}, {});
  Workspace workspace(plan);
  plan->forward(workspace, {{"input", x.view()}, {"labels", labels.view()}}, weights);
  EXPECT_EQ(weights.at("bn.running_mean").data<double>()[0], before.data<double>()[0]);
  plan->update_state(workspace, weights);
  EXPECT_NE(weights.at("bn.running_mean").data<double>()[0], before.data<double>()[0]);
}

TEST(Plan, MemoryOfAChainIsReused) {
  Builder b("chain");
  Value x = b.input("input", {1, 8, 32, 32});
  for (int i = 0; i < 10; ++i) {
    x = b.conv("conv" + std::to_string(i), x, {.out = 8, .kernel = 3, .padding = 1});
    x = b.relu("relu" + std::to_string(i), x);
  }
  const Graph graph = b.finish(x, "y");
  const auto plan = Plan::compile(graph, make_reference_device(), {}, {});
  const std::size_t map = 8 * 32 * 32 * sizeof(float);
  EXPECT_LE(plan->workspace_bytes(), 3 * map) << "ten layers in place need two maps and the input";
}

TEST(Plan, SaysWhatIsWrongWithInputsAndWeights) {
  const Graph graph = small_network(DType::f32);
  const auto plan =
      Plan::compile(graph, reference(), {{"input", {2, 2, 6, 6}}, {"labels", {2}}}, {});
  Workspace workspace(plan);
  const Tensor x(DType::f32, {2, 2, 6, 6});
  const Tensor small(DType::f32, {2, 2, 5, 6});
  const Tensor labels(DType::i64, {2});
  Weights weights = random_weights(graph, 1);
  const auto message = [&](const Inputs& inputs) -> std::string {
    try {
      plan->forward(workspace, inputs, weights);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_EQ(message({{"input", x.view()}}), "small: input labels is missing");
  EXPECT_EQ(message({{"input", small.view()}, {"labels", labels.view()}}),
            "small: input expected float32 2x2x6x6, got float32 2x2x5x6");
  weights["conv.weight"] = Tensor(DType::f32, {1});
  EXPECT_EQ(message({{"input", x.view()}, {"labels", labels.view()}}),
            "small: conv.weight expected float32 4x2x3x3, got float32 1");
  EXPECT_THROW(workspace.output("lss"), ModelError);
}

TEST(Plan, ShapeErrorsNameTheNode) {
  try {
    Plan::compile(small_network(DType::f32), reference(), {{"input", {2, 3, 6, 6}}}, {});
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("conv (Conv): "));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("3"));
  }
}

TEST(InferenceForm, TakesRunningStatisticsAndDropsDropout) {
  Graph graph = small_network(DType::f64);
  graph.outputs = {"logits"};
  const Graph inference = inference_form(graph);
  for (const Node& node : inference.nodes) EXPECT_NE(node.op, "Dropout");
  EXPECT_EQ(inference.find_input("labels"), nullptr);
  const Weights weights = random_weights(graph, 1);
  const Tensor x = random_tensor(DType::f64, {2, 2, 6, 6}, 3);
  const auto run = [&](const Tensor& pictures) {
    const auto plan = Plan::compile(inference, reference(), {{"input", pictures.shape()}}, {});
    Workspace workspace(plan);
    plan->forward(workspace, {{"input", pictures.view()}}, weights);
    return workspace.fetch("logits");
  };
  // A picture's logits do not depend on what else is in the batch.
  Tensor first(DType::f64, {1, 2, 6, 6});
  std::copy_n(x.data<double>(), first.elements(), first.data<double>());
  const Tensor together = run(x);
  const Tensor alone = run(first);
  for (int i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(together.data<double>()[i], alone.data<double>()[i]);
  }
}

TEST(ThreadsPlan, OnePlanRunsInSeveralThreadsAtOnce) {
  Graph graph = small_network(DType::f32);
  graph.outputs = {"logits"};
  const Program program(inference_form(graph), make_cpu_device(2));
  const Weights weights = random_weights(graph, 1);
  std::vector<Tensor> results(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      const Tensor x =
          random_tensor(DType::f32, {1 + static_cast<std::int64_t>(i % 2), 2, 6, 6}, 3);
      for (int repeat = 0; repeat < 20; ++repeat) {
        const auto plan = program.plan({{"input", x.shape()}});
        Workspace workspace(plan);
        plan->forward(workspace, {{"input", x.view()}}, weights);
        results[i] = workspace.fetch("logits");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 2; i < results.size(); ++i) {
    EXPECT_TRUE(
        std::equal(results[i].raw().begin(), results[i].raw().end(), results[i - 2].raw().begin()));
  }
}

}  // namespace
}  // namespace striate
