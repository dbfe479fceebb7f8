#include <cmath>

#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::HasSubstr;
using testing_data::refusal;

TEST(Adding, AsksForTheSumOfTwoMarked) {
  const auto train = open_sequences("adding:9", {});
  EXPECT_EQ(train->size(), 10000);
  EXPECT_EQ(train->length(0), 9);
  EXPECT_EQ(train->form().features, 2);
  double mean = 0;
  double squares = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    const SequenceExample example = train->get(i, 1);
    ASSERT_EQ(example.numbers.size(), 18U);
    float sum = 0;
    int first = 0;
    int second = 0;
    for (std::size_t t = 0; t < 9; ++t) {
      const float mark = example.numbers[2 * t + 1];
      ASSERT_TRUE(mark == 0 || mark == 1);
      sum += mark * example.numbers[2 * t];
      (t < 4 ? first : second) += mark == 1 ? 1 : 0;
    }
    ASSERT_EQ(first, 1);
    ASSERT_EQ(second, 1);
    ASSERT_EQ(example.number, sum);
    const auto number = static_cast<double>(example.number);
    mean += number / 2000;
    squares += (number - 1) * (number - 1) / 2000;
  }
  EXPECT_NEAR(mean, 1, 0.03);
  EXPECT_NEAR(squares, train->form().guessing, 0.015);
}

TEST(Adding, IsDrawnAnewEachPassAndTheSameAgain) {
  const auto train = open_sequences("adding:20", {.seed = 3});
  EXPECT_NE(train->get(5, 1).numbers, train->get(5, 2).numbers);
  EXPECT_NE(train->get(5, 1).numbers, train->get(6, 1).numbers);
  EXPECT_EQ(train->get(5, 1).numbers, open_sequences("adding:20", {.seed = 3})->get(5, 1).numbers);
  EXPECT_NE(train->get(5, 1).numbers, open_sequences("adding:20", {.seed = 4})->get(5, 1).numbers);
  const auto test = open_sequences("adding:20", {.split = SequenceSplit::test, .seed = 3});
  EXPECT_EQ(test->size(), 2000);
  EXPECT_EQ(test->get(5, 1).numbers, test->get(5, 2).numbers);
  EXPECT_NE(test->get(5, 0).numbers, train->get(5, 0).numbers);
}

TEST(CopyTask, AsksForTenSymbolsAtTheEnd) {
  const auto train = open_sequences("copy:30", {});
  EXPECT_EQ(train->length(0), 50);
  EXPECT_EQ(train->form().symbols.size(), 10U);
  EXPECT_NEAR(train->form().guessing, 10 * std::log(8.0) / 50, 1e-12);
  const SequenceExample example = train->get(0, 1);
  for (std::size_t t = 0; t < 50; ++t) {
    if (t < 10) {
      EXPECT_GE(example.symbols[t], 1);
      EXPECT_LE(example.symbols[t], 8);
      EXPECT_EQ(example.targets[40 + t], example.symbols[t]);
    } else {
      EXPECT_EQ(example.symbols[t], t == 39 ? 9 : 0);
    }
    if (t < 40) {
      EXPECT_EQ(example.targets[t], 0);
    }
  }
}

TEST(LongMemory, SaysWhatIsWrong) {
  EXPECT_THAT(refusal([] { open_sequences("adding:1", {}); }),
              HasSubstr("adding: expected a number of steps from 2 to 100000"));
  EXPECT_THAT(refusal([] { open_sequences("copy:x", {}); }), HasSubstr("got \"x\""));
  EXPECT_THAT(refusal([] { open_sequences("copy:", {}); }), HasSubstr("needed after a colon"));
}

}  // namespace
}  // namespace striate
