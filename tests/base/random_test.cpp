#include "striate/base/random.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace striate {
namespace {

using Words = std::array<std::uint32_t, 4>;

// The known answers published with the paper's own implementation (Random123, kat_vectors).
TEST(Random, PhiloxKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, EveryPartOfTheKeyMatters) {
  std::set<Words> seen;
  for (std::uint64_t seed : {0, 1}) {
    for (std::uint64_t purpose : {0, 1}) {
      for (std::uint64_t step : {0, 1}) {
        for (std::uint64_t sample : {0, 1})
          seen.insert(random_words({seed, purpose, step}, sample));
      }
    }
  }
  EXPECT_EQ(seen.size(), 16U);
}

TEST(Random, UniformNormalAndBelowHaveTheirMoments) {
  Random random({.seed = 7, .purpose = purpose_of("test")}, 0);
  constexpr int kDraws = 200000;
  double uniform = 0;
  double normal = 0;
  double square = 0;
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform += u;
    const double z = random.normal();
    normal += z;
    square += z * z;
    ++counts.at(random.below(7));
  }
  // Five standard errors.
  EXPECT_NEAR(uniform / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(normal / kDraws, 0.0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(square / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 7.0, 5 * std::sqrt(kDraws / 7.0));
}

}  // namespace
}  // namespace striate
