#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/random.h"
#include "striate/codec/image.h"

namespace striate {

/// A picture and the number of its class.
struct Example {
  Image picture;
  std::int64_t label = 0;
};

/// Labelled pictures, each made when it is asked for. Every member may be called from several
/// threads at once.
class Dataset {
 public:
  Dataset() = default;
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  virtual std::int64_t size() const = 0;
  /// A copy of example `index`. REQUIRES: 0 <= index < size(). Throws InputError naming the file
  /// where it cannot be read.
  virtual Example get(std::int64_t index) const = 0;
  /// The names of the classes; a label is an index into them. Good as long as the dataset.
  virtual const std::vector<std::string>& classes() const = 0;
};

enum class Split : std::uint8_t { train, test };

std::string_view name_of(Split split);

/// Some examples of another dataset, in the order given.
class Subset : public Dataset {
 public:
  /// REQUIRES: each index lies in [0, whole->size()).
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Example get(std::int64_t index) const override;
  const std::vector<std::string>& classes() const override { return whole_->classes(); }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int64_t> indices_;
};

/// 0 … n-1 in an order that depends on the key alone (Fisher and Yates). REQUIRES: 0 <= n < 2^32.
std::vector<std::int64_t> shuffled(std::int64_t n, const RandomKey& key);

struct Parts {
  std::unique_ptr<Dataset> train;
  std::unique_ptr<Dataset> validation;
};

/// Holds back a `fraction` in [0, 1] of the examples (rounded down), drawn by `seed` alone. Both
/// parts keep the order of the whole, and the whole alive. Throws InputError for another fraction.
Parts split_by_seed(const std::shared_ptr<const Dataset>& whole, double fraction,
                    std::uint64_t seed);

}  // namespace striate
