#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "striate/base/random.h"
#include "striate/boxes/box.h"
#include "striate/codec/image.h"

namespace striate {

/// In a mask: no class is asked for here.
inline constexpr std::uint8_t kVoid = 255;

/// A picture and the number of its class; or with a mask in its place, one channel of the picture's
/// size that has the class of each pixel, or kVoid; or with the objects that it shows.
struct Example {
  Image picture;
  std::int64_t label = 0;
  Image mask = {};
  std::vector<Object> objects = {};
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
  /// Whether the examples have masks in place of labels.
  virtual bool masked() const { return false; }
  /// Whether the examples have objects in place of labels.
  virtual bool boxed() const { return false; }
  /// What to call an example in a message.
  virtual std::string name(std::int64_t index) const { return fmt::format("picture {}", index); }
  /// What a person should know of it, a line each.
  virtual std::vector<std::string> notes() const { return {}; }
};

/// Only datasets with masks know a part for `validation`, empty where they have none.
enum class Split : std::uint8_t { train, test, validation };

std::string_view name_of(Split split);

/// Some examples of another dataset, in the order given.
class Subset : public Dataset {
 public:
  /// REQUIRES: each index lies in [0, whole->size()).
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Example get(std::int64_t index) const override;
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  bool masked() const override { return whole_->masked(); }
  bool boxed() const override { return whole_->boxed(); }
  std::string name(std::int64_t index) const override;
  std::vector<std::string> notes() const override { return whole_->notes(); }

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
