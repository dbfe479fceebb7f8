#include "tasks/detection/one_network.h"

#include <algorithm>
#include <chrono>

#include "striate/base/error.h"
#include "striate/boxes/suppression.h"
#include "striate/graph/rewrite.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

OneNetworkDetector::OneNetworkDetector(ModelCard card, Weights weights,
                                       std::shared_ptr<const Device> device)
    : card_(std::move(card)) {
  check(card_.preprocessing);
  if (card_.classes.empty()) fail<InputError>("{}: a detector needs class names", card_.model);
  const Graph graph = inference_form(network_of(card_).row.build(size_of(card_)));
  outputs_ = graph.outputs;
  plan_ = Plan::compile(graph, std::move(device), {}, {});
  weights_ = plan_->prepare(weights);
}

Found OneNetworkDetector::detect(const Image& picture, const DetectOptions& options) const {
  const Clock::time_point begin = Clock::now();
  const Preprocessing& p = card_.preprocessing;
  Tensor input(DType::f32, {1, p.channels, p.height, p.width});
  take(picture, input.data<float>());
  Workspace workspace(plan_);
  plan_->forward(workspace, {{"input", input.view()}}, *weights_, {.cancel = options.cancel});
  std::vector<Tensor> outputs;
  for (const std::string& name : outputs_) outputs.push_back(workspace.fetch(name));
  Found found{.seconds = {.features = since(begin)}};
  const Clock::time_point answered = Clock::now();
  std::vector<Detection> all = decode(outputs, picture, options.score);
  const double w = picture.width;
  const double h = picture.height;
  for (Detection& one : all) {
    one.box = {one.box.x1 * w, one.box.y1 * h, one.box.x2 * w, one.box.y2 * h};
  }
  found.regions = static_cast<std::int64_t>(all.size());
  found.seconds.classification = since(answered);
  const Clock::time_point decoded = Clock::now();
  found.detections = suppress(all, options.overlap, options.most);
  // Boxes are compared as they were answered, and cut at the picture's edges after that.
  for (Detection& one : found.detections) one.box = intersection(one.box, {0, 0, w, h});
  found.seconds.suppression = since(decoded);
  return found;
}

void OneNetworkDetector::take(const Image& picture, float* chw) const {
  preprocess(picture, card_.preprocessing, chw);
}

}  // namespace striate
