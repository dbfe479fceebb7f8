#include "striate/tasks/classification/evaluate.h"

#include <algorithm>
#include <chrono>

#include "striate/base/error.h"
#include "striate/data/loader.h"

namespace striate {

Evaluation evaluate(const Program& inference, const Weights& weights, const Dataset& dataset,
                    const Preprocessing& preprocessing, std::int64_t batch,
                    const OnProgress& on_progress, const std::atomic<bool>* cancel) {
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t classes = infer_shapes(inference.graph()).at("logits").shape[1];
  Evaluation result{.metrics = ClassMetrics(classes)};
  Loader loader(dataset, {.batch = std::max<std::int64_t>(1, std::min(batch, dataset.size())),
                          .preprocessing = preprocessing});
  std::unique_ptr<Workspace> workspace;
  while (const auto next = loader.next()) {
    const auto plan = inference.plan({{"input", next->pictures.shape()}});
    if (!workspace || &workspace->plan() != plan.get())
      workspace = std::make_unique<Workspace>(plan);
    plan->forward(*workspace, {{"input", next->pictures.view()}}, weights, {.cancel = cancel});
    result.metrics.add(workspace->fetch("logits"), next->labels.values<std::int64_t>());
    if (on_progress) on_progress(result.metrics.count());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.images_per_second = static_cast<double>(result.metrics.count()) / result.seconds;
  return result;
}

}  // namespace striate
