#include "tasks/detection/region_detector.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "striate/base/error.h"
#include "striate/boxes/coding.h"
#include "striate/boxes/suppression.h"
#include "striate/graph/rewrite.h"
#include "striate/models/two_stage.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/networks.h"
#include "tasks/detection/detector_training.h"

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

// Adds the time since it was asked last.
class Watch {
 public:
  void add_to(double& seconds) {
    const Clock::time_point now = Clock::now();
    seconds += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  Clock::time_point last_ = Clock::now();
};

}  // namespace

RegionDetector::RegionDetector(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device, Propose propose)
    : card_(std::move(card)), propose_(std::move(propose)) {
  check(card_.preprocessing);
  if (card_.classes.empty()) fail<InputError>("{}: a detector needs class names", card_.model);
  const Graph graph = inference_form(network_of(card_).row.build(size_of(card_)));
  outputs_ = graph.outputs;
  if (const GraphInput* input = graph.find_input("proposals")) given_ = input->shape[0];
  plan_ = Plan::compile(graph, std::move(device), {}, {});
  weights_ = plan_->prepare(weights);
}

Found RegionDetector::detect(const Image& picture, const DetectOptions& options) const {
  Found found;
  Watch watch;
  const Preprocessing& p = card_.preprocessing;
  const double scale_x = static_cast<double>(p.width) / picture.width;
  const double scale_y = static_cast<double>(p.height) / picture.height;
  Inputs inputs;
  Tensor regions;
  if (propose_) {
    regions = region_rows(propose_(picture), given_, scale_x, scale_y);
    inputs["proposals"] = std::as_const(regions).view();
    watch.add_to(found.seconds.regions);
  }
  Tensor input(DType::f32, {1, p.channels, p.height, p.width});
  preprocess(picture, p, input.data<float>());
  inputs["input"] = std::as_const(input).view();
  Workspace workspace(plan_);
  const auto observe = [&](std::string_view node, std::string_view, std::span<const ConstView>) {
    watch.add_to(node.starts_with("head.") || node.starts_with("roi_heads.")
                     ? found.seconds.classification
                 : node.starts_with("rpn.") || node == "proposals" ? found.seconds.regions
                                                                   : found.seconds.features);
  };
  plan_->forward(workspace, inputs, *weights_, {.cancel = options.cancel, .observe = observe});
  if (!propose_) regions = workspace.fetch(outputs_.at(2));
  std::vector<Detection> all =
      read_regions(workspace.fetch(outputs_[0]), workspace.fetch(outputs_.at(1)), regions,
                   static_cast<double>(p.width), static_cast<double>(p.height), options.score);
  for (Detection& one : all) {
    one.box = {one.box.x1 / scale_x, one.box.y1 / scale_y, one.box.x2 / scale_x,
               one.box.y2 / scale_y};
  }
  for (std::int64_t r = 0; r < regions.shape()[0]; ++r) {
    const float* row = regions.data<float>() + 5 * r;
    if (row[3] > row[1] && row[4] > row[2]) ++found.regions;
  }
  watch.add_to(found.seconds.classification);
  found.detections = suppress(all, options.overlap, options.most);
  watch.add_to(found.seconds.suppression);
  return found;
}

Tensor region_rows(std::span<const Box> boxes, std::int64_t count, double scale_x, double scale_y) {
  Tensor rows(DType::f32, {count, 5});
  const auto given = std::min(count, static_cast<std::int64_t>(boxes.size()));
  for (std::int64_t r = 0; r < given; ++r) {
    const Box& box = boxes[static_cast<std::size_t>(r)];
    float* row = rows.data<float>() + 5 * r;
    row[1] = static_cast<float>(box.x1 * scale_x);
    row[2] = static_cast<float>(box.y1 * scale_y);
    row[3] = static_cast<float>(box.x2 * scale_x);
    row[4] = static_cast<float>(box.y2 * scale_y);
  }
  return rows;
}

std::vector<Detection> read_regions(const Tensor& logits, const Tensor& offsets,
                                    const Tensor& proposals, double width, double height,
                                    double least) {
  const std::int64_t classes = logits.shape()[1];
  const BoxWeights scales{kOffsetScales[0], kOffsetScales[1], kOffsetScales[2], kOffsetScales[3]};
  std::vector<Detection> found;
  std::vector<double> share(static_cast<std::size_t>(classes));
  for (std::int64_t r = 0; r < logits.shape()[0]; ++r) {
    const float* row = proposals.data<float>() + 5 * r;
    const Box region{row[1], row[2], row[3], row[4]};
    if (!(region.width() > 0 && region.height() > 0)) continue;
    const float* scores = logits.data<float>() + r * classes;
    const double most = *std::max_element(scores, scores + classes);
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      share[static_cast<std::size_t>(c)] = std::exp(static_cast<double>(scores[c]) - most);
      sum += share[static_cast<std::size_t>(c)];
    }
    for (std::int64_t c = 1; c < classes; ++c) {
      const double score = share[static_cast<std::size_t>(c)] / sum;
      if (!(score >= least)) continue;
      const float* d = offsets.data<float>() + (r * classes + c) * 4;
      const Box box = clip(decode({d[0], d[1], d[2], d[3]}, region, scales), width, height);
      if (!(box.width() > 0 && box.height() > 0)) continue;
      found.push_back({.box = box, .label = c - 1, .score = score});
    }
  }
  return found;
}

Tensor objects_tensor(const Batch& batch) {
  // Few sizes, as each has a plan of its own.
  std::int64_t rows = 8;
  while (rows < most_objects(batch)) rows *= 2;
  Tensor objects(DType::f32, {static_cast<std::int64_t>(batch.objects.size()), rows, 5});
  float* to = objects.data<float>();
  for (const std::vector<Object>& picture : batch.objects) {
    for (std::int64_t i = 0; i < rows; ++i, to += 5) {
      to[4] = -1;
      if (i >= static_cast<std::int64_t>(picture.size())) continue;
      const Object& object = picture[static_cast<std::size_t>(i)];
      to[0] = static_cast<float>(object.box.x1);
      to[1] = static_cast<float>(object.box.y1);
      to[2] = static_cast<float>(object.box.x2);
      to[3] = static_cast<float>(object.box.y2);
      if (!object.crowd) to[4] = static_cast<float>(object.label);
    }
  }
  return objects;
}

}  // namespace striate
