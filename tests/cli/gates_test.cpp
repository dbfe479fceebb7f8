#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;

class GatesCommand : public CommandTest {
 protected:
  void train() const {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "so it goes on and on\n";
    write_file(folder_ / "a.txt", text);
    const auto outcome =
        run("train char_lm --data text:a.txt --hidden 12 --embedding 8 --epochs 2 --batch 8 "
            "--steps 10 --lr 0.02 --out run");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
};

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
