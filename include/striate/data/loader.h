#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "striate/data/dataset.h"
#include "striate/data/transforms.h"
#include "striate/nn/preprocessing.h"
#include "striate/tensor/tensor.h"

namespace striate {

struct Batch {
  Tensor pictures;  ///< N * crops,C,H,W float32
  Tensor labels;    ///< N int64; N,H,W where the examples have masks; zeros where they have objects
  std::vector<std::int64_t> indices;  ///< in the dataset
  /// Of each picture, in pixels of what the network is given; where the examples have objects.
  std::vector<std::vector<Object>> objects = {};
};

struct LoaderOptions {
  std::int64_t batch = 64;
  bool shuffle = false;    ///< in an order that depends on seed and epoch alone
  bool drop_last = false;  ///< leave out a last batch that is not full
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::int64_t first = 0;  ///< batch that the pass begins at
  int crops = 1;           ///< views of each picture, one behind another: see `crops`
  Augmentation augment;
  Preprocessing preprocessing;
};

/// The batches of one pass over a dataset, made ahead of time on a thread of its own. What comes
/// out is a function of the dataset and the options, whatever the timing. One thread at a time may
/// call `next`; the loader may be destroyed at any point of the pass.
class Loader {
 public:
  /// REQUIRES: `dataset` outlives the loader. Throws InputError for options that cannot be used.
  Loader(const Dataset& dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// How many batches the whole pass has.
  std::int64_t batches() const;

  /// The next batch, or nothing at the end. What `Dataset::get` throws for an example is thrown
  /// here in place of its batch, and ends the pass.
  std::optional<Batch> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace striate
