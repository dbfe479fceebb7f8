// Ren, He, Girshick, Sun, "Faster R-CNN", arXiv:1506.01497: what surrounds the network of
// models/faster_rcnn.cpp. Targets are drawn inside the training graph, which sees the objects alone.
// Departure: pictures are squeezed to the network's size, not scaled to a shorter side of 600.

#include "striate/base/error.h"
#include "striate/boxes/anchors.h"
#include "striate/models/two_stage.h"
#include "striate/tasks/classification/classifier.h"
#include "tasks/detection/detector_training.h"
#include "tasks/detection/region_detector.h"

namespace striate {
namespace {

constexpr std::int64_t kFitted = 9;

// The sizes of the training objects' boxes in pixels of a network of this size; 0: of the first
// picture's.
std::vector<BoxSize> sizes_of(const Dataset& pictures, std::int64_t height, std::int64_t width) {
  std::vector<BoxSize> sizes;
  for (std::int64_t i = 0; i < pictures.size(); ++i) {
    const Example example = pictures.get(i);
    if (height == 0) height = example.picture.height;
    if (width == 0) width = example.picture.width;
    for (const Object& object : example.objects) {
      sizes.push_back({object.box.width() * static_cast<double>(width) / example.picture.width,
                       object.box.height() * static_cast<double>(height) / example.picture.height});
    }
  }
  return sizes;
}

Training open(const TrainingSettings& settings, const Threads& threads,
              const std::filesystem::path& checkpoint) {
  const SegmentationSettings& size = settings.segmentation;
  const auto complete = [&](DetectorNetwork& network, const Dataset& train) {
    if (network.anchors != "auto") return;
    const std::vector<BoxSize> fitted =
        fit_anchors(sizes_of(train, size.height, size.width), kFitted);
    if (fitted.empty()) fail<InputError>("anchors: {} has no boxes to fit them to", settings.data);
    network.anchors = format_anchors(fitted);
  };
  DetectorStart start =
      start_detector(settings, threads, checkpoint, {.batch = 4, .complete = complete});
  const Graph graph =
      faster_rcnn_training(settings.model, size_of(start.training.card), start.network);
  return finish_detector(std::move(start), graph, [](const Batch& batch, auto& inputs) {
    inputs["objects"] = objects_tensor(batch);
  });
}

std::unique_ptr<Detector> make(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device) {
  return std::make_unique<RegionDetector>(std::move(card), std::move(weights), std::move(device));
}

}  // namespace

void register_detector_faster_rcnn(DetectorRegistry& registry);
void register_detector_faster_rcnn(DetectorRegistry& registry) {
  registry.add({.name = "faster_rcnn", .open = open, .make = make});
}

}  // namespace striate
