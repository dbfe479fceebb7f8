#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "striate/graph/plan.h"
#include "striate/models/registry.h"
#include "striate/nn/model_card.h"
#include "striate/tasks/prepared_plans.h"

namespace striate {

/// A class and the probability the network gives it.
struct Guess {
  std::int64_t label = 0;
  std::string name;
  double probability = 0;
};

/// The size a card's model is built for.
ModelSize size_of(const ModelCard& card);

/// A trained network with its class names and preprocessing, ready to use. Immutable: several
/// threads may call it at once. It shares the weights' memory with whoever made it.
class Classifier {
 public:
  /// Throws InputError when the card names no known model, or no classes or preprocessing. Weights
  /// that do not fit show when it is first used: pick_weights checks them beforehand.
  Classifier(ModelCard card, Weights weights, std::shared_ptr<const Device> device);

  /// From a file that `save` or a training wrote. `defaults` fills in what the file does not carry
  /// (weights from elsewhere). Throws InputError naming the file.
  static Classifier load(const std::filesystem::path& path, std::shared_ptr<const Device> device,
                         const ModelCard& defaults = {});
  /// Replaces `path`, whole or not at all. Throws SystemError.
  void save(const std::filesystem::path& path) const;

  const ModelCard& card() const { return card_; }
  const Graph& graph() const { return program_->graph(); }
  const Weights& weights() const { return weights_; }

  /// float32 [N, classes] for preprocessed pictures float32 [N, C, H, W], in memory of its own.
  /// Throws ModelError for another shape or dtype.
  Tensor logits(const Tensor& pictures) const;
  /// The `count` most probable classes of each picture, best first. REQUIRES: each picture has a
  /// pixel, and 1 or 3 channels.
  std::vector<std::vector<Guess>> classify(std::span<const Image> pictures, int count = 5) const;

 private:
  ModelCard card_;
  Weights weights_;
  std::shared_ptr<Program> program_;
  std::shared_ptr<PreparedPlans> prepared_;
};

/// Softmax of one row of logits, its `count` best classes first (equal ones by label).
std::vector<Guess> best_guesses(std::span<const float> logits,
                                const std::vector<std::string>& classes, int count);

}  // namespace striate
