#pragma once

#include <map>
#include <string>
#include <vector>

#include "striate/train/loop.h"

namespace striate {

/// Batches from tensors that are in memory whole: by graph input, samples along their first axis,
/// as many in each. Every pass takes them in another order, a function of seed and epoch alone; the
/// last batch may be smaller. The tensors are shared, not copied, and must not change meanwhile; a
/// batch is a copy. For one thread at a time.
class TensorBatches final : public BatchSource {
 public:
  /// Throws InputError where there are no samples, or not as many in each tensor.
  TensorBatches(std::map<std::string, Tensor, std::less<>> samples, std::int64_t batch);

  std::int64_t steps() const override;
  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override;
  TrainBatch next() override;

 private:
  std::map<std::string, Tensor, std::less<>> samples_;
  std::int64_t batch_, count_ = 0, next_ = 0;
  std::vector<std::int64_t> order_;
};

}  // namespace striate
