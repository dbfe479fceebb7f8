#include "training_step.h"

#include <vector>

#include "peers.h"
#include "striate/base/random.h"
#include "striate/models/registry.h"
#include "striate/nn/builder.h"
#include "striate/nn/initialize.h"
#include "striate/train/optimizer.h"

namespace striate::bench {
namespace {

// Eight batches of pictures and labels, over and over.
constexpr std::int64_t kBatches = 8;

}  // namespace

nlohmann::json measure_training(const TrainingJob& job) {
  const ModelSize size = models().find(job.model).natural;
  const Graph graph = with_classification_loss(models().find(job.model).build(size));
  const Program program(graph, make_cpu_device(job.threads), {.differentiate = {"loss"}});
  Weights weights = initialize(graph, 1);
  const Shape shape{job.batch, size.channels, size.height, size.width};
  std::vector<Tensor> pictures;
  std::vector<Tensor> labels;
  Random random({.seed = 1, .purpose = purpose_of("bench"), .step = 0}, 0);
  for (std::int64_t b = 0; b < kBatches; ++b) {
    pictures.emplace_back(DType::f32, shape);
    float* values = pictures.back().data<float>();
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      values[i] = static_cast<float>(random.uniform(-1, 1));
    }
    labels.emplace_back(DType::i64, Shape{job.batch});
    for (std::int64_t i = 0; i < job.batch; ++i) {
      labels.back().data<std::int64_t>()[i] =
          static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(size.classes)));
    }
  }
  const auto plan = program.plan({{"input", shape}, {"labels", {job.batch}}});
  Workspace workspace(plan);
  Optimizer optimizer({.name = job.optimizer, .momentum = job.optimizer == "sgd" ? 0.9 : 0.0});
  std::uint64_t step = 0;
  const auto run_step = [&] {
    const auto b = static_cast<std::size_t>(step % kBatches);
    const Inputs inputs{{"input", pictures[b].view()}, {"labels", labels[b].view()}};
    const RunKey key{.seed = 1, .step = ++step};
    plan->forward(workspace, inputs, weights, key);
    plan->backward(workspace, inputs, weights, key);
    optimizer.step(*program.device(), graph, weights, workspace, 1e-3);
    plan->update_state(workspace, weights);
  };
  for (int i = 0; i < 3; ++i) run_step();
  std::vector<double> times;
  for (const double begin = now(); now() - begin < job.seconds || times.size() < 5;) {
    const double start = now();
    run_step();
    times.push_back(now() - start);
  }
  return {{"images_per_second", static_cast<double>(job.batch) / median(times)},
          {"peak_bytes", peak_bytes()},
          {"workspace_bytes", plan->workspace_bytes()},
          {"loss", *workspace.fetch("loss").data<float>()}};
}

}  // namespace striate::bench
