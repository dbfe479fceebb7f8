#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/formats/darknet.h"
#include "striate/nn/initialize.h"

namespace striate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A convolution with a norm, one without, and a dense layer.
constexpr std::string_view kText =
    "[net]\nheight=4\nwidth=4\nchannels=1\n"
    "[convolutional]\nfilters=1\nsize=1\nbatch_normalize=1\nactivation=linear\n"
    "[convolutional]\nfilters=2\nsize=1\nactivation=linear\n"
    "[avgpool]\n"
    "[connected]\noutput=3\nactivation=linear\n";

// Numbers 0, 1, 2, … behind a header.
Bytes numbered(std::int32_t major, std::int32_t minor, std::size_t header, int count) {
  Bytes bytes(header + static_cast<std::size_t>(count) * 4);
  std::memcpy(bytes.data(), &major, 4);
  std::memcpy(bytes.data() + 4, &minor, 4);
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    std::memcpy(bytes.data() + header + 4 * static_cast<std::size_t>(i), &value, 4);
  }
  return bytes;
}

TEST(DarknetWeights, LieInDarknetsOrder) {
  const Graph graph = read_darknet(kText, "n.cfg").graph;
  for (const auto& [minor, header] : {std::pair(2, 20U), {1, 16U}}) {
    const Weights w = read_darknet_weights(numbered(0, minor, header, 18), graph, "n.weights");
    EXPECT_THAT(w.at("layer0.bn.bias").values<float>(), ElementsAre(0));
    EXPECT_THAT(w.at("layer0.bn.weight").values<float>(), ElementsAre(1));
    EXPECT_THAT(w.at("layer0.bn.running_mean").values<float>(), ElementsAre(2));
    EXPECT_THAT(w.at("layer0.bn.running_var").values<float>(), ElementsAre(3));
    EXPECT_THAT(w.at("layer0.conv.weight").values<float>(), ElementsAre(4));
    EXPECT_THAT(w.at("layer1.conv.bias").values<float>(), ElementsAre(5, 6));
    EXPECT_THAT(w.at("layer1.conv.weight").values<float>(), ElementsAre(7, 8));
    EXPECT_THAT(w.at("layer3.fc.bias").values<float>(), ElementsAre(9, 10, 11));
    EXPECT_THAT(w.at("layer3.fc.weight").values<float>(), ElementsAre(12, 13, 14, 15, 16, 17));
  }
  // Old files hold dense layers the other way round.
  const Weights old = read_darknet_weights(numbered(1001, 0, 16, 18), graph, "n.weights");
  EXPECT_THAT(old.at("layer3.fc.weight").values<float>(), ElementsAre(12, 15, 13, 16, 14, 17));
}

TEST(DarknetWeights, AreReadAsTheyWereWritten) {
  const Graph graph = read_darknet(kText, "n.cfg").graph;
  const Weights weights = initialize(graph, 4);
  const Bytes bytes = write_darknet_weights(graph, weights);
  EXPECT_EQ(bytes.size(), 20U + 18 * 4);
  const Weights read = read_darknet_weights(bytes, graph, "n.weights");
  for (const auto& [name, tensor] : weights) {
    EXPECT_TRUE(std::equal(tensor.raw().begin(), tensor.raw().end(), read.at(name).raw().begin()))
        << name;
  }
}

TEST(DarknetWeights, MustFitTheNetwork) {
  const Graph graph = read_darknet(kText, "n.cfg").graph;
  const auto outcome = [&](const Bytes& bytes) -> std::string {
    try {
      read_darknet_weights(bytes, graph, "n.weights");
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(outcome(numbered(0, 2, 20, 17)),
            "n.weights: it ends before layer3.fc.weight of n.cfg: expected 24 bytes more, got 20");
  EXPECT_EQ(outcome(numbered(0, 2, 20, 19)),
            "n.weights: 4 bytes are left over behind the last layer of n.cfg");
  EXPECT_THAT(outcome(Bytes(5)), HasSubstr("these are no weights of darknet"));
  EXPECT_THAT(outcome(numbered(-1, 2, 20, 18)), HasSubstr("version -1.2"));
}

}  // namespace
}  // namespace striate
