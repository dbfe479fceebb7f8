#include "striate/train/tensor_batches.h"

#include <cstring>
#include <numeric>

#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {

TensorBatches::TensorBatches(std::map<std::string, Tensor, std::less<>> samples, std::int64_t batch)
    : samples_(std::move(samples)), batch_(batch) {
  if (batch < 1) fail<InputError>("batch: expected at least 1, got {}", batch);
  for (const auto& [name, tensor] : samples_) {
    const std::int64_t count = tensor.shape().rank() == 0 ? 0 : tensor.shape()[0];
    if (count == 0) fail<InputError>("{}: there are no samples in {}", name, tensor.shape().str());
    if (count_ == 0) count_ = count;
    if (count != count_) {
      fail<InputError>("{}: expected {} samples, as in {}, got {}", name, count_,
                       samples_.begin()->first, count);
    }
  }
  if (count_ == 0) fail<InputError>("there are no samples to train on");
  order_.resize(static_cast<std::size_t>(count_));
}

std::int64_t TensorBatches::steps() const { return (count_ + batch_ - 1) / batch_; }

void TensorBatches::start(std::int64_t seed, std::int64_t epoch, std::int64_t first) {
  std::iota(order_.begin(), order_.end(), 0);
  Random random({.seed = static_cast<std::uint64_t>(seed),
                 .purpose = purpose_of("order of samples"),
                 .step = static_cast<std::uint64_t>(epoch)},
                0);
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
  }
  next_ = first * batch_;
}

TrainBatch TensorBatches::next() {
  const std::int64_t taken = std::min(batch_, count_ - next_);
  TrainBatch batch{.inputs = {}, .samples = taken};
  for (const auto& [name, tensor] : samples_) {
    Shape shape = tensor.shape();
    shape[0] = taken;
    Tensor part(tensor.dtype(), shape);
    const std::size_t bytes = tensor.raw().size() / static_cast<std::size_t>(count_);
    for (std::int64_t i = 0; i < taken && bytes > 0; ++i) {
      const auto sample = static_cast<std::size_t>(order_[static_cast<std::size_t>(next_ + i)]);
      std::memcpy(part.raw().data() + static_cast<std::size_t>(i) * bytes,
                  tensor.raw().data() + sample * bytes, bytes);
    }
    batch.inputs.emplace(name, std::move(part));
  }
  next_ += taken;
  return batch;
}

}  // namespace striate
