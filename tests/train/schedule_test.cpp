#include "striate/train/schedule.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"

namespace striate {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text, double warmup = 0) {
  try {
    parse_schedule(text, warmup);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Schedule, ConstantStays) {
  const Schedule schedule = parse_schedule("constant");
  EXPECT_EQ(schedule.factor(0, 10, 5), 1);
  EXPECT_EQ(schedule.factor(49, 10, 5), 1);
}

TEST(Schedule, StepFallsAtItsMilestones) {
  const Schedule schedule = parse_schedule("step:2,3:0.5");
  EXPECT_EQ(schedule.factor(19, 10, 5), 1);
  EXPECT_EQ(schedule.factor(20, 10, 5), 0.5);
  EXPECT_EQ(schedule.factor(29, 10, 5), 0.5);
  EXPECT_EQ(schedule.factor(30, 10, 5), 0.25);
  EXPECT_EQ(schedule.factor(49, 10, 5), 0.25);
  EXPECT_EQ(parse_schedule("step:2").gamma, 0.1);
}

TEST(Schedule, EveryFallsEachPeriod) {
  const Schedule schedule = parse_schedule("every:2:0.5");
  EXPECT_EQ(schedule.factor(19, 10, 5), 1);
  EXPECT_EQ(schedule.factor(20, 10, 5), 0.5);
  EXPECT_EQ(schedule.factor(40, 10, 5), 0.25);
}

TEST(Schedule, CosineFallsToItsMinimum) {
  const Schedule schedule = parse_schedule("cosine:0.1");
  EXPECT_EQ(schedule.factor(0, 10, 4), 1);
  EXPECT_NEAR(schedule.factor(20, 10, 4), 0.55, 1e-12);
  EXPECT_NEAR(schedule.factor(10, 10, 4), 0.1 + 0.9 * 0.5 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(schedule.factor(40, 10, 4), 0.1, 1e-12);
  for (int step = 1; step < 40; ++step) {
    EXPECT_LT(schedule.factor(step, 10, 4), schedule.factor(step - 1, 10, 4));
  }
}

TEST(Schedule, WarmUpRisesLinearly) {
  const Schedule constant = parse_schedule("constant", 0.5);
  EXPECT_DOUBLE_EQ(constant.factor(0, 10, 5), 0.2);
  EXPECT_DOUBLE_EQ(constant.factor(3, 10, 5), 0.8);
  EXPECT_EQ(constant.factor(4, 10, 5), 1);
  EXPECT_EQ(constant.factor(5, 10, 5), 1);
  const Schedule cosine = parse_schedule("cosine", 1);
  EXPECT_EQ(cosine.factor(9, 10, 3), 1);
  EXPECT_EQ(cosine.factor(10, 10, 3), 1);
  EXPECT_NEAR(cosine.factor(20, 10, 3), 0.5, 1e-12);
  // Warm-up as long as the training, or longer.
  EXPECT_EQ(parse_schedule("cosine", 3).factor(29, 10, 3), 1);
  EXPECT_DOUBLE_EQ(parse_schedule("cosine", 6).factor(29, 10, 3), 0.5);
  EXPECT_DOUBLE_EQ(parse_schedule("step:1:0.1", 2).factor(10, 10, 3), 0.055);
}

TEST(Schedule, RefusesWhatItCannotRead) {
  EXPECT_THAT(error_of("cosin"), HasSubstr("did you mean \"cosine\"?"));
  EXPECT_THAT(error_of(""), HasSubstr("known: constant, cosine"));
  for (const char* text :
       {"constant:1", "cosine:", "cosine:2", "cosine:nan", "cosine:0.1:3", "step",
        "step:", "step:0", "step:30,20", "step:30,30", "step:3,", "step:3:x", "step:3:0.1:1",
        "step:1e3", "every", "every:0", "every:-1", "every:2:1.5", "every:99999999999999999999"}) {
    EXPECT_THAT(error_of(text), HasSubstr("expected ")) << text;
  }
  EXPECT_THAT(error_of("cosine", -1), HasSubstr("warmup"));
  EXPECT_THAT(error_of("cosine", NAN), HasSubstr("warmup"));
}

}  // namespace
}  // namespace striate
