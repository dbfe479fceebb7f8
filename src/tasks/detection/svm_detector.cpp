#include "tasks/detection/svm_detector.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "striate/base/error.h"
#include "striate/boxes/coding.h"
#include "striate/boxes/selective_search.h"
#include "striate/boxes/suppression.h"

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Rows of a dense layer applied to one row of features.
class Rows {
 public:
  Rows(const Weights& weights, const std::string& path)
      : weight_(weights.at(path + ".weight")), bias_(weights.at(path + ".bias")) {}

  double operator()(std::int64_t row, const float* features) const {
    const std::int64_t n = weight_.shape()[1];
    const float* w = weight_.data<float>() + row * n;
    float sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += w[i] * features[i];
    return double{sum} + double{bias_.data<float>()[row]};
  }

 private:
  Tensor weight_, bias_;
};

class SvmDetector final : public Detector {
 public:
  SvmDetector(ModelCard card, const Weights& weights, std::unique_ptr<RegionFeatures> features)
      : card_(std::move(card)),
        features_(std::move(features)),
        svm_(weights, "head.svm"),
        box_(weights, "head.box"),
        most_(regions_of(card_.definition.empty()
                             ? DetectorNetwork{}
                             : read_detector_network(card_.definition, card_.model))) {}

  const ModelCard& card() const override { return card_; }

  Found detect(const Image& picture, const DetectOptions& options) const override {
    Found found;
    const Clock::time_point begin = Clock::now();
    const std::vector<Box> regions = selective_search(picture, {.most = most_}, &threads_);
    found.regions = static_cast<std::int64_t>(regions.size());
    found.seconds.regions = since(begin);
    const Clock::time_point searched = Clock::now();
    const Tensor rows = features_->of(picture, regions, options.cancel);
    found.seconds.features = since(searched);
    const Clock::time_point computed = Clock::now();
    const std::vector<Detection> named = name_all(picture, regions, rows, options.score);
    found.seconds.classification = since(computed);
    const Clock::time_point decided = Clock::now();
    found.detections = suppress(named, options.overlap, options.most);
    found.seconds.suppression = since(decided);
    return found;
  }

 private:
  // A machine's answer has no scale of its own: through the logistic function its margin is 0.5.
  std::vector<Detection> name_all(const Image& picture, const std::vector<Box>& regions,
                                  const Tensor& rows, double least) const {
    const auto classes = static_cast<std::int64_t>(card_.classes.size());
    std::vector<Detection> named;
    for (std::size_t r = 0; r < regions.size(); ++r) {
      const float* row = rows.data<float>() + static_cast<std::int64_t>(r) * rows.shape()[1];
      for (std::int64_t c = 0; c < classes; ++c) {
        const double score = 1 / (1 + std::exp(-svm_(c, row)));
        if (!(score >= least)) continue;
        const BoxDelta delta{box_(4 * c, row), box_(4 * c + 1, row), box_(4 * c + 2, row),
                             box_(4 * c + 3, row)};
        named.push_back({clip(decode(delta, regions[r]), picture.width, picture.height), c, score});
      }
    }
    return named;
  }

  ModelCard card_;
  std::unique_ptr<RegionFeatures> features_;
  Rows svm_, box_;
  std::int64_t most_;
  Threads threads_;
};

}  // namespace

std::int64_t regions_of(const DetectorNetwork& network) {
  constexpr std::int64_t kPaper = 2000;
  constexpr std::int64_t kMost = 100000;
  if (network.regions < 0 || network.regions > kMost) {
    fail<InputError>("regions: expected 0 to {} of a picture, got {}", kMost, network.regions);
  }
  return network.regions == 0 ? kPaper : network.regions;
}

std::unique_ptr<Detector> make_svm_detector(ModelCard card, Weights weights,
                                            std::unique_ptr<RegionFeatures> features) {
  return std::make_unique<SvmDetector>(std::move(card), weights, std::move(features));
}

}  // namespace striate
