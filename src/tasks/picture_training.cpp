#include "tasks/picture_training.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "striate/base/error.h"
#include "striate/data/registry.h"
#include "striate/train/checkpoint.h"

namespace striate {
namespace {

class PictureBatches final : public BatchSource {
 public:
  PictureBatches(std::shared_ptr<const Dataset> dataset, LoaderOptions options)
      : dataset_(std::move(dataset)),
        options_(std::move(options)),
        steps_(Loader(*dataset_, options_).batches()) {}

  std::int64_t steps() const override { return steps_; }

  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override {
    options_.seed = static_cast<std::uint64_t>(seed);
    options_.epoch = static_cast<std::uint64_t>(epoch);
    options_.first = first;
    loader_.emplace(*dataset_, options_);
  }

  TrainBatch next() override {
    std::optional<Batch> batch = loader_->next();
    invariant(batch.has_value(), "the loader ended before its last batch");
    const std::int64_t samples = batch->labels.shape()[0];
    return {.inputs = {{"input", std::move(batch->pictures)}, {"labels", std::move(batch->labels)}},
            .samples = samples};
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  std::int64_t steps_;
  std::optional<Loader> loader_;
};

}  // namespace

std::function<std::unique_ptr<BatchSource>()> picture_batches(
    std::shared_ptr<const Dataset> pictures, const TrainingSettings& settings,
    const Preprocessing& preprocessing) {
  return [pictures = std::move(pictures),
          options = LoaderOptions{.batch = settings.train.batch,
                                  .shuffle = true,
                                  .augment = Augmentation::parse(settings.augment),
                                  .preprocessing = preprocessing}] {
    return std::make_unique<PictureBatches>(pictures, options);
  };
}

std::shared_ptr<const Dataset> training_pictures(const TrainingSettings& settings) {
  if (!(settings.validation >= 0 && settings.validation < 1)) {
    fail<InputError>("validation: expected a share from 0 to under 1, got {}", settings.validation);
  }
  std::shared_ptr<const Dataset> whole = open_dataset(settings.data, Split::train);
  if (whole->size() == 0) fail<InputError>("{}: it holds no training pictures", settings.data);
  if (settings.limit < 0) fail<InputError>("limit: expected 0 or more, got {}", settings.limit);
  if (settings.limit == 0 || settings.limit >= whole->size()) return whole;
  std::vector<std::int64_t> some = shuffled(
      whole->size(),
      {.seed = static_cast<std::uint64_t>(settings.train.seed), .purpose = purpose_of("limit")});
  some.resize(static_cast<std::size_t>(settings.limit));
  std::sort(some.begin(), some.end());
  return std::make_shared<Subset>(whole, std::move(some));
}

Beginning beginning_of(const TrainingSettings& settings, const Network& network) {
  Beginning beginning;
  if (settings.weights.empty()) return beginning;
  // Darknet's files do not say which tensor is which: the network does.
  const Graph natural = network.row.build(network.row.natural);
  beginning.file = load_model_file(settings.weights, &natural);
  beginning.card = model_card(beginning.file.metadata, settings.weights);
  return beginning;
}

ModelCard begun_card(const std::filesystem::path& checkpoint, const TrainingSettings& settings,
                     const std::vector<std::string>& classes) {
  const std::string name = checkpoint.string();
  ModelCard begun = model_card(load_checkpoint(checkpoint).metadata, name);
  if (begun.classes != classes) {
    fail<InputError>("{}: it was begun with other classes than {} has", name, settings.data);
  }
  return begun;
}

}  // namespace striate
