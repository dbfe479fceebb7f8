#include "striate/tasks/segmentation/segmenter.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "striate/base/error.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/summary.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

// Steps of the coarsest map: tiles that begin at multiples of it see the picture as a whole does.
constexpr std::int64_t kStep = 32;

std::int64_t rounded_up(std::int64_t value) { return (value + kStep - 1) / kStep * kStep; }

// Where the score of a pixel looks furthest, by the account of the network.
std::int64_t reach_of(const Graph& graph) {
  const Summary account = summarize(graph);
  const ReceptiveField& sees = account.rows.back().sees;
  if (sees.kind != ReceptiveField::Kind::window) return 0;
  const auto along = [](const ReceptiveField::Axis& axis) {
    return std::max(-axis.offset, axis.offset + axis.size) + axis.period;
  };
  return std::max(along(sees.h), along(sees.w));
}

// A stretch of one side: what the network is given, and what is kept of its scores.
struct Stretch {
  std::int64_t first, size;           // given
  std::int64_t keep_first, keep_end;  // kept, in the picture
};

std::vector<Stretch> stretches(std::int64_t side, std::int64_t tile, std::int64_t reach) {
  if (side <= tile) return {{0, side, 0, side}};
  const std::int64_t margin = std::min(rounded_up(reach), tile / 4 / kStep * kStep);
  const std::int64_t core = tile - 2 * margin;
  std::vector<Stretch> all;
  for (std::int64_t kept = 0; kept < side;) {
    const std::int64_t first = std::max<std::int64_t>(0, kept - margin);
    const std::int64_t size = std::min(tile, side - first);
    const bool last = first + size == side;
    const std::int64_t end = last ? side : std::max(kept + core, first + size - margin);
    all.push_back({first, size, kept, end});
    kept = end;
  }
  return all;
}

void softmax(std::vector<float>& values) {
  const float top = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (float& value : values) {
    value = std::exp(value - top);
    sum += static_cast<double>(value);
  }
  for (float& value : values) value = static_cast<float>(static_cast<double>(value) / sum);
}

}  // namespace

Segmenter::Segmenter(ModelCard card, Weights weights, std::shared_ptr<const Device> device)
    : card_(std::move(card)),
      weights_(std::move(weights)),
      device_(std::move(device)),
      programs_(std::make_shared<Programs>()),
      prepared_(std::make_shared<PreparedPlans>()) {
  check(card_.preprocessing);
  if (card_.classes.empty() || card_.classes.size() >= kVoid) {
    fail<InputError>("{}: expected the names of 1 to {} classes, got {}", card_.model, kVoid - 1,
                     card_.classes.size());
  }
  model_ = network_of(card_).row;
  if (model_.task != "segmentation") {
    fail<InputError>("{} is for {}, expected a network for segmentation, such as fcn8s_resnet18",
                     card_.model, model_.task);
  }
  ModelSize size = size_of(card_);
  // A multiple of every step, so that the account is exact.
  size.height = size.width = 16 * kStep;
  reach_ = reach_of(model_.build(size));
}

Segmenter Segmenter::load(const std::filesystem::path& path, std::shared_ptr<const Device> device,
                          const ModelCard& defaults) {
  const std::string name = path.string();
  const ModelFile file = load_trained_file(path);
  ModelCard card = model_card(file.metadata, name);
  if (!card.model.empty() && !defaults.model.empty() && card.model != defaults.model) {
    fail<InputError>("{}: it holds the weights of {}, not of {}", name, card.model, defaults.model);
  }
  const LikelyModel likely =
      card.model.empty() || card.classes.empty() ? likely_model(file.weights) : LikelyModel{};
  if (card.model.empty()) card.model = defaults.model;
  if (card.model.empty() && likely.exact) card.model = likely.name;
  if (card.model.empty()) {
    fail<InputError>("{}: it does not say which model its weights are for: name the model", name);
  }
  if (card.classes.empty()) card.classes = defaults.classes;
  if (card.preprocessing.mean.empty()) card.preprocessing = defaults.preprocessing;
  if (card.preprocessing.mean.empty()) {
    fail<InputError>("{}: it carries no mean and deviation: give --mean and --std", name);
  }
  Weights weights = fit_card(card, likely, file.weights, name);
  return {std::move(card), std::move(weights), std::move(device)};
}

std::shared_ptr<const Program> Segmenter::program(std::int64_t height, std::int64_t width) const {
  constexpr std::size_t kKept = 8;
  const Shape size{height, width};
  const std::lock_guard lock(programs_->mutex);
  auto& latest = programs_->latest;
  const auto found = std::find_if(latest.begin(), latest.end(),
                                  [&](const auto& entry) { return entry.first == size; });
  if (found != latest.end()) return found->second;
  ModelSize wanted = size_of(card_);
  wanted.height = height;
  wanted.width = width;
  auto made = std::make_shared<const Program>(inference_form(model_.build(wanted)), device_);
  if (latest.size() == kKept) latest.erase(latest.begin());
  latest.emplace_back(size, made);
  return made;
}

Tensor Segmenter::scores(const Image& picture, const std::atomic<bool>* cancel) const {
  Preprocessing as_it_is = card_.preprocessing;
  as_it_is.height = picture.height;
  as_it_is.width = picture.width;
  as_it_is.resize = 0;
  const Shape shape{1, as_it_is.channels, as_it_is.height, as_it_is.width};
  Tensor input(DType::f32, shape);
  preprocess(picture, as_it_is, input.data<float>());
  const auto network = program(as_it_is.height, as_it_is.width);
  const auto plan = network->plan({{"input", shape}});
  Workspace workspace(plan);
  plan->forward(workspace, {{"input", input.view()}}, *prepared_->of(plan, weights_),
                {.cancel = cancel});
  return workspace.fetch("logits");
}

Segmentation Segmenter::segment(const Image& picture, const SegmentOptions& options) const {
  if (options.tile < 8 * kStep || options.tile % kStep != 0) {
    fail<InputError>("tile: expected a multiple of {}, at least {}, got {}", kStep, 8 * kStep,
                     options.tile);
  }
  const std::int64_t reach = reach_ > 0 ? reach_ : options.tile;
  const auto rows = stretches(picture.height, options.tile, reach);
  const auto columns = stretches(picture.width, options.tile, reach);
  const auto classes = static_cast<std::int64_t>(card_.classes.size());
  const std::int64_t area = std::int64_t{picture.height} * picture.width;
  Segmentation result{.mask = Image(picture.width, picture.height, 1)};
  if (options.probabilities) {
    result.probabilities = Tensor(DType::f32, {classes, picture.height, picture.width});
  }
  const auto all = static_cast<std::int64_t>(rows.size() * columns.size());
  std::int64_t done = 0;
  std::vector<float> at(static_cast<std::size_t>(classes));
  for (const Stretch& row : rows) {
    for (const Stretch& column : columns) {
      const Tensor logits =
          scores(cut(picture, static_cast<int>(column.first), static_cast<int>(row.first),
                     static_cast<int>(column.size), static_cast<int>(row.size)),
                 options.cancel);
      const std::int64_t plane = row.size * column.size;
      for (std::int64_t y = row.keep_first; y < row.keep_end; ++y) {
        for (std::int64_t x = column.keep_first; x < column.keep_end; ++x) {
          const float* from =
              logits.data<float>() + (y - row.first) * column.size + (x - column.first);
          for (float& value : at) {
            value = *from;
            from += plane;
          }
          result.mask.row(static_cast<int>(y))[x] =
              static_cast<std::uint8_t>(std::max_element(at.begin(), at.end()) - at.begin());
          if (!options.probabilities) continue;
          softmax(at);
          float* to = result.probabilities.data<float>() + y * picture.width + x;
          for (const float value : at) {
            *to = value;
            to += area;
          }
        }
      }
      if (options.on_tile) options.on_tile(++done, all);
    }
  }
  return result;
}

PixelEvaluation evaluate(const Segmenter& segmenter, const Dataset& dataset,
                         const std::function<void(std::int64_t done)>& on_progress,
                         const std::atomic<bool>* cancel) {
  const auto begin = std::chrono::steady_clock::now();
  const auto classes = static_cast<std::int64_t>(segmenter.card().classes.size());
  PixelEvaluation result{.metrics = PixelMetrics(classes)};
  double loss = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const Example example = dataset.get(i);
    const Segmentation found =
        segmenter.segment(example.picture, {.probabilities = true, .cancel = cancel});
    const std::int64_t before = result.metrics.all_void();
    result.metrics.add(found.mask.pixels, example.mask.pixels);
    if (result.metrics.all_void() > before) result.all_void.push_back(dataset.name(i));
    const float* probability = found.probabilities.data<float>();
    const auto area = static_cast<std::int64_t>(example.mask.pixels.size());
    for (std::int64_t p = 0; p < area; ++p) {
      const std::uint8_t label = example.mask.pixels[static_cast<std::size_t>(p)];
      if (label == kVoid) continue;
      // No float32 is below this, so no class is infinitely improbable.
      constexpr double kLeast = 1e-45;
      loss -= std::log(std::max(static_cast<double>(probability[label * area + p]), kLeast));
    }
    if (on_progress) on_progress(i + 1);
  }
  const std::int64_t counted = result.metrics.pixels();
  result.loss = counted == 0 ? 0.0 : loss / static_cast<double>(counted);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace striate
