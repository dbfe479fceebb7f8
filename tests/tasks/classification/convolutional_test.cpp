// Dense layers as convolutions: the same weights, the same numbers, and a map on larger pictures.

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/random.h"
#include "striate/formats/chain.h"
#include "striate/graph/rewrite.h"
#include "striate/models/registry.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/heatmap.h"

namespace striate {
namespace {

Tensor noise(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  Random random({.seed = 2, .purpose = purpose_of("noise")}, 0);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(random.uniform(-1, 1));
  }
  return tensor;
}

std::int64_t numbers(const Graph& graph, const std::string& ending) {
  std::int64_t count = 0;
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.name.ends_with(ending)) count += parameter.shape.elements();
  }
  return count;
}

// The course's head: 4·4·16 numbers to 10.
TEST(Convolutional, TheCoursesHeadHas2560WeightsBothWays) {
  const Graph dense = inference_form(read_chain("4x4x16 -> dense 10").graph);
  const Graph graph = convolutional_form(dense);
  EXPECT_EQ(numbers(dense, ".weight"), 2560);
  EXPECT_EQ(numbers(graph, ".weight"), 2560);
  EXPECT_EQ(graph.parameters[0].shape, Shape({10, 16, 4, 4}));

  // On a larger map, each place is the dense layer on its window.
  const Weights weights = initialize(dense, 3);
  const Tensor x = noise({1, 16, 6, 5});
  const auto device = std::shared_ptr<const Device>(make_reference_device());
  const Tensor map =
      Program(graph, device)
          .run({{"input", x.view()}}, convolutional_weights(graph, weights), "logits");
  ASSERT_EQ(map.shape(), Shape({1, 10, 3, 2}));
  for (std::int64_t row = 0; row < 3; ++row) {
    for (std::int64_t column = 0; column < 2; ++column) {
      Tensor window(DType::f32, {1, 16, 4, 4});
      for (std::int64_t i = 0; i < 16 * 16; ++i) {
        window.data<float>()[i] =
            x.data<float>()[(i / 16 * 6 + row + i / 4 % 4) * 5 + column + i % 4];
      }
      const Tensor scores =
          Program(dense, device).run({{"input", window.view()}}, weights, "logits");
      for (std::int64_t c = 0; c < 10; ++c) {
        EXPECT_NEAR(scores.data<float>()[c], map.data<float>()[(c * 3 + row) * 2 + column], 1e-5);
      }
    }
  }
}

TEST(Convolutional, EveryFamilyGivesTheSameNumbersAtItsSize) {
  const auto device = std::shared_ptr<const Device>(make_cpu_device(2));
  for (const char* name : {"cnn", "lenet5", "nin_cifar", "resnet20", "resnet18", "googlenet",
                           "densenet40_12", "densenet121", "alexnet"}) {
    SCOPED_TRACE(name);
    const ModelRow& row = models().find(name);
    const Graph dense = inference_form(row.build(row.natural));
    const Graph graph = convolutional_form(dense);
    const Weights weights = initialize(dense, 3);
    const Weights reshaped = convolutional_weights(graph, weights);
    EXPECT_EQ(numbers(graph, ""), numbers(dense, ""));
    const Tensor x = noise({1, row.natural.channels, row.natural.height, row.natural.width});
    const Tensor before = Program(dense, device).run({{"input", x.view()}}, weights, "logits");
    const Tensor after = Program(graph, device).run({{"input", x.view()}}, reshaped, "logits");
    ASSERT_EQ(after.shape(), Shape({1, row.natural.classes, 1, 1}));
    float most = 0;
    float size = 0;
    for (std::int64_t c = 0; c < row.natural.classes; ++c) {
      most = std::max(most, std::abs(before.data<float>()[c] - after.data<float>()[c]));
      size = std::max(size, std::abs(before.data<float>()[c]));
    }
    EXPECT_LT(most, 1e-5F * size);
  }
}

TEST(Convolutional, SaysWhatCannotBe) {
  const auto refusal = [](const char* chain) -> std::string {
    try {
      convolutional_form(inference_form(read_chain(chain).graph));
    } catch (const ModelError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal("8x8x3 -> 3x3x4"),
              ::testing::HasSubstr("no dense layer or global pool behind a map"));
  EXPECT_EQ(refusal("8x8x3 -> 3x3x4 -> gap -> dense 5"), "accepted");
}

// A place of the map is what the classifier says of the window there.
TEST(Heatmap, IsTheClassifierAtEveryWindow) {
  const ModelRow& row = models().find("lenet5");
  const ModelCard card{
      .model = "lenet5",
      .classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
      .preprocessing = {
          row.natural.channels, row.natural.height, row.natural.width, {0.5}, {0.25}}};
  const auto device = std::shared_ptr<const Device>(make_cpu_device(2));
  const Classifier classifier(card, initialize(row.build(size_of(card)), 4), device);
  const auto side = static_cast<int>(row.natural.height);
  Image picture(side + 12, side + 4, 1);
  Random random({.seed = 6, .purpose = purpose_of("picture")}, 0);
  for (std::uint8_t& value : picture.pixels) value = static_cast<std::uint8_t>(random.below(256));
  const Heatmap map = heatmap(classifier, device, picture, "picture");
  // LeNet-5 halves its maps twice.
  ASSERT_EQ(map.probabilities.shape(), Shape({10, 2, 4}));
  EXPECT_EQ(map.step_x, 4);
  for (int y = 0; y < 2; ++y) {
    for (int x = 0; x < 4; ++x) {
      const Image window = cut(picture, 4 * x, 4 * y, side, side);
      const auto guesses = classifier.classify({&window, 1}, 10);
      for (const Guess& guess : guesses[0]) {
        const float here = map.probabilities.data<float>()[(guess.label * 2 + y) * 4 + x];
        // LeNet-5 pads its pictures: windows see zeros beyond their borders, the map the picture.
        EXPECT_NEAR(guess.probability, static_cast<double>(here), 0.05);
      }
    }
  }
  const Image seen = heatmap_picture(map, picture, strongest(map), "title");
  EXPECT_EQ(seen.height, picture.height + 44);
  EXPECT_THROW(heatmap(classifier, device, Image(side - 1, side, 1), "small"), InputError);
}

}  // namespace
}  // namespace striate
