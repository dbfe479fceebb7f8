#include "striate/tasks/memory.h"

#include <fstream>
#include <malloc.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// A line of /proc/self/status, in bytes.
std::int64_t status_of(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return 1024 * std::stoll(line.substr(key.size() + 1));
  }
  return 0;
}

void warm_up();

// What a child process that runs `body` takes at most beyond the program itself, which a small
// network has brought into memory before.
template <class Body>
std::int64_t measured(const Body& body) {
  int channel[2];
  EXPECT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  if (child == 0) {
    warm_up();
    malloc_trim(0);                                 // what is free would be used again, unseen
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak counts from here
    const std::int64_t before = status_of("VmRSS");
    body();
    const std::int64_t bytes = status_of("VmHWM") - before;
    const bool written = write(channel[1], &bytes, sizeof bytes) == sizeof bytes;
    _exit(written ? 0 : 1);
  }
  std::int64_t bytes = 0;
  EXPECT_EQ(read(channel[0], &bytes, sizeof bytes), static_cast<ssize_t>(sizeof bytes));
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  close(channel[0]);
  close(channel[1]);
  return bytes;
}

Tensor filled(DType dtype, const Shape& shape) {
  Tensor tensor(dtype, shape);
  if (dtype == DType::i64) return tensor;
  std::fill_n(tensor.data<float>(), tensor.elements(), 0.01F);
  return tensor;
}

struct Ready {
  Weights weights;
  std::map<std::string, Tensor> tensors;
  Inputs inputs;
};

Ready ready(const Graph& graph, const Shapes& shapes) {
  Ready all;
  for (const Parameter& p : graph.parameters) all.weights[p.name] = filled(p.dtype, p.shape);
  for (const GraphInput& input : graph.inputs) {
    all.tensors[input.name] = filled(input.dtype, shapes.at(input.name));
    all.inputs[input.name] = std::as_const(all.tensors[input.name]).view();
  }
  return all;
}

void run_once(const Graph& graph, const Shapes& shapes) {
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  const Graph inference = inference_form(graph);
  const Ready all = ready(inference, shapes);
  const auto plan = Plan::compile(inference, device, shapes, {});
  Workspace workspace(plan);
  plan->forward(workspace, all.inputs, all.weights);
}

void train_twice(const Graph& graph, const Shapes& shapes, const OptimizerOptions& rule) {
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  Ready all = ready(graph, shapes);
  const auto plan = Plan::compile(graph, device, shapes, {.differentiate = {"loss"}});
  Workspace workspace(plan);
  Optimizer optimizer(rule);
  for (std::uint64_t step = 1; step <= 2; ++step) {
    plan->forward(workspace, all.inputs, all.weights, RunKey{.seed = 1, .step = step});
    plan->backward(workspace, all.inputs, all.weights, RunKey{.seed = 1, .step = step});
    optimizer.step(*device, graph, all.weights, workspace, 1e-4);
    plan->update_state(workspace, all.weights);
  }
}

void warm_up() {
  const ModelRow row = find_network("16x16x3 -> 3x3x8 p1 -> bn -> relu -> max2 -> dense 4").row;
  const Graph graph = row.build(row.natural);
  run_once(graph, {{"input", {1, 3, 16, 16}}});
  train_twice(with_classification_loss(graph), {{"input", {1, 3, 16, 16}}, {"labels", {1}}}, {});
}

struct Case {
  const char* network;
  std::int64_t batch;
  const char* optimizer;
};

class NetworkMemoryTest : public ::testing::TestWithParam<Case> {};

TEST_P(NetworkMemoryTest, IsWhatIsMeasured) {
  if (kSanitized) GTEST_SKIP() << "sanitizers take memory of their own";
  const Case& c = GetParam();
  const ModelRow row = find_network(c.network).row;
  const Graph graph = row.build(row.natural);
  const Shape batch{c.batch, row.natural.channels, row.natural.height, row.natural.width};
  const OptimizerOptions rule{.name = c.optimizer};
  // As many threads as the children have: their share of scratch memory counts too.
  const NetworkMemory memory = network_memory(graph, make_cpu_device(2), batch, rule);
  const auto run = measured([&] { run_once(graph, {{"input", batch}}); });
  const auto train = measured([&] {
    train_twice(with_classification_loss(graph), {{"input", batch}, {"labels", {c.batch}}}, rule);
  });
  const auto within = [&](std::int64_t expected, std::int64_t got, const char* what) {
    const double share = static_cast<double>(got) / static_cast<double>(expected);
    RecordProperty(std::string(c.network) + what, std::to_string(share));
    EXPECT_NEAR(share, 1, 0.1) << c.network << " " << what;
  };
  within(memory.run, run, "run");
  within(memory.train, train, "train");
}

// From wide dense layers to narrow and deep ones; large enough that the program's own few hundred
// kilobytes do not count.
INSTANTIATE_TEST_SUITE_P(Networks, NetworkMemoryTest,
                         ::testing::Values(Case{"cnn", 128, "adam"}, Case{"alexnet", 4, "sgd"},
                                           Case{"resnet20", 64, "adam"},
                                           Case{"densenet40_12", 16, "rmsprop"},
                                           Case{"googlenet", 4, "adam"},
                                           Case{"resnet50", 2, "adam"}));

TEST(NetworkMemory, CountsWhatTheRuleRemembers) {
  const ModelRow row = find_network("cnn").row;
  const Graph graph = row.build(row.natural);
  const std::shared_ptr<const Device> device = make_cpu_device(1);
  const auto of = [&](const OptimizerOptions& rule) {
    return network_memory(graph, device, {1, 1, 28, 28}, rule);
  };
  const std::int64_t trained = std::int64_t{4} * 3363690;
  EXPECT_EQ(of({.name = "sgd"}).weights, trained + 4 * 192);
  EXPECT_EQ(of({.name = "sgd"}).optimizer, 0);
  EXPECT_EQ(of({.name = "sgd", .momentum = 0.9}).optimizer, trained);
  EXPECT_EQ(of({.name = "adam"}).optimizer, 2 * trained);
  EXPECT_EQ(of({.name = "adam"}).train - of({.name = "sgd"}).train, 2 * trained);
  EXPECT_THROW(of({.name = "adamm"}), InputError);
}

TEST(NetworkMemory, NothingToTrain) {
  const ModelRow row = find_network("8x8x3 -> max2").row;
  const auto memory = network_memory(row.build(row.natural), make_cpu_device(1), {1, 3, 8, 8}, {});
  EXPECT_EQ(memory.train, 0);
  EXPECT_GE(memory.run, 4 * (3 * 64 + 3 * 16));
}

}  // namespace
}  // namespace striate
