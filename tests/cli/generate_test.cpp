#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class GenerateCommand : public CommandTest {
 protected:
  void train(const std::string& model) const {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "so it goes on and on\n";
    write_file(folder_ / "a.txt", text);
    const auto outcome = run("train " + model +
                             " --data text:a.txt --hidden 16 --embedding 8 --epochs 8 --batch 8 "
                             "--steps 10 --lr 0.02 --out run");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("perplexity"));
  }
};

TEST_F(GenerateCommand, WritesWhatItLearned) {
  train("char_lm");
  const auto outcome =
      run("generate run/best.safetensors --prompt \"so it\" --length 16 --temperature 0");
  EXPECT_EQ(outcome.out, "so it goes on and on\n\n") << outcome.err;
  const auto json = run("generate run/best.safetensors --length 40 --seed 3 --json").json();
  EXPECT_EQ(json.at("drawn"), 40);
  EXPECT_EQ(json, run("generate run/best.safetensors --length 40 --seed 3 --json").json());
  EXPECT_NE(json.at("text"),
            run("generate run/best.safetensors --length 40 --seed 4 --temperature 3 --json")
                .json()
                .at("text"));
  const auto scores = run("eval run/best.safetensors --data text:a.txt --json").json();
  EXPECT_LT(scores.at("perplexity"), 1.7);
  EXPECT_NEAR(scores.at("bits").get<double>(), scores.at("loss").get<double>() / std::log(2.0),
              1e-9);
  EXPECT_EQ(scores.at("count"), 125);  // the last 126 of 1260 characters, but the first
  const auto against = run("symbols text:a.txt --against run/best.safetensors --json").json();
  EXPECT_NEAR(against.at("models")[1].at("loss"), scores.at("loss"), 1e-9);
}

TEST_F(GenerateCommand, WritesWords) {
  train("word_lm");
  EXPECT_EQ(run("generate run/best.safetensors --prompt \"so it\" --length 5 --temperature 0").out,
            "so it goes on and on\n\n");
}

TEST_F(GenerateCommand, Refuses) {
  train("char_lm");
  expect_refused("generate run/best.safetensors --prompt xyz",
                 "the text: line 1: \"x\" is none of");
  expect_refused("generate run/best.safetensors --temperature -1", "temperature: expected");
  expect_refused("generate run/best.safetensors --length -1", "--length: expected");
  expect_refused("generate run/checkpoint.safetensors", "a checkpoint of a training");
  expect_refused("generate a.txt", "a.txt");
  expect_refused("predict run/best.safetensors a.png", "char_lm reads sequences");
  expect_refused("eval run/best.safetensors --data mnist", "it holds pictures, expected sequences");
  expect_refused("eval run/best.safetensors --data text:a.txt --sheet s.png", "are for pictures");
  write_file(folder_ / "b.txt", std::string("quickly other letters: xyz and more of them"));
  expect_refused("eval run/best.safetensors --data text:b.txt", "is none of the");
  expect_refused("train char_lm --data text:a.txt --batch 2000 --out r",
                 "too short for 2000 streams");
}

}  // namespace
}  // namespace striate
