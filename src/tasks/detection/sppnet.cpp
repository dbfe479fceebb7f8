// He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition",
// arXiv:1406.4729, section 4: what surrounds the network of models/sppnet.cpp: selective search's
// regions, and after the training the support vector machines and box regressions of R-CNN, fitted to
// features that one pass of convolutions a picture has given.

#include "striate/graph/rewrite.h"
#include "striate/models/two_stage.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/networks.h"
#include "striate/tasks/prepared_plans.h"
#include "tasks/detection/detector_training.h"
#include "tasks/detection/region_data.h"
#include "tasks/detection/region_detector.h"
#include "tasks/detection/svm_detector.h"

namespace striate {
namespace {

constexpr const char* kFeatures = "head.features";

class PyramidFeatures final : public RegionFeatures {
 public:
  PyramidFeatures(const ModelCard& card, Weights weights, std::shared_ptr<const Device> device)
      : preprocessing_(card.preprocessing), weights_(std::move(weights)) {
    Graph graph = inference_form(network_of(card).row.build(size_of(card)));
    graph.outputs = {kFeatures};
    prune(graph);
    program_ = std::make_unique<Program>(std::move(graph), std::move(device));
  }

  Tensor of(const Image& picture, std::span<const Box> regions,
            const std::atomic<bool>* cancel) const override {
    // Few sizes, as each has a plan of its own.
    constexpr std::int64_t kStep = 256;
    const Preprocessing& p = preprocessing_;
    const auto count = static_cast<std::int64_t>(regions.size());
    const std::int64_t rows = std::max<std::int64_t>(1, (count + kStep - 1) / kStep) * kStep;
    const Tensor proposals =
        region_rows(regions, rows, static_cast<double>(p.width) / picture.width,
                    static_cast<double>(p.height) / picture.height);
    Tensor input(DType::f32, {1, p.channels, p.height, p.width});
    preprocess(picture, p, input.data<float>());
    const auto plan = program_->plan({{"proposals", {rows, 5}}});
    Workspace workspace(plan);
    plan->forward(workspace,
                  {{"input", std::as_const(input).view()}, {"proposals", proposals.view()}},
                  *prepared_.of(plan, weights_), {.cancel = cancel});
    const Tensor all = workspace.fetch(kFeatures);
    const std::int64_t columns = all.shape()[1];
    return Tensor::of<float>({count, columns},
                             all.values<float>().first(static_cast<std::size_t>(count * columns)));
  }

 private:
  Preprocessing preprocessing_;
  Weights weights_;
  std::unique_ptr<Program> program_;
  mutable PreparedPlans prepared_;
};

std::unique_ptr<Detector> make(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device) {
  auto features = std::make_unique<PyramidFeatures>(card, weights, std::move(device));
  return make_svm_detector(std::move(card), std::move(weights), std::move(features));
}

Training open(const TrainingSettings& settings, const Threads& threads,
              const std::filesystem::path& checkpoint) {
  DetectorStart start =
      start_detector(settings, threads, checkpoint,
                     {.batch = 4, .complete = [](DetectorNetwork& network, const Dataset&) {
                        network.regions = regions_of(network);
                      }});
  const std::int64_t count = start.network.regions;
  const std::shared_ptr<const Dataset> train = start.train;
  const auto regions = std::make_shared<RegionCache>(train->size(), count);
  start.train = with_regions(train, regions);
  Graph graph = sppnet_training(size_of(start.training.card), start.network);
  graph = freeze(std::move(graph), {"head.svm", "head.box"});
  Training training = finish_detector(
      std::move(start), graph,
      [count](const Batch& batch, auto& inputs) { region_inputs(batch, count, inputs); });
  // What the network itself answers is not what it will be asked: the last epoch is the best.
  training.validator = nullptr;
  training.finish = [=, card = training.card](const Weights& trained,
                                              const FinishContext& context) {
    const PyramidFeatures features(card, trained, context.device);
    return fit_machines(card, trained, *train, *regions, features, context);
  };
  return training;
}

}  // namespace

void register_detector_sppnet(DetectorRegistry& registry);
void register_detector_sppnet(DetectorRegistry& registry) {
  registry.add({.name = "sppnet", .open = open, .make = make});
}

}  // namespace striate
