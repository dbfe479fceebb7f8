#include "striate/tasks/networks.h"

#include <chrono>

#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/formats/darknet.h"
#include "striate/graph/summary.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/memory.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

constexpr const char* kText =
    "[net]\nheight=8\nwidth=8\nchannels=1\n[convolutional]\nfilters=3\nsize=3\npad=1\n"
    "activation=relu\n[connected]\noutput=2\nactivation=linear\n[softmax]\n";

TEST(Networks, AreFoundByNameOrFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "own.cfg";
  write_file(path, std::string_view(kText));
  EXPECT_EQ(find_network("cnn").row.name, "cnn");
  const Network own = find_network(path);
  EXPECT_EQ(own.row.natural.classes, 2);
  EXPECT_EQ(own.definition, kText);
  EXPECT_THROW(find_network("cnm"), InputError);
  EXPECT_THROW(find_network(folder / "none.cfg"), InputError);
  ModelSize size = own.row.natural;
  size.classes = 3;
  try {
    own.row.build(size);
    FAIL() << "three classes for two scores";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              path + ": its last layer gives 2 scores, expected one for each of 3 classes");
  }
}

TEST(Networks, OfOnnxFiles) {
  const std::string path = std::string(kSourceFolder) + "/fuzz/corpus/onnx/conv.onnx";
  const Network network = find_network(path);
  const Graph graph = network.row.build(network.row.natural);
  EXPECT_EQ(graph.inputs[0].name, "input");
  EXPECT_EQ(graph.outputs[0], "logits");
  EXPECT_NO_THROW(infer_shapes(graph));
}

// The file is not needed any more once weights were saved.
TEST(Networks, TravelWithTheirWeights) {
  const TemporaryFolder folder;
  const std::string path = folder / "own.cfg";
  write_file(path, std::string_view(kText));
  const Network own = find_network(path);
  const std::shared_ptr<const Device> device = make_cpu_device(1);
  ModelCard card{.model = path,
                 .definition = own.definition,
                 .classes = {"no", "yes"},
                 .preprocessing = {
                     .channels = 1, .height = 8, .width = 8, .mean = {0.5}, .deviation = {0.25}}};
  card.preprocessing.order = "bgr";
  const Classifier before(card, initialize(own.row.build(own.row.natural), 3), device);
  before.save(folder / "own.safetensors");
  std::filesystem::remove(path);
  const Classifier after = Classifier::load(folder / "own.safetensors", device);
  EXPECT_EQ(after.card().preprocessing.order, "bgr");
  Tensor picture(DType::f32, {1, 1, 8, 8});
  for (int i = 0; i < 64; ++i) picture.data<float>()[i] = static_cast<float>(i) / 64;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(before.logits(picture).data<float>()[i], after.logits(picture).data<float>()[i]);
  }
}

// A picture that is too small: the layer, and the smallest square one that works, which is right:
// one pixel less does not.
TEST(Networks, SayTheSmallestInputThatWorks) {
  const auto refusal = [](const std::string& name, std::int64_t side) -> std::string {
    const ModelRow row = find_network(name).row;
    ModelSize size = row.natural;
    size.height = size.width = side;
    try {
      row.build(size);
    } catch (const OutOfPixels& error) {
      return error.what();
    }
    return "it works";
  };
  EXPECT_EQ(
      refusal("cnn", 2),
      "pool2 (MaxPool): kernel 2x2 does not fit input 1x1 with padding 0; the smallest square "
      "input that works is 1x4x4");
  EXPECT_EQ(refusal("alexnet", 40),
            "features.12 (MaxPool): kernel 3x3 does not fit input 1x1 with padding 0; the smallest "
            "square input that works is 3x63x63");
  EXPECT_EQ(refusal("alexnet", 63), "it works");
  EXPECT_NE(refusal("alexnet", 62), "it works");
  for (const char* name : {"vgg16", "googlenet", "googlenet_paper", "densenet121", "lenet5"}) {
    const std::string text = refusal(name, 2);
    const auto side = std::stoll(text.substr(text.rfind('x') + 1));
    EXPECT_EQ(refusal(name, side), "it works") << name << ": " << text;
    EXPECT_NE(refusal(name, side - 1), "it works") << name << ": " << text;
  }
  EXPECT_EQ(refusal("9x9x1 -> 3x3x2/2 -> 3x3x2", 3),
            "chain: \"3x3x2\": conv2 (Conv): kernel 3x3 does not fit input 1x1 with padding 0; the "
            "smallest square input that works is 1x7x7");
  const TemporaryFolder folder;
  const std::string path = folder / "own.cfg";
  write_file(path,
             std::string_view("[net]\nheight=8\nwidth=8\nchannels=2\n[convolutional]\nsize=9\n"
                              "filters=3\n"));
  try {
    find_network(path);
    FAIL() << "9 pixels in 8";
  } catch (const OutOfPixels& error) {
    EXPECT_EQ(std::string(error.what()),
              path +
                  ":5: [convolutional]: layer0.conv (Conv): kernel 9x9 does not fit input 8x8 "
                  "with padding 0; the smallest square input that works is 2x9x9");
  }
}

// As many layers as a file may have, wired to one another: a second or two, not minutes.
TEST(Networks, LargeFilesTakeNotLong) {
  std::string text = "[net]\nheight=8\nwidth=8\nchannels=4\n";
  for (int i = 0; i < 3330; ++i) {
    text += "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\nactivation=leaky\n";
    text += i % 2 == 0 ? "[route]\nlayers=-1\n[dropout]\n" : "[shortcut]\nfrom=-3\n[dropout]\n";
  }
  const TemporaryFolder folder;
  const std::string path = folder / "deep.cfg";
  write_file(path, std::string_view(text));
  const auto begin = std::chrono::steady_clock::now();
  const ModelRow row = find_network(path).row;
  const Graph graph = row.build(row.natural);
  EXPECT_EQ(summarize(graph).parameters, 3330 * (4 * 4 * 9 + 8));
  EXPECT_GT(network_memory(graph, make_cpu_device(1), {1, 4, 8, 8}, {}).train, 0);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  RecordProperty("seconds", std::to_string(seconds.count()));
  EXPECT_LT(seconds.count(), 60);
}

TEST(Networks, AreChainsToo) {
  const Network network = find_network("32x32x3 -> 5x5x4 -> 5x5x10");
  EXPECT_EQ(network.row.natural.classes, 10);
  EXPECT_EQ(network.row.natural.height, 32);
  const Network again = network_of({.model = network.row.name, .definition = network.definition});
  EXPECT_EQ(again.row.natural.classes, 10);
}

TEST(NetworksOfSteps, TakeTheirOwnNumber) {
  const Graph steps =
      read_darknet("[net]\ninputs=4\ntime_steps=3\n[rnn]\noutput=2\n", "n.cfg").graph;
  const ModelSize size{.channels = 4, .height = 1, .width = 1};
  EXPECT_EQ(input_shape(steps, size, 8), Shape({3, 4, 1, 1}));
  EXPECT_EQ(infer_shapes(steps).at("logits").shape, Shape({3, 2}));
  const Graph pictures = models().find("lenet5").build(models().find("lenet5").natural);
  EXPECT_EQ(input_shape(pictures, models().find("lenet5").natural, 8)[0], 8);
}

}  // namespace
}  // namespace striate
