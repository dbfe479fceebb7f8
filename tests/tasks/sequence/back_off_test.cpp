#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/base/random.h"
#include "striate/tasks/sequence/symbol_models.h"

namespace striate {
namespace {

Symbols drawn(int n, std::uint32_t symbols, std::uint64_t seed) {
  Random random({.seed = seed, .purpose = purpose_of("back-off test")}, 0);
  Symbols text;
  for (int i = 0; i < n; ++i) {
    // Repeats itself, so that long contexts come again.
    const bool again = text.size() > 12 && random.below(3) != 0;
    text.push_back(again ? text[text.size() - 9] : std::int64_t{random.below(symbols)});
  }
  return text;
}

// The formula as the header has it, by looking through the text.
class ByLooking {
 public:
  ByLooking(Symbols text, std::int64_t symbols, std::int64_t order, double discount)
      : text_(std::move(text)), symbols_(symbols), order_(order), discount_(discount) {}

  double probability(const Symbols& before, std::int64_t symbol) const {
    Symbols context = before;
    const auto most = order_ == 0 ? context.size() : static_cast<std::size_t>(order_);
    if (context.size() > most)
      context.erase(context.begin(), context.end() - static_cast<std::ptrdiff_t>(most));
    while (!context.empty() && places(context).empty()) context.erase(context.begin());
    return of(context, symbol);
  }

 private:
  // Where a context ends.
  std::set<std::size_t> places(const Symbols& context) const {
    std::set<std::size_t> all;
    for (std::size_t end = context.size(); end <= text_.size(); ++end) {
      if (std::equal(context.begin(), context.end(),
                     text_.begin() + static_cast<std::ptrdiff_t>(end - context.size()))) {
        all.insert(end);
      }
    }
    return all;
  }
  double of(const Symbols& context, std::int64_t symbol) const {
    const std::set<std::size_t> here = places(context);
    std::map<std::int64_t, double> follow;
    for (const std::size_t end : here) {
      if (end < text_.size()) follow[text_[end]] += 1;
    }
    double less = 1.0 / static_cast<double>(symbols_);
    if (!context.empty()) {
      Symbols shorter = context;
      do {
        shorter.erase(shorter.begin());
      } while (!shorter.empty() && places(shorter) == here);
      less = of(shorter, symbol);
    }
    double all = 0;
    for (const auto& [s, times] : follow) all += times;
    if (all == 0) return less;
    const double times = follow.contains(symbol) ? follow[symbol] : 0;
    return std::max(times - discount_, 0.0) / all +
           discount_ * static_cast<double>(follow.size()) / all * less;
  }

  Symbols text_;
  std::int64_t symbols_, order_;
  double discount_;
};

TEST(BackOff, IsWhatItsFormulaSays) {
  for (const std::int64_t order : {0, 1, 2, 3, 7}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const Symbols text = drawn(60, 3, seed);
      const BackOff model(text, 4, {.order = order, .discount = 0.6});
      const ByLooking slow(text, 4, order, 0.6);
      const auto reader = model.reader();
      Symbols before;
      for (const std::int64_t symbol : drawn(40, 4, seed + 100)) {
        const std::vector<double> all = reader->probabilities();
        for (std::int64_t s = 0; s < 4; ++s) {
          const double expected = slow.probability(before, s);
          ASSERT_NEAR(reader->probability(s), expected, 1e-12) << order << " " << before.size();
          ASSERT_NEAR(all[static_cast<std::size_t>(s)], expected, 1e-12);
        }
        reader->read(symbol);
        before.push_back(symbol);
      }
    }
  }
}

TEST(BackOff, ByHand) {
  // a b a c, order 1, D = 1/2; four symbols known.
  const BackOff model(Symbols{0, 1, 0, 2}, 4, {.order = 1, .discount = 0.5});
  const auto reader = model.reader();
  // Empty context: counts 2 1 1 of 4, three kinds; the rest alike among four.
  const double rest = 0.5 * 3 / 4 / 4;
  EXPECT_NEAR(reader->probability(0), 1.5 / 4 + rest, 1e-15);
  EXPECT_NEAR(reader->probability(3), rest, 1e-15);
  reader->read(0);
  // After a: b and c, once each.
  EXPECT_NEAR(reader->probability(1), 0.5 / 2 + 0.5 * 2 / 2 * (0.5 / 4 + rest), 1e-15);
  EXPECT_EQ(reader->seen(), 1);
}

TEST(BackOff, ProbabilitiesSumToOne) {
  const Symbols text = drawn(500, 6, 5);
  for (const std::int64_t order : {0, 2}) {
    const BackOff model(text, 7, {.order = order, .discount = 0.75});
    const auto reader = model.reader();
    for (const std::int64_t symbol : drawn(50, 7, 9)) {
      const std::vector<double> all = reader->probabilities();
      EXPECT_NEAR(std::accumulate(all.begin(), all.end(), 0.0), 1, 1e-12);
      reader->read(symbol);
    }
  }
}

TEST(BackOff, SeesAsFarAsItsOrder) {
  const Symbols text = drawn(200, 3, 2);
  const auto longest = [&](std::int64_t order) {
    const BackOff model(text, 3, {.order = order});
    const auto reader = model.reader();
    std::int64_t most = 0;
    for (const std::int64_t symbol : text) {
      reader->read(symbol);
      most = std::max(most, reader->seen());
    }
    return most;
  };
  EXPECT_EQ(longest(3), 3);
  EXPECT_EQ(longest(0), 200);  // its own text, whole
  EXPECT_EQ(BackOff(Symbols{0, 1, 2, 0, 1, 3}, 4, {}).longest_repeated(), 2);
  EXPECT_EQ(BackOff(Symbols{0, 1, 0, 2}, 4, {.order = 1}).parameters(), 3 + 2 + 1);
}

TEST(BackOff, ChoosesWhatForeseesBest) {
  // Every symbol follows from the two before it, not from one.
  Symbols text{0, 1};
  for (int i = 0; i < 600; ++i) {
    text.push_back((text[text.size() - 1] + 2 * text[text.size() - 2] + (i % 17 == 0 ? 1 : 0)) % 5);
  }
  const std::vector<std::int64_t> orders{1, 2};
  const BackOff::Options chosen = choose_back_off(text, 5, orders);
  EXPECT_EQ(chosen.order, 2);
  EXPECT_LT(chosen.discount, 0.9);
}

TEST(BackOff, Refuses) {
  EXPECT_THROW(BackOff(Symbols{}, 1, {}), InputError);
  EXPECT_THROW(BackOff(Symbols{0}, 1, {.order = -1}), InputError);
  EXPECT_THROW(BackOff(Symbols{0}, 1, {.discount = 1}), InputError);
  EXPECT_THROW(choose_back_off(Symbols{0, 1, 2}, 3, {}), InputError);
}

}  // namespace
}  // namespace striate
