#include "striate/data/dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include <gmock/gmock.h>

#include "data/support.h"

namespace striate {
namespace {

using testing_data::Numbered;

TEST(Dataset, SubsetPicksInItsOwnOrder) {
  const auto whole = std::make_shared<Numbered>(10, 2, 2, 1);
  const Subset subset(whole, {9, 3, 3});
  ASSERT_EQ(subset.size(), 3);
  EXPECT_EQ(subset.get(0).picture, whole->get(9).picture);
  EXPECT_EQ(subset.get(2).picture, whole->get(3).picture);
  EXPECT_EQ(subset.get(0).label, 1);
  EXPECT_EQ(subset.classes(), whole->classes());
  EXPECT_THROW(Subset(whole, {10}), BugError);
}

TEST(Dataset, ShuffledIsAPermutationOfItsKey) {
  const RandomKey key{.seed = 1, .purpose = 2, .step = 3};
  const auto order = shuffled(1000, key);
  EXPECT_EQ(order, shuffled(1000, key));
  EXPECT_NE(order, shuffled(1000, {.seed = 1, .purpose = 2, .step = 4}));
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
  EXPECT_TRUE(shuffled(0, key).empty());
}

TEST(Dataset, ShuffledReachesEveryOrderAlike) {
  std::array<int, 27> count{};
  for (std::uint64_t step = 0; step < 6000; ++step) {
    const auto order = shuffled(3, {.seed = 5, .purpose = 6, .step = step});
    ++count[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
  }
  // Six orders of 1000 each; the deviation of a count is 29.
  EXPECT_EQ(std::count(count.begin(), count.end(), 0), 27 - 6);
  for (const int n : count) EXPECT_TRUE(n == 0 || (n > 850 && n < 1150)) << n;
}

TEST(Dataset, SplitBySeedDividesWithoutRemainder) {
  const auto whole = std::make_shared<Numbered>(103, 2, 2, 1);
  const Parts parts = split_by_seed(whole, 0.1, 42);
  EXPECT_EQ(parts.validation->size(), 10);
  EXPECT_EQ(parts.train->size(), 93);
  std::set<int> seen;  // first pixels are 7 * index modulo 256, so all differ
  for (const auto* part : {parts.train.get(), parts.validation.get()}) {
    for (std::int64_t i = 0; i < part->size(); ++i) seen.insert(part->get(i).picture.pixels[0]);
  }
  EXPECT_EQ(seen.size(), 103U);
  const Parts again = split_by_seed(whole, 0.1, 42);
  EXPECT_EQ(again.validation->get(3).picture, parts.validation->get(3).picture);
  EXPECT_EQ(split_by_seed(whole, 0, 42).validation->size(), 0);
  EXPECT_EQ(split_by_seed(whole, 1, 42).train->size(), 0);
  EXPECT_THROW(split_by_seed(whole, 1.5, 42), InputError);
  EXPECT_THROW(split_by_seed(whole, std::nan(""), 42), InputError);
}

}  // namespace
}  // namespace striate
