// Girshick, Donahue, Darrell, Malik, "Rich feature hierarchies for accurate object detection and
// semantic segmentation", arXiv:1311.2524. Selective search's regions of a picture, each warped with
// some of what surrounds it to the network's size (appendix A), go through the network one by one;
// support vector machines name them and their boxes are regressed. The network is trained before that
// to name regions (section 2.3: those of an IoU of 0.5 or more with an object are of its class, a
// quarter of a batch). Departures: there is no pretraining on other data, so all layers learn at one
// rate; the mean colour stands for what lies outside the picture before, not after, normalizing.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "striate/base/error.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"
#include "striate/tasks/classification/classifier.h"
#include "tasks/detection/detector_training.h"
#include "tasks/detection/svm_detector.h"

namespace striate {
namespace {

constexpr std::int64_t kTogether = 64;  // crops in one run

// The region with a margin of 16 of the paper's 227 pixels on each side, warped to the input's size.
void warp(const Image& picture, const Box& region, const Preprocessing& p, float* chw) {
  constexpr double kMargin = 16.0 / (227 - 32);
  const double left = region.x1 - kMargin * region.width();
  const double top = region.y1 - kMargin * region.height();
  const double width = region.width() * (1 + 2 * kMargin);
  const double height = region.height() * (1 + 2 * kMargin);
  const int x1 = std::clamp(static_cast<int>(std::floor(left)), 0, picture.width - 1);
  const int y1 = std::clamp(static_cast<int>(std::floor(top)), 0, picture.height - 1);
  const int x2 = std::clamp(static_cast<int>(std::ceil(left + width)), x1 + 1, picture.width);
  const int y2 = std::clamp(static_cast<int>(std::ceil(top + height)), y1 + 1, picture.height);
  const int columns = static_cast<int>(p.width);
  const int rows = static_cast<int>(p.height);
  const double across = static_cast<double>(columns) / std::max(width, 1e-6);
  const double down = static_cast<double>(rows) / std::max(height, 1e-6);
  const int to_x = std::clamp(static_cast<int>(std::lround((x1 - left) * across)), 0, columns - 1);
  const int to_y = std::clamp(static_cast<int>(std::lround((y1 - top) * down)), 0, rows - 1);
  const int wide = std::clamp(static_cast<int>(std::lround((x2 - x1) * across)), 1, columns - to_x);
  const int high = std::clamp(static_cast<int>(std::lround((y2 - y1) * down)), 1, rows - to_y);
  const Image part = resize_bilinear(cut(picture, x1, y1, x2 - x1, y2 - y1), wide, high);
  Image canvas(columns, rows, picture.channels);
  for (std::size_t i = 0; i < canvas.pixels.size(); ++i) {
    const double mean = p.mean[i % static_cast<std::size_t>(picture.channels)];
    canvas.pixels[i] = static_cast<std::uint8_t>(std::lround(std::clamp(mean, 0.0, 1.0) * 255));
  }
  for (int y = 0; y < high; ++y) {
    std::copy_n(part.row(y), part.row_bytes(),
                canvas.row(to_y + y) + static_cast<std::ptrdiff_t>(to_x) * picture.channels);
  }
  normalize(canvas, p, chw);
}

Image with_channels(const Image& picture, std::int64_t channels) {
  return channels == 1 ? to_grey(picture) : to_rgb(picture);
}

class CropFeatures final : public RegionFeatures {
 public:
  CropFeatures(const ModelCard& card, const Weights& weights, std::shared_ptr<const Device> device)
      : preprocessing_(card.preprocessing) {
    Graph graph = inference_form(network_of(card).row.build(size_of(card)));
    graph.outputs = {"head.features"};
    prune(graph);
    const Preprocessing& p = preprocessing_;
    plan_ = Plan::compile(graph, std::move(device),
                          {{"input", {kTogether, p.channels, p.height, p.width}}}, {});
    weights_ = plan_->prepare(weights);
  }

  Tensor of(const Image& picture, std::span<const Box> regions,
            const std::atomic<bool>* cancel) const override {
    const Preprocessing& p = preprocessing_;
    const Image whole = with_channels(picture, p.channels);
    const auto count = static_cast<std::int64_t>(regions.size());
    const std::int64_t values = p.channels * p.height * p.width;
    Tensor input(DType::f32, {kTogether, p.channels, p.height, p.width});
    std::fill_n(input.data<float>(), kTogether * values, 0.0F);
    Workspace workspace(plan_);
    Tensor all;
    for (std::int64_t first = 0; first < std::max<std::int64_t>(count, 1); first += kTogether) {
      const std::int64_t some = std::min(kTogether, count - first);
      threads_.run(some, [&](std::int64_t i) {
        warp(whole, regions[static_cast<std::size_t>(first + i)], p,
             input.data<float>() + i * values);
      });
      plan_->forward(workspace, {{"input", input.view()}}, *weights_, {.cancel = cancel});
      const Tensor rows = workspace.fetch("head.features");
      const std::int64_t columns = rows.shape()[1];
      if (first == 0) all = Tensor(DType::f32, {count, columns});
      std::copy_n(rows.data<float>(), some * columns, all.data<float>() + first * columns);
    }
    return all;
  }

 private:
  Preprocessing preprocessing_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Prepared> weights_;
  Threads threads_;
};

// Warped regions of some pictures at a time, with the number of their class, or of none behind them.
class CropBatches final : public BatchSource {
 public:
  CropBatches(std::shared_ptr<const Dataset> dataset, std::shared_ptr<const RegionCache> regions,
              const Preprocessing& preprocessing, std::int64_t batch)
      : dataset_(std::move(dataset)),
        regions_(std::move(regions)),
        preprocessing_(preprocessing),
        batch_(batch) {}

  std::int64_t steps() const override { return (dataset_->size() + kPictures - 1) / kPictures; }

  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override {
    key_ = {.seed = static_cast<std::uint64_t>(seed),
            .purpose = purpose_of("regions"),
            .step = static_cast<std::uint64_t>(epoch)};
    order_ = shuffled(dataset_->size(), key_);
    next_ = first;
  }

  TrainBatch next() override {
    const std::int64_t step = next_++;
    const Preprocessing& p = preprocessing_;
    const std::int64_t values = p.channels * p.height * p.width;
    Tensor input(DType::f32, {batch_, p.channels, p.height, p.width});
    Tensor labels(DType::i64, {batch_});
    for (std::int64_t k = 0; k < kPictures; ++k) {
      const std::int64_t index =
          order_[static_cast<std::size_t>((step * kPictures + k) % dataset_->size())];
      const Example example = dataset_->get(index);
      const Image picture = with_channels(example.picture, p.channels);
      const std::int64_t begin = batch_ * k / kPictures;
      const std::int64_t end = batch_ * (k + 1) / kPictures;
      Random random(key_, static_cast<std::uint64_t>(step * kPictures + k));
      const std::vector<Drawn> drawn =
          draw(example, regions_->regions(index, example.picture), end - begin, random);
      threads_.run(end - begin, [&](std::int64_t i) {
        const Drawn& one = drawn[static_cast<std::size_t>(i)];
        float* to = input.data<float>() + (begin + i) * values;
        warp(picture, one.box, p, to);
        if (one.mirrored) mirror_rows(to, p);
        labels.data<std::int64_t>()[begin + i] = one.label;
      });
    }
    TrainBatch step_batch{.samples = std::min(kPictures, dataset_->size() - step * kPictures)};
    step_batch.inputs["input"] = std::move(input);
    step_batch.inputs["labels"] = std::move(labels);
    return step_batch;
  }

 private:
  static constexpr std::int64_t kPictures = 2;
  struct Drawn {
    Box box;
    std::int64_t label = 0;
    bool mirrored = false;
  };

  static void mirror_rows(float* chw, const Preprocessing& p) {
    for (std::int64_t row = 0; row < p.channels * p.height; ++row) {
      std::reverse(chw + row * p.width, chw + (row + 1) * p.width);
    }
  }

  // A quarter objects and regions that are near enough to one, each class as likely as any; the rest
  // background. A picture without objects gives background alone, one that is covered by them the
  // other way round.
  std::vector<Drawn> draw(const Example& example, const std::vector<Box>& regions,
                          std::int64_t count, Random& random) const {
    const auto none = static_cast<std::int64_t>(dataset_->classes().size());
    std::vector<std::vector<Box>> near(static_cast<std::size_t>(none));
    std::vector<Box> background;
    const auto place = [&](const Box& box) {
      double most = 0;
      std::int64_t label = none;
      for (const Object& object : example.objects) {
        const double overlap = iou(box, object.box);
        if (overlap <= most) continue;
        most = overlap;
        label = object.label;
      }
      if (most >= 0.5) {
        near[static_cast<std::size_t>(label)].push_back(box);
      } else {
        background.push_back(box);
      }
    };
    for (const Object& object : example.objects) {
      if (object.box.area() > 0 && !object.crowd) place(object.box);
    }
    for (const Box& box : regions) place(box);
    std::vector<std::int64_t> there;
    for (std::int64_t c = 0; c < none; ++c) {
      if (!near[static_cast<std::size_t>(c)].empty()) there.push_back(c);
    }
    if (background.empty()) {
      background.push_back({0, 0, double(example.picture.width), double(example.picture.height)});
    }
    std::vector<Drawn> drawn;
    for (std::int64_t i = 0; i < count; ++i) {
      Drawn one{.label = none};
      if (4 * i < count && !there.empty()) {
        one.label = there[random.below(static_cast<std::uint32_t>(there.size()))];
      }
      const std::vector<Box>& from =
          one.label == none ? background : near[static_cast<std::size_t>(one.label)];
      one.box = from[random.below(static_cast<std::uint32_t>(from.size()))];
      one.mirrored = random.below(2) == 1;
      drawn.push_back(one);
    }
    return drawn;
  }

  std::shared_ptr<const Dataset> dataset_;
  std::shared_ptr<const RegionCache> regions_;
  Preprocessing preprocessing_;
  std::int64_t batch_;
  RandomKey key_;
  std::vector<std::int64_t> order_;
  std::int64_t next_ = 0;
  Threads threads_;
};

std::unique_ptr<Detector> make(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device) {
  auto features = std::make_unique<CropFeatures>(card, weights, std::move(device));
  return make_svm_detector(std::move(card), std::move(weights), std::move(features));
}

Training open(const TrainingSettings& settings, const Threads& threads,
              const std::filesystem::path& checkpoint) {
  const ModelRow& model = models().find(settings.model);
  if (!settings.augment.empty()) {
    fail<InputError>("augment: {} draws regions and mirrors them by itself", settings.model);
  }
  DetectorStart start = start_detector(settings, threads, checkpoint,
                                       {.batch = 64,
                                        .height = model.natural.height,
                                        .width = model.natural.width,
                                        .complete = [](DetectorNetwork& network, const Dataset&) {
                                          network.regions = regions_of(network);
                                        }});
  const std::shared_ptr<const Dataset> train = start.train;
  const auto regions = std::make_shared<RegionCache>(train->size(), start.network.regions);
  Graph graph = network_of(start.training.card).row.build(size_of(start.training.card));
  graph = with_classification_loss(freeze(std::move(graph), {"head.svm", "head.box"}));
  Training training = finish_detector(std::move(start), graph, [](const Batch&, auto&) {});
  // What the network itself answers is not what it will be asked: the last epoch is the best.
  training.validator = nullptr;
  training.batches = [=, p = training.card.preprocessing, batch = training.settings.train.batch] {
    return std::make_unique<CropBatches>(train, regions, p, batch);
  };
  training.finish = [=, card = training.card](const Weights& trained,
                                              const FinishContext& context) {
    const CropFeatures features(card, trained, context.device);
    return fit_machines(card, trained, *train, *regions, features, context);
  };
  return training;
}

}  // namespace

void register_detector_rcnn(DetectorRegistry& registry);
void register_detector_rcnn(DetectorRegistry& registry) {
  registry.add({.name = "rcnn", .open = open, .make = make});
}

}  // namespace striate
