#include "striate/tasks/classification/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "striate/base/error.h"
#include "striate/data/loader.h"

namespace striate {

namespace {

// The logarithm of each picture's probabilities, averaged over its views: logits of that average.
Tensor averaged(const Tensor& logits, int views) {
  const std::int64_t classes = logits.shape()[1];
  Tensor result(DType::f32, {logits.shape()[0] / views, classes});
  const float* row = logits.data<float>();
  float* to = result.data<float>();
  std::vector<double> mean(static_cast<std::size_t>(classes));
  for (std::int64_t i = 0; i < result.shape()[0]; ++i, to += classes) {
    std::fill(mean.begin(), mean.end(), 0.0);
    for (int view = 0; view < views; ++view, row += classes) {
      const double top = *std::max_element(row, row + classes);
      double sum = 0;
      for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(double{row[c]} - top);
      for (std::int64_t c = 0; c < classes; ++c) {
        mean[static_cast<std::size_t>(c)] += std::exp(double{row[c]} - top) / (sum * views);
      }
    }
    // No float32 is below this, so no class is infinitely improbable.
    constexpr double kLeast = 1e-45;
    for (std::int64_t c = 0; c < classes; ++c) {
      to[c] = static_cast<float>(std::log(std::max(mean[static_cast<std::size_t>(c)], kLeast)));
    }
  }
  return result;
}

}  // namespace

Evaluation evaluate(const Program& inference, const Weights& weights, const Dataset& dataset,
                    const Preprocessing& preprocessing, const EvaluationOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t classes = infer_shapes(inference.graph()).at("logits").shape[1];
  Evaluation result{.metrics = ClassMetrics(classes)};
  // As many pictures at a time as without several views.
  const std::int64_t batch = std::min(options.batch / options.crops, dataset.size());
  Loader loader(dataset, {.batch = std::max<std::int64_t>(1, batch),
                          .crops = options.crops,
                          .preprocessing = preprocessing});
  std::unique_ptr<Workspace> workspace;
  std::shared_ptr<const Prepared> prepared;
  while (const auto next = loader.next()) {
    const auto plan = inference.plan({{"input", next->pictures.shape()}});
    if (!workspace || &workspace->plan() != plan.get()) {
      workspace = std::make_unique<Workspace>(plan);
      prepared = plan->prepare(weights);
    }
    plan->forward(*workspace, {{"input", next->pictures.view()}}, *prepared,
                  {.cancel = options.cancel});
    Tensor logits = workspace->fetch("logits");
    if (logits.shape().rank() == 4) logits = logits.reshaped({logits.shape()[0], classes});
    if (options.crops > 1) logits = averaged(logits, options.crops);
    result.metrics.add(logits, next->labels.values<std::int64_t>());
    if (options.on_progress) options.on_progress(result.metrics.count());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.images_per_second = static_cast<double>(result.metrics.count()) / result.seconds;
  return result;
}

}  // namespace striate
