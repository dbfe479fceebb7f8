#include "striate/tasks/segmentation/segmenter.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/random.h"
#include "striate/nn/initialize.h"

namespace striate {
namespace {

const std::vector<std::string> kClasses{"a", "b", "c"};

Segmenter untrained(const std::string& model, const std::shared_ptr<const Device>& device) {
  const ModelCard card{.model = model,
                       .classes = kClasses,
                       .preprocessing = {3, 64, 64, {0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}}};
  const Graph graph = models().find(model).build({.height = 64, .width = 64, .classes = 3});
  return {card, initialize(graph, 7), device};
}

// Blocks of noise, so that the classes change from place to place.
Image blocks(int width, int height) {
  Image picture(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto place = static_cast<std::uint64_t>(y / 24 * 1000 + x / 24);
      Random random({.seed = 3, .purpose = purpose_of("blocks")}, place);
      for (int c = 0; c < 3; ++c) {
        picture.row(y)[3 * x + c] = static_cast<std::uint8_t>(random.below(256));
      }
    }
  }
  return picture;
}

TEST(Segmenter, TakesPicturesOfAnySize) {
  const Segmenter segmenter = untrained("fcn8s_resnet18", make_cpu_device(2));
  for (const auto& [width, height] : {std::pair{64, 64}, {31, 77}, {200, 33}, {1, 1}}) {
    const Segmentation found = segmenter.segment(blocks(width, height), {.probabilities = true});
    EXPECT_EQ(found.mask.width, width);
    EXPECT_EQ(found.mask.height, height);
    ASSERT_EQ(found.probabilities.shape(), Shape({3, height, width}));
    const float* p = found.probabilities.data<float>();
    const std::int64_t area = std::int64_t{width} * height;
    for (std::int64_t i = 0; i < area; ++i) {
      EXPECT_NEAR(p[i] + p[area + i] + p[2 * area + i], 1, 1e-5);
      const std::uint8_t label = found.mask.pixels[static_cast<std::size_t>(i)];
      for (std::int64_t c = 0; c < 3; ++c) EXPECT_LE(p[c * area + i], p[label * area + i]);
    }
  }
}

// Tiles whose overlap is as wide as a score sees give what the whole picture gives, everywhere.
TEST(Segmenter, NoSeamShows) {
  const Segmenter segmenter = untrained("fcn8s_resnet18", make_cpu_device(2));
  ASSERT_GT(segmenter.reach(), 200);
  ASSERT_LE(segmenter.reach(), 288);
  const Image picture = blocks(1900, 70);
  std::int64_t tiles = 0;
  const Segmentation tiled =
      segmenter.segment(picture, {.tile = 1152,
                                  .probabilities = true,
                                  .on_tile = [&](std::int64_t, std::int64_t all) { tiles = all; }});
  EXPECT_EQ(tiles, 3);
  const Segmentation whole = segmenter.segment(picture, {.tile = 2048, .probabilities = true});
  double most = 0;
  for (std::int64_t i = 0; i < whole.probabilities.elements(); ++i) {
    const float difference =
        whole.probabilities.data<float>()[i] - tiled.probabilities.data<float>()[i];
    most = std::max(most, std::abs(static_cast<double>(difference)));
  }
  EXPECT_LT(most, 1e-4);
}

// Small tiles see less around them: the difference stays small, and no larger where tiles meet.
TEST(Segmenter, SmallTilesDifferLittle) {
  const Segmenter segmenter = untrained("fcn8s_resnet18", make_cpu_device(2));
  const Image picture = blocks(600, 300);
  const Segmentation tiled = segmenter.segment(picture, {.tile = 256});
  const Segmentation whole = segmenter.segment(picture);
  std::size_t other = 0;
  for (std::size_t i = 0; i < whole.mask.pixels.size(); ++i) {
    other += whole.mask.pixels[i] != tiled.mask.pixels[i] ? 1 : 0;
  }
  EXPECT_LT(static_cast<double>(other), 0.05 * static_cast<double>(whole.mask.pixels.size()));
}

TEST(Segmenter, EveryNetworkTiles) {
  for (const char* model : {"fcn32s_resnet18", "fcn16s_resnet18"}) {
    const Segmenter segmenter = untrained(model, make_cpu_device(2));
    EXPECT_GT(segmenter.reach(), 0) << model;
    EXPECT_EQ(segmenter.segment(blocks(300, 40), {.tile = 256}).mask.width, 300);
  }
}

TEST(Segmenter, SaysWhatDoesNotFit) {
  const auto device = std::shared_ptr<const Device>(make_cpu_device(1));
  EXPECT_THAT(
      [&] { untrained("resnet18", device); },
      ::testing::ThrowsMessage<InputError>("resnet18 is for classification, expected a network for "
                                           "segmentation, such as fcn8s_resnet18"));
  EXPECT_THAT([&] { untrained("fcn8s_resnet18", device).segment(Image(9, 9, 3), {.tile = 100}); },
              ::testing::ThrowsMessage<InputError>(
                  "tile: expected a multiple of 32, at least 256, got 100"));
}

}  // namespace
}  // namespace striate
