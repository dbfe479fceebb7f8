#include "cli/trained_text.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

using GradientsCommand = testing::TrainedTextTest;

TEST_F(GradientsCommand, ShowsFiveNetworksSideBySide) {
  const auto outcome = run("gradients --steps 20 --hidden 8 --out g.png");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* name : {"rnn-sigmoid", "rnn-tanh", "rnn-relu", "lstm", "gru", "clipped to"}) {
    EXPECT_THAT(outcome.out, HasSubstr(name));
  }
  EXPECT_GT(std::filesystem::file_size(folder_ / "g.png"), 1000U);
  const auto json = run("gradients --steps 20 --hidden 8 --json").json();
  ASSERT_EQ(json.at("networks").size(), 5U);
  EXPECT_EQ(json.at("networks")[3].at("layers")[0].at("norms").size(), 20U);
  EXPECT_EQ(json.at("networks")[3].at("layers")[0].at("singular_values").size(), 20U);
}

TEST_F(GradientsCommand, MeasuresATrainedModel) {
  train();
  const auto json =
      run("gradients run/best.safetensors --text \"so it goes\" --json --out g.png").json();
  const auto& layers = json.at("networks")[0].at("layers");
  ASSERT_GE(layers.size(), 1U);
  EXPECT_EQ(layers[0].at("norms").size(), 10U);
  EXPECT_GT(layers[0].at("norms")[0].get<double>(), 0);
}

TEST_F(GradientsCommand, Refuses) {
  train();
  expect_refused("gradients run/best.safetensors --text s", "at least two symbols");
}

}  // namespace
}  // namespace striate
