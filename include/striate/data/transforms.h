#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/random.h"
#include "striate/base/threads.h"
#include "striate/data/dataset.h"
#include "striate/nn/preprocessing.h"

namespace striate {

/// A random change of a picture that keeps its size and its class.
struct TransformRow {
  std::string name;
  std::string what;
  /// The number after the colon, where none is given; 0 where none is taken.
  std::int64_t standard = 0;
  void (*apply)(Image& picture, std::int64_t number, Random& random) = nullptr;
};

const std::vector<TransformRow>& transforms();

/// What the draws for one picture are keyed by: the result is a function of these alone.
struct SampleKey {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::uint64_t index = 0;  ///< in the dataset
};

/// Transforms one after another, as in "crop:2,flip". Empty changes nothing.
class Augmentation {
 public:
  Augmentation() = default;
  /// Throws InputError for an unknown transform or number.
  static Augmentation parse(std::string_view text);

  bool empty() const { return steps_.empty(); }
  /// What `parse` would read, every number written out.
  std::string str() const;
  void apply(Image& picture, const SampleKey& key) const;

 private:
  struct Step {
    const TransformRow* row;
    std::int64_t number;
  };

  std::vector<Step> steps_;
};

/// Mean and deviation of every channel over the pictures of a dataset, each brought to the given
/// channels and size first. Exact (bytes are counted), so equal whatever the threads. A channel
/// that never changes gets deviation 1.
Preprocessing measure_preprocessing(const Dataset& dataset, std::int64_t channels,
                                    std::int64_t height, std::int64_t width,
                                    const Threads& threads);

}  // namespace striate
