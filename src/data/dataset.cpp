#include "striate/data/dataset.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "striate/base/error.h"

namespace striate {

std::string_view name_of(Split split) {
  return split == Split::train ? "train" : split == Split::test ? "test" : "validation";
}

Subset::Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices)
    : whole_(std::move(whole)), indices_(std::move(indices)) {
  for (const std::int64_t index : indices_) {
    invariant(index >= 0 && index < whole_->size(), "Subset: an index beyond the whole");
  }
}

Example Subset::get(std::int64_t index) const {
  return whole_->get(indices_.at(static_cast<std::size_t>(index)));
}

std::string Subset::name(std::int64_t index) const {
  return whole_->name(indices_.at(static_cast<std::size_t>(index)));
}

std::vector<std::int64_t> shuffled(std::int64_t n, const RandomKey& key) {
  invariant(n >= 0 && n <= std::numeric_limits<std::uint32_t>::max(), "shuffled: too many items");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Random random(key, 0);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(static_cast<std::uint32_t>(left))]);
  }
  return order;
}

Parts split_by_seed(const std::shared_ptr<const Dataset>& whole, double fraction,
                    std::uint64_t seed) {
  if (!(fraction >= 0 && fraction <= 1)) {
    fail<InputError>("validation part: expected a fraction of 0 to 1, got {}", fraction);
  }
  const std::int64_t n = whole->size();
  auto order = shuffled(n, {.seed = seed, .purpose = purpose_of("validation"), .step = 0});
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(fraction * static_cast<double>(n));
  std::vector<std::int64_t> held(order.begin(), cut);
  std::vector<std::int64_t> kept(cut, order.end());
  std::sort(held.begin(), held.end());
  std::sort(kept.begin(), kept.end());
  return {std::make_unique<Subset>(whole, std::move(kept)),
          std::make_unique<Subset>(whole, std::move(held))};
}

}  // namespace striate
