// Girshick, "Fast R-CNN", arXiv:1504.08083: what surrounds the network of models/fast_rcnn.cpp: selective
// search's regions, of the training pictures searched once. Departure: pictures are squeezed to the
// network's size, not scaled to a shorter side of 600.

#include <map>
#include <mutex>
#include <string>

#include "striate/boxes/selective_search.h"
#include "striate/models/two_stage.h"
#include "striate/tasks/classification/classifier.h"
#include "tasks/detection/detector_training.h"
#include "tasks/detection/region_data.h"
#include "tasks/detection/region_detector.h"
#include "tasks/detection/svm_detector.h"

namespace striate {
namespace {

std::int64_t regions_of(const ModelCard& card) {
  return regions_of(card.definition.empty() ? DetectorNetwork{}
                                            : read_detector_network(card.definition, card.model));
}

std::unique_ptr<Detector> make(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device) {
  const auto threads = std::make_shared<const Threads>();
  const Propose search = [threads, most = regions_of(card)](const Image& picture) {
    return selective_search(picture, {.most = most}, threads.get());
  };
  return std::make_unique<RegionDetector>(std::move(card), std::move(weights), std::move(device),
                                          search);
}

// The pictures of one dataset, met again after each epoch, are searched once: known by their pixels.
class SearchedOnce {
 public:
  std::vector<Box> operator()(const Image& picture, std::int64_t most) {
    std::string key(picture.pixels.begin(), picture.pixels.end());
    key += fmt::format("{}x{}", picture.width, picture.height);
    {
      const std::scoped_lock lock(mutex_);
      const auto found = found_.find(key);
      if (found != found_.end()) return found->second;
    }
    std::vector<Box> boxes = selective_search(picture, {.most = most}, &threads_);
    const std::scoped_lock lock(mutex_);
    return found_.emplace(std::move(key), std::move(boxes)).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Box>> found_;
  Threads threads_;
};

Training open(const TrainingSettings& settings, const Threads& threads,
              const std::filesystem::path& checkpoint) {
  DetectorStart start =
      start_detector(settings, threads, checkpoint,
                     {.batch = 4, .complete = [](DetectorNetwork& network, const Dataset&) {
                        network.regions = regions_of(network);
                      }});
  const std::int64_t count = start.network.regions;
  start.train =
      with_regions(start.train, std::make_shared<RegionCache>(start.train->size(), count));
  const Graph graph =
      fast_rcnn_training(settings.model, size_of(start.training.card), start.network);
  const auto searched = std::make_shared<SearchedOnce>();
  return finish_detector(
      std::move(start), graph,
      [count](const Batch& batch, auto& inputs) { region_inputs(batch, count, inputs); },
      [=](ModelCard card, Weights weights, std::shared_ptr<const Device> device) {
        return std::make_unique<RegionDetector>(
            std::move(card), std::move(weights), std::move(device),
            [=](const Image& picture) { return (*searched)(picture, count); });
      });
}

}  // namespace

void register_detector_fast_rcnn(DetectorRegistry& registry);
void register_detector_fast_rcnn(DetectorRegistry& registry) {
  registry.add({.name = "fast_rcnn", .open = open, .make = make});
}

}  // namespace striate
