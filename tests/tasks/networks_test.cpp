#include "striate/tasks/networks.h"

#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/classifier.h"
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
  const Classifier before(card, initialize(own.row.build(own.row.natural), 3), device);
  before.save(folder / "own.safetensors");
  std::filesystem::remove(path);
  const Classifier after = Classifier::load(folder / "own.safetensors", device);
  Tensor picture(DType::f32, {1, 1, 8, 8});
  for (int i = 0; i < 64; ++i) picture.data<float>()[i] = static_cast<float>(i) / 64;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(before.logits(picture).data<float>()[i], after.logits(picture).data<float>()[i]);
  }
}

}  // namespace
}  // namespace striate
