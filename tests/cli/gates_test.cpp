#include "cli/trained_text.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

using GatesCommand = testing::TrainedTextTest;

TEST_F(GatesCommand, GatesOverTime) {
  train();
  const auto outcome = run("gates run/best.safetensors \"so it goes\" --out gates.png");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("forget"));
  EXPECT_GT(std::filesystem::file_size(folder_ / "gates.png"), 1000U);
  const auto json = run("gates run/best.safetensors \"so it goes\" --json").json();
  ASSERT_EQ(json.at("symbols").size(), 10U);
  EXPECT_EQ(json.at("symbols")[0], "s");
  const auto& gates = json.at("layers")[0].at("gates");
  for (const char* gate : {"input", "output", "forget", "candidate", "c", "h"}) {
    ASSERT_EQ(gates.at(gate).size(), 10U) << gate;
    EXPECT_EQ(gates.at(gate)[9].size(), 12U) << gate;
  }
  for (const double value : gates.at("forget")[4]) {
    EXPECT_GT(value, 0);
    EXPECT_LT(value, 1);
  }
}

TEST_F(GatesCommand, Refuses) {
  expect_refused("gates missing.safetensors abc", "missing.safetensors");
  train();
  expect_refused("gates run/best.safetensors xyz", "is none of");
  expect_refused("gates run/best.safetensors \"\"", "TEXT: expected 1 to 2000 symbols, got 0");
}

}  // namespace
}  // namespace striate
