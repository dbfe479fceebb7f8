#pragma once

#include <memory>
#include <vector>

#include "striate/base/random.h"
#include "striate/nn/builder.h"
#include "striate/train/loop.h"

namespace striate::toy {

/// A classifier of 4 numbers into 3 classes with all that carries something from step to step:
/// batch norm's running statistics, dropout's draws.
inline Graph graph() {
  Builder b("toy");
  Value x = b.input("x", {8, 4});
  x = b.linear("fc1", x, 16);
  x = b.relu("relu", b.batch_norm("bn", x));
  x = b.dropout("drop", x, 0.25);
  return with_classification_loss(b.finish(b.linear("fc2", x, 3), "logits"));
}

/// The same without dropout and batch norm: the gradient of a step is that of its batch.
inline Graph plain_graph() {
  Builder b("plain");
  const Value hidden = b.relu("relu", b.linear("fc1", b.input("x", {8, 4}), 16));
  return with_classification_loss(b.finish(b.linear("fc2", hidden, 3), "logits"));
}

inline std::shared_ptr<const Program> program(const Graph& made = graph()) {
  return std::make_shared<Program>(made, make_reference_device(),
                                   Plan::Options{.differentiate = {"loss"}});
}

/// Three clouds of points, drawn anew each epoch; the last batch is smaller.
class Clouds final : public BatchSource {
 public:
  explicit Clouds(std::int64_t samples = 52, std::int64_t batch = 8)
      : samples_(samples), batch_(batch) {}

  std::int64_t steps() const override { return (samples_ + batch_ - 1) / batch_; }
  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override {
    key_ = {.seed = static_cast<std::uint64_t>(seed),
            .purpose = purpose_of("clouds"),
            .step = static_cast<std::uint64_t>(epoch)};
    next_ = first;
    starts.push_back({epoch, first});
  }
  TrainBatch next() override {
    const std::int64_t begin = next_++ * batch_;
    const std::int64_t count = std::min(batch_, samples_ - begin);
    Tensor x(DType::f32, {count, 4});
    Tensor labels(DType::i64, {count});
    for (std::int64_t i = 0; i < count; ++i) {
      Random random(key_, static_cast<std::uint64_t>(begin + i));
      const std::int64_t label = random.below(3);
      labels.data<std::int64_t>()[i] = label;
      for (std::int64_t k = 0; k < 4; ++k) {
        x.data<float>()[i * 4 + k] =
            static_cast<float>(scale * (random.normal() * 0.5 + (k == label ? 2.0 : 0.0)));
      }
    }
    return {.inputs = {{"x", x}, {"labels", labels}}, .samples = count};
  }

  struct Start {
    std::int64_t epoch, first;
    bool operator==(const Start&) const = default;
  };
  std::vector<Start> starts;
  double scale = 1;

 private:
  std::int64_t samples_, batch_, next_ = 0;
  RandomKey key_;
};

inline TrainOptions options() {
  return {.epochs = 4,
          .batch = 8,
          .optimizer = {.name = "sgd", .lr = 0.1, .momentum = 0.9},
          .schedule = "cosine",
          .warmup = 0.5,
          .seed = 7};
}

inline TrainState state(const Program& made) { return {.weights = initialize(made.graph(), 3)}; }

/// Every byte of the weights and of the optimizer's state, one after another.
inline std::vector<std::byte> bits(const TrainState& of) {
  std::vector<std::byte> all;
  for (const Weights* weights : {&of.weights, &of.optimizer}) {
    for (const auto& [name, tensor] : *weights) {
      all.insert(all.end(), tensor.raw().begin(), tensor.raw().end());
    }
  }
  return all;
}

}  // namespace striate::toy
