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

struct TransformArgs {
  std::int64_t number = 0;      ///< what stands after the colon
  const Preprocessing& target;  ///< the network's input
};

/// A random change of a picture that keeps its class, and of its mask and its objects (where it has
/// them) in the same way: what moves in from outside is void in the mask, and no classes are mixed;
/// boxes are cut at the picture's edges, and an object of which less than a quarter stays is gone.
struct TransformRow {
  std::string name;
  std::string what;
  /// The number after the colon, where none is given; 0 where none is taken.
  std::int64_t standard = 0;
  std::int64_t most = 0;  ///< the largest number taken; the smallest is 1
  void (*apply)(Example& example, const TransformArgs& args, Random& random) = nullptr;
  /// Takes a picture of any size and makes it the network's; others change one that has it.
  bool brings_to_size = false;
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
  /// The picture comes out with the size and channels of `target`, unless nothing is to be done.
  void apply(Image& picture, const Preprocessing& target, const SampleKey& key) const;
  /// The same, and the mask and the objects as their picture.
  void apply(Example& example, const Preprocessing& target, const SampleKey& key) const;

 private:
  struct Step {
    const TransformRow* row;
    std::int64_t number;
  };

  std::vector<Step> steps_;
};

/// The picture as `fit` makes it, and the mask and the objects as their picture.
void fit_example(Example& example, const Preprocessing& target);

/// Mean and deviation of every channel over the pictures of a dataset, each brought to the given
/// channels and size first (by `resize`, too). Exact (bytes are counted), so equal whatever the threads. A channel
/// that never changes gets deviation 1.
Preprocessing measure_preprocessing(const Dataset& dataset, std::int64_t channels,
                                    std::int64_t height, std::int64_t width, const Threads& threads,
                                    std::int64_t resize = 0);

}  // namespace striate
