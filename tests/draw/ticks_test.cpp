#include "striate/draw/ticks.h"

#include <cmath>
#include <ostream>

#include <gtest/gtest.h>

namespace striate::draw {

void PrintTo(const Tick& tick, std::ostream* out) {
  *out << '{' << tick.value << ", \"" << tick.label << "\"}";
}

namespace {

using Ticks = std::vector<Tick>;

TEST(Ticks, LinearTable) {
  EXPECT_EQ(linear_ticks(0, 1, 6),
            (Ticks{{0, "0"}, {0.2, "0.2"}, {0.4, "0.4"}, {0.6, "0.6"}, {0.8, "0.8"}, {1, "1.0"}}));
  EXPECT_EQ(linear_ticks(0, 1, 5), (Ticks{{0, "0"}, {0.5, "0.5"}, {1, "1.0"}}));
  EXPECT_EQ(linear_ticks(-0.35, 0.35, 8), (Ticks{{-0.3, "-0.3"},
                                                 {-0.2, "-0.2"},
                                                 {-0.1, "-0.1"},
                                                 {0, "0"},
                                                 {0.1, "0.1"},
                                                 {0.2, "0.2"},
                                                 {0.3, "0.3"}}));
  EXPECT_EQ(linear_ticks(1, 30, 7),
            (Ticks{{5, "5"}, {10, "10"}, {15, "15"}, {20, "20"}, {25, "25"}, {30, "30"}}));
  EXPECT_EQ(linear_ticks(0.912, 0.958, 5),
            (Ticks{{0.92, "0.92"}, {0.93, "0.93"}, {0.94, "0.94"}, {0.95, "0.95"}}));
  EXPECT_EQ(linear_ticks(0, 2e6, 3), (Ticks{{0, "0"}, {1e6, "1e6"}, {2e6, "2e6"}}));
  EXPECT_EQ(linear_ticks(0, 1.6e6, 4),
            (Ticks{{0, "0"}, {5e5, "5e5"}, {1e6, "1e6"}, {1.5e6, "1.5e6"}}));
  EXPECT_EQ(linear_ticks(0, 3.1e-7, 4),
            (Ticks{{0, "0"}, {1e-7, "1e-7"}, {2e-7, "2e-7"}, {3e-7, "3e-7"}}));
}

TEST(Ticks, WholeNumbersOnly) {
  EXPECT_EQ(linear_ticks(0.9, 3.1, 8, true), (Ticks{{1, "1"}, {2, "2"}, {3, "3"}}));
  EXPECT_EQ(linear_ticks(0, 100, 6, true),
            (Ticks{{0, "0"}, {20, "20"}, {40, "40"}, {60, "60"}, {80, "80"}, {100, "100"}}));
}

TEST(Ticks, LogarithmicTable) {
  EXPECT_EQ(log_ticks(0.001, 10, 8),
            (Ticks{{0.001, "0.001"}, {0.01, "0.01"}, {0.1, "0.1"}, {1, "1"}, {10, "10"}}));
  EXPECT_EQ(log_ticks(0.08, 2.3, 8),
            (Ticks{{0.1, "0.1"}, {0.2, "0.2"}, {0.5, "0.5"}, {1, "1"}, {2, "2"}}));
  EXPECT_EQ(log_ticks(1e-8, 1e8, 6), (Ticks{{1e-8, "1e-8"},
                                            {1e-5, "1e-5"},
                                            {0.01, "0.01"},
                                            {10, "10"},
                                            {1e4, "10000"},
                                            {1e7, "1e7"}}));
  // Too narrow for two of 1, 2, 5: linear ones.
  EXPECT_EQ(log_ticks(2.1, 2.4, 4),
            (Ticks{{2.1, "2.1"}, {2.2, "2.2"}, {2.3, "2.3"}, {2.4, "2.4"}}));
}

TEST(Ticks, StayInRangeAndFewForAnyRange) {
  for (int exponent = -280; exponent <= 290; exponent += 7) {
    for (const double mantissa : {1.0, 3.7, 9.99}) {
      const double size = mantissa * std::pow(10.0, exponent);
      for (const int about : {2, 5, 11}) {
        for (const double low : {-size, 0.0, size * (1 - 1e-8)}) {
          const Ticks ticks = linear_ticks(low, size, about);
          ASSERT_LE(ticks.size(), static_cast<std::size_t>(about));
          for (const Tick& tick : ticks) {
            ASSERT_GE(tick.value, low - size * 1e-15);
            ASSERT_LE(tick.value, size * (1 + 1e-15));
          }
          for (std::size_t i = 1; i < ticks.size(); ++i) {
            ASSERT_LT(ticks[i - 1].value, ticks[i].value);
            ASSERT_NE(ticks[i - 1].label, ticks[i].label);
          }
        }
        for (const Tick& tick : log_ticks(size / 1e5, size, about)) {
          ASSERT_GE(tick.value, size / 1e5 * (1 - 1e-8));
          ASSERT_LE(tick.value, size * (1 + 1e-8));
        }
      }
    }
  }
}

}  // namespace
}  // namespace striate::draw
