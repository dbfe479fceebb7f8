#include <cmath>

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/tasks/sequence/symbol_models.h"

namespace striate {
namespace {

using testing::HasSubstr;

// a a b a b b a: aa 1, ab 2, ba 2, bb 1.
const Symbols kText{0, 0, 1, 0, 1, 1, 0};

TEST(MarkovChain, CountsByHand) {
  const MarkovChain chain(kText, 2);
  EXPECT_DOUBLE_EQ(chain.transition(0, 0), 1.0 / 3);
  EXPECT_DOUBLE_EQ(chain.transition(0, 1), 2.0 / 3);
  EXPECT_DOUBLE_EQ(chain.transition(1, 0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(chain.transition(1, 1), 1.0 / 3);
  EXPECT_DOUBLE_EQ(chain.first(0), 4.0 / 7);
  EXPECT_EQ(chain.parameters(), 4);
}

TEST(MarkovChain, SmoothsByHand) {
  const MarkovChain chain(Symbols{0, 1, 0, 1}, 3, 0.5);  // ab 2, ba 1
  EXPECT_DOUBLE_EQ(chain.transition(0, 1), 2.5 / 3.5);
  EXPECT_DOUBLE_EQ(chain.transition(0, 2), 0.5 / 3.5);
  EXPECT_DOUBLE_EQ(chain.transition(1, 0), 1.5 / 2.5);
  EXPECT_DOUBLE_EQ(chain.transition(2, 2), 1.0 / 3);  // never seen: all alike
  EXPECT_DOUBLE_EQ(chain.first(2), 0.5 / 5.5);
}

TEST(MarkovChain, TheLikelihoodIsAProductOfConditionals) {
  const MarkovChain chain(kText, 2);
  // P(b) P(a|b) P(a|a) P(b|a)
  const double joint = 3.0 / 7 * (2.0 / 3) * (1.0 / 3) * (2.0 / 3);
  EXPECT_NEAR(log_likelihood(chain, Symbols{1, 0, 0, 1}, 0), std::log(joint), 1e-14);
  EXPECT_NEAR(log_likelihood(chain, Symbols{1, 0, 0, 1}), std::log(joint / (3.0 / 7)), 1e-14);
  // Of all chains, the one by maximum likelihood makes its own text likeliest.
  const double own = log_likelihood(chain, kText);
  EXPECT_NEAR(own, 4 * std::log(2.0 / 3) + 2 * std::log(1.0 / 3), 1e-14);
  EXPECT_GT(own, log_likelihood(MarkovChain(kText, 2, 0.3), kText));
  // What never follows is impossible.
  EXPECT_EQ(log_likelihood(MarkovChain(Symbols{0, 1, 0}, 2), Symbols{0, 0}), -INFINITY);
}

TEST(MarkovChain, SettlesWhereItsFlowsBalance) {
  // a: a 9, b 1; b: a 5, b 5: pi = (5/6, 1/6).
  Symbols text;
  const auto add = [&](std::int64_t from, std::int64_t to, int times) {
    for (int i = 0; i < times; ++i) {
      text.push_back(from);
      text.push_back(to);
      text.push_back(2);
    }
  };
  add(0, 0, 9);
  add(0, 1, 1);
  add(1, 0, 5);
  add(1, 1, 5);
  // Without the third symbol, which only parts the pairs: the flows between a and b as counted.
  const MarkovChain parted(text, 3);
  const std::vector<double> pi = parted.stationary();
  double sum = 0;
  for (std::int64_t j = 0; j < 3; ++j) {
    double flow = 0;
    for (std::int64_t i = 0; i < 3; ++i) {
      flow += pi[static_cast<std::size_t>(i)] * parted.transition(i, j);
    }
    EXPECT_NEAR(flow, pi[static_cast<std::size_t>(j)], 1e-12);
    sum += pi[static_cast<std::size_t>(j)];
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  // A chain of two states by hand: P(b|a) = 1/4, P(a|b) = 1/2, pi = (2/3, 1/3).
  const MarkovChain two(Symbols{0, 0, 0, 0, 1, 1, 0}, 2);
  EXPECT_DOUBLE_EQ(two.transition(0, 1), 0.25);
  EXPECT_DOUBLE_EQ(two.transition(1, 0), 0.5);
  EXPECT_NEAR(two.stationary()[0], 2.0 / 3, 1e-12);
  const double nats =
      2.0 / 3 * (-0.75 * std::log(0.75) - 0.25 * std::log(0.25)) + 1.0 / 3 * std::log(2.0);
  EXPECT_NEAR(two.entropy_rate(), nats, 1e-12);
  // One that alternates settles too.
  EXPECT_NEAR(MarkovChain(Symbols{0, 1, 0, 1, 0}, 2).stationary()[0], 0.5, 1e-12);
}

TEST(MarkovChain, EntropyCountsWhatIsSmoothed) {
  const MarkovChain chain(Symbols{0, 0}, 2, 1);  // a: a 2/3, b 1/3; b: alike
  // pi: b = 1/3 a + 1/2 b, so a = 3/5.
  EXPECT_NEAR(chain.stationary()[0], 0.6, 1e-12);
  const double of_a = -2.0 / 3 * std::log(2.0 / 3) - 1.0 / 3 * std::log(1.0 / 3);
  EXPECT_NEAR(chain.entropy_rate(), 0.6 * of_a + 0.4 * std::log(2.0), 1e-12);
}

TEST(MarkovChain, Refuses) {
  EXPECT_THROW(MarkovChain(Symbols{0}, 1), InputError);
  EXPECT_THROW(MarkovChain(kText, 2, -1), InputError);
}

}  // namespace
}  // namespace striate
