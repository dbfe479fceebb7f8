#include "striate/train/tensor_batches.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "striate/base/error.h"

namespace striate {
namespace {

Tensor counting(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(i);
  }
  return tensor;
}

std::vector<float> epoch_of(TensorBatches& batches, std::int64_t epoch, std::int64_t first = 0) {
  batches.start(5, epoch, first);
  std::vector<float> seen;
  for (std::int64_t step = first; step < batches.steps(); ++step) {
    const TrainBatch batch = batches.next();
    const auto x = batch.inputs.at("x").values<float>();
    const auto y = batch.inputs.at("y").values<float>();
    EXPECT_EQ(static_cast<std::int64_t>(y.size()), batch.samples);
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(x[2 * i], 2 * y[i]) << "rows of different samples";
      seen.push_back(y[i]);
    }
  }
  return seen;
}

TEST(TensorBatches, ShowEverySampleOnceInAnOrderOfItsOwn) {
  TensorBatches batches({{"x", counting({7, 2})}, {"y", counting({7})}}, 3);
  EXPECT_EQ(batches.steps(), 3);
  const std::vector<float> first = epoch_of(batches, 1);
  std::vector<float> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, (std::vector<float>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_NE(epoch_of(batches, 2), first);
  EXPECT_EQ(epoch_of(batches, 1), first);
  // From the middle on, as where a run is resumed.
  EXPECT_EQ(epoch_of(batches, 1, 2), (std::vector<float>{first[6]}));
}

TEST(TensorBatches, RefuseWhatDoesNotFit) {
  EXPECT_THROW(TensorBatches({}, 3), InputError);
  EXPECT_THROW(TensorBatches({{"x", counting({0, 2})}}, 3), InputError);
  EXPECT_THROW(TensorBatches({{"x", counting({4, 2})}, {"y", counting({5})}}, 3), InputError);
  EXPECT_THROW(TensorBatches({{"x", counting({4, 2})}}, 0), InputError);
}

}  // namespace
}  // namespace striate
