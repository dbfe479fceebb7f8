#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Bench : public CommandTest {};

TEST_F(Bench, TimesANetworkAndItsLayers) {
  const Outcome outcome = run("bench resnet20 --batch 2 --threads 1 --seconds 0 --layers --json");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto json = outcome.json();
  EXPECT_EQ(json.at("threads"), 1);
  EXPECT_EQ(json.at("input"), (std::vector<int>{2, 3, 32, 32}));
  EXPECT_EQ(json.at("macs"), 2 * 40551040);
  EXPECT_NEAR(json.at("images_per_second").get<double>() * json.at("seconds").get<double>(), 2,
              1e-9);
  double seconds = 0;
  for (const auto& layer : json.at("layers")) seconds += layer.at("seconds").get<double>();
  EXPECT_GT(seconds, 0);
  const Outcome text = run("bench resnet20 --threads 2 --seconds 0 --layers --train");
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* part : {"backward", "of peak", "layer1.0.conv1", "images/s", "optimizer"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
}

TEST_F(Bench, TakesOnesOwnNetwork) {
  write_file(folder_ / "own.cfg",
             "[net]\nheight=8\nwidth=8\nchannels=1\n[convolutional]\nfilters=3\nsize=3\npad=1\n"
             "activation=relu\n[connected]\noutput=2\nactivation=linear\n[softmax]\n");
  const auto json = run("bench own.cfg --batch 4 --seconds 0 --json").json();
  EXPECT_EQ(json.at("macs"), 4 * (64 * 9 * 3 + 192 * 2));
  EXPECT_EQ(run("bench own.cfg --train --seconds 0").status, 0);
}

TEST_F(Bench, SaysWhatIsWrong) {
  expect_refused("bench resnet2", "did you mean \"resnet20\"?");
  expect_refused("bench cnn --input 1x2x2", "pool2 (MaxPool)");
  expect_refused("bench cnn --input 1x2", "--input: expected CxHxW or NxCxHxW, got 1x2");
}

}  // namespace
}  // namespace striate
