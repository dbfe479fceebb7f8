#include "striate/formats/darknet.h"

#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/summary.h"

namespace striate {
namespace {

std::string error_of(const std::string& text) {
  try {
    read_darknet(text, "net.cfg");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

const std::string kNet = "[net]\nheight=32\nwidth=32\nchannels=3\n";

std::map<std::string, Shape> shapes_of(const DarknetNetwork& network) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, info] : infer_shapes(network.graph)) shapes[name] = info.shape;
  return shapes;
}

// Every kind of layer, with darknet's defaults: padding of half the kernel where pad=1, poolings
// that pad size - 1 pixels, leaky slopes of 0.1.
TEST(Darknet, ReadsEveryLayer) {
  const DarknetNetwork network = read_darknet(kNet + R"(
# a comment
batch=64
learning_rate=.1

[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=8
size=1
activation=linear

[shortcut]
from=-2
activation=relu

[convolutional]
filters=6
size=3
stride=2
pad=1
groups=2
activation=logistic

[upsample]
stride=2

[route]
layers=-1, 3

[route]
layers=-1
groups=2
group_id=1

[maxpool]
size=2
stride=1

[avgpool]

[dropout]
probability=.25

[connected]
output=5
activation=linear

[softmax]

[cost]
type=sse
)",
                                              "net.cfg");
  EXPECT_EQ(network.input, Shape({1, 3, 32, 32}));
  const auto shapes = shapes_of(network);
  EXPECT_EQ(shapes.at("layer0.leaky"), Shape({1, 8, 32, 32}));
  EXPECT_EQ(shapes.at("layer1.maxpool"), Shape({1, 8, 16, 16}));
  EXPECT_EQ(shapes.at("layer3.relu"), Shape({1, 8, 16, 16}));
  EXPECT_EQ(shapes.at("layer4.logistic"), Shape({1, 6, 8, 8}));
  EXPECT_EQ(shapes.at("layer5.upsample"), Shape({1, 6, 16, 16}));
  EXPECT_EQ(shapes.at("layer6.concat"), Shape({1, 14, 16, 16}));
  EXPECT_EQ(shapes.at("layer7.part0"), Shape({1, 7, 16, 16}));
  EXPECT_EQ(shapes.at("layer8.maxpool"), Shape({1, 7, 16, 16}));
  EXPECT_EQ(shapes.at("logits"), Shape({1, 5}));
  EXPECT_EQ(summarize(network.graph).parameters,
            3 * 9 * 8 + 2 * 8 + (8 * 8 + 8) + (8 / 2 * 9 * 6 + 6) + (7 * 5 + 5));
  EXPECT_NE(network.graph.find_parameter("layer0.bn.running_var"), nullptr);
}

// 13 pixels, a window of 2 and a step of 2: darknet's padding of one pixel behind makes them 7.
TEST(Darknet, PoolingPadsAsDarknetDoes) {
  const auto shapes = shapes_of(read_darknet(
      "[net]\nheight=13\nwidth=13\n[maxpool]\nsize=2\nstride=2\n[avgpool]\n", "net.cfg"));
  EXPECT_EQ(shapes.at("layer0.maxpool"), Shape({1, 3, 7, 7}));
}

TEST(Darknet, TakesAnotherSize) {
  const DarknetNetwork network =
      read_darknet(kNet + "[convolutional]\nfilters=4\nactivation=linear\n[avgpool]\n", "net.cfg",
                   Shape({1, 9, 7}));
  EXPECT_EQ(network.input, Shape({1, 1, 9, 7}));
  EXPECT_EQ(network.graph.find_parameter("layer0.conv.weight")->shape, Shape({4, 1, 1, 1}));
}

TEST(Darknet, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of(""), "net.cfg: there is no network in it");
  EXPECT_EQ(error_of("filters=3\n"), "net.cfg:1: expected [net] first, got filters=3");
  EXPECT_EQ(error_of("[convolutional]\n"), "net.cfg:1: [convolutional]: expected [net] first");
  EXPECT_EQ(error_of("[net]\nwidth=3\n"), "net.cfg:1: [net]: expected height and width");
  EXPECT_EQ(error_of(kNet), "net.cfg: expected layers after [net]");
  EXPECT_EQ(error_of(kNet + "[convolutionel]\n"),
            "net.cfg:5: [convolutionel]: this layer is not known here; did you mean "
            "\"convolutional\"?");
  EXPECT_EQ(
      error_of(kNet + "[lstm]\noutput=3\nbatch_normalize=1\n"),
      "net.cfg:7: [lstm]: batch_normalize: a norm inside a recurrent layer is not known here");
  EXPECT_EQ(error_of("[net]\ninputs=4\ntime_steps=3\n[rnn]\noutput=3\nactivation=sinus\n"),
            "net.cfg:6: [rnn]: activation: sinus is not known here; known: elu, leaky, linear, "
            "logistic, relu, selu, tanh");
  EXPECT_EQ(error_of("[net]\ninputs=1048576\n[lstm]\noutput=65536\n"),
            "net.cfg:3: [lstm]: the network has more than 4294967296 weights");
  EXPECT_EQ(error_of("[net]\ninputs=4\ntime_steps=4096\n[rnn]\n[rnn]\n[rnn]\n[rnn]\n[rnn]\n"),
            "net.cfg:8: [rnn]: more than 16384 steps of all layers would be unrolled");
  EXPECT_EQ(error_of(kNet + "[convolutional]\nfilter=3\n"),
            "net.cfg:6: [convolutional] has no key filter; did you mean \"filters\"?");
  EXPECT_EQ(error_of(kNet + "[convolutional]\nfilters=3x\n"),
            "net.cfg:6: [convolutional]: filters: expected an integer from 1 to 1048576, got 3x");
  EXPECT_EQ(error_of(kNet + "[convolutional]\nfilters=3\nfilters=4\n"),
            "net.cfg:7: [convolutional] has filters already, on line 6");
  EXPECT_EQ(error_of(kNet + "[convolutional]\nactivation=leeky\n"),
            "net.cfg:6: [convolutional]: activation: leeky is not known here; did you mean "
            "\"leaky\"?");
  EXPECT_EQ(error_of(kNet + "[shortcut]\nfrom=-1\n"),
            "net.cfg:6: [shortcut]: from: there is no layer before this one");
  EXPECT_EQ(error_of(kNet + "[convolutional]\n[route]\nlayers=1\n"),
            "net.cfg:7: [route]: layers: expected a layer before this one, 0 to 0 or -1 to -1, got "
            "1");
  EXPECT_EQ(error_of(kNet + "[convolutional]\ngroups=2\nfilters=4\n"),
            "net.cfg:6: [convolutional]: groups: 2 groups do not divide 3 channels into 4");
  EXPECT_EQ(error_of(kNet + "[connected]\n[convolutional]\n"),
            "net.cfg:6: [convolutional]: it stands behind a layer that has no pixels any more");
  EXPECT_EQ(error_of(kNet + "[convolutional]\nsize=33\nfilters=2\n").substr(0, 27),
            "net.cfg:5: [convolutional]:");
}

// Layers can be wired only to those before them: there are no cycles, and nothing hangs in the air.
TEST(Darknet, WiresLayersToEarlierOnesOnly) {
  const std::string two = kNet + "[convolutional]\n[convolutional]\n";
  EXPECT_EQ(
      error_of(two + "[shortcut]\nfrom=5\n"),
      "net.cfg:8: [shortcut]: from: expected a layer before this one, 0 to 1 or -1 to -2, got "
      "5");
  EXPECT_EQ(error_of(two + "[route]\nlayers=-1,2\n"),
            "net.cfg:8: [route]: layers: expected a layer before this one, 0 to 1 or -1 to -2, got "
            "2");
  EXPECT_EQ(error_of(two + "[route]\nlayers=-9223372036854775808\n"),
            "net.cfg:8: [route]: layers: expected a layer before this one, 0 to 1 or -1 to -2, got "
            "-9223372036854775808");
  EXPECT_EQ(error_of(kNet + "[route]\nlayers=0\n"),
            "net.cfg:6: [route]: layers: there is no layer before this one");
  EXPECT_EQ(error_of(kNet + "[route]\n"), "net.cfg:5: [route]: expected layers=…");
  EXPECT_EQ(error_of(kNet + "[shortcut]\n"), "net.cfg:5: [shortcut]: from: expected one layer");
}

TEST(Darknet, SaysWhichSizesDoNotFitTogether) {
  const std::string halved = kNet + "[convolutional]\nfilters=2\n[maxpool]\nsize=2\nstride=2\n";
  EXPECT_EQ(error_of(halved + "[shortcut]\nfrom=-2\n"),
            "net.cfg:11: [shortcut]: from: expected a layer of shape 1x2x16x16, got 1x2x32x32");
  EXPECT_EQ(error_of(halved + "[route]\nlayers=-1,-2\n").substr(0, 23), "net.cfg:10: [route]: la");
  EXPECT_EQ(error_of(halved + "[route]\nlayers=-1\ngroups=3\n"),
            "net.cfg:12: [route]: groups: 3 groups do not divide 2 channels");
  EXPECT_THROW(read_darknet(kNet + "[convolutional]\nsize=33\n", "net.cfg"), OutOfPixels);
  EXPECT_EQ(darknet_input(kNet + "[convolutional]\nsize=33\n", "net.cfg"), Shape({1, 3, 32, 32}));
}

// A small file must not ask for a large memory.
TEST(Darknet, BoundsWhatAFileCanAskFor) {
  std::string many = kNet;
  for (int i = 0; i < 100000; ++i) many += "[dropout]\n";
  EXPECT_EQ(error_of(many), "net.cfg:10004: expected at most 10000 sections");
  EXPECT_NE(error_of(kNet + "[connected]\noutput=1048576\n[connected]\noutput=1048576\n")
                .find("more than 4294967296 weights"),
            std::string::npos);
  EXPECT_NE(error_of(kNet + "[convolutional]\nfilters=99999999999999999999\n"), "no error");
}

}  // namespace
}  // namespace striate
