#include "cli/harness.h"

namespace striate {
namespace {

using ::testing::AllOf;
using testing::CommandTest;
using ::testing::HasSubstr;
using ::testing::Not;

class CompareCommand : public CommandTest {};

// Two 3x3 see what one 5x5 does, with 18 weights for 25.
TEST_F(CompareCommand, TwoSmallKernelsAgainstOneLarge) {
  const auto json = run("compare '16x16x8 -> 5x5x8 nobias p2' "
                        "'16x16x8 -> 3x3x8 nobias p1 -> 3x3x8 nobias p1' --json")
                        .json()
                        .at("networks");
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0].at("sees"), "5");
  EXPECT_EQ(json[1].at("sees"), "5");
  EXPECT_EQ(json[0].at("parameters"), 25 * 64);
  EXPECT_EQ(json[1].at("parameters"), 18 * 64);
  EXPECT_EQ(json[1].at("macs"), 18 * 64 * 256);
  for (const auto& network : json) {
    EXPECT_GT(network.at("seconds"), 0.0);
    EXPECT_GT(network.at("memory_train"), network.at("memory_run"));
  }
}

TEST_F(CompareCommand, ModelsAndFiles) {
  write_file(folder_ / "own.cfg", std::string_view("[net]\nheight=28\nwidth=28\nchannels=1\n"
                                                   "[connected]\noutput=10\n"));
  const auto text = run("compare cnn own.cfg --no-time --input 2x1x28x28").out;
  EXPECT_THAT(text, AllOf(HasSubstr("3,363,690"), HasSubstr("7,850"), HasSubstr("2x1x28x28"),
                          HasSubstr("then all"), Not(HasSubstr("median"))));
  EXPECT_THAT(run("compare cnn --no-time --markdown").out, HasSubstr("| cnn | 1x1x28x28 |"));
}

TEST_F(CompareCommand, LongChainsGetLetters) {
  const auto text = run("compare '28x28x192 -> [1x1x64 | 1x1x96 -> 3x3x128 p1 | max3/1 p1]' "
                        "'28x28x192 -> [1x1x64 | 3x3x128 p1 | max3/1 p1]' --no-time")
                        .out;
  EXPECT_THAT(text, ::testing::StartsWith("A: 28x28x192 -> [1x1x64 | 1x1x96 -> 3x3x128 p1 | max"));
  EXPECT_THAT(text, HasSubstr("\nB        1x192x28x28 "));
}

TEST_F(CompareCommand, Refuses) {
  expect_refused("compare cnn cnm --no-time", "did you mean");
  expect_refused("compare cnn --no-time --optimizer adamm", "adamm");
  expect_refused("compare '8x8x3 -> 9x9x1'", "the smallest square input that works is 3x9x9");
}

}  // namespace
}  // namespace striate
