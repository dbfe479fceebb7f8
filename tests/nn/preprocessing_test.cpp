#include "striate/nn/preprocessing.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "codec/pictures.h"
#include "striate/base/error.h"

namespace striate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Image ramp(int width, int height, int channels) {
  Image image(width, height, channels);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i * 37 + 5);
  }
  return image;
}

TEST(Preprocessing, NormalizesIntoPlanes) {
  const Image image = ramp(4, 3, 3);
  const Preprocessing p{3, 3, 4, {0.5, 0.25, 0.125}, {0.5, 2, 0.1}};
  std::vector<float> chw(36);
  preprocess(image, p, chw.data());
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < 12; ++i) {
      const double expected = (image.pixels[i * 3 + c] / 255.0 - p.mean[c]) / p.deviation[c];
      EXPECT_EQ(chw[c * 12 + i], static_cast<float>(expected));
    }
  }
}

// Mean and deviation are the network's, in its order.
TEST(Preprocessing, TurnsColoursRound) {
  const Image image = ramp(4, 3, 3);
  Preprocessing p{3, 3, 4, {0.5, 0.25, 0.125}, {0.5, 2, 0.1}};
  p.order = "bgr";
  std::vector<float> chw(36);
  preprocess(image, p, chw.data());
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < 12; ++i) {
      const double expected = (image.pixels[i * 3 + 2 - c] / 255.0 - p.mean[c]) / p.deviation[c];
      EXPECT_EQ(chw[c * 12 + i], static_cast<float>(expected));
    }
  }
  p.order = "grb";
  EXPECT_THROW(check(p), InputError);
}

TEST(Preprocessing, FitsChannelsAndSize) {
  const Image rgb = ramp(9, 7, 3);
  const Preprocessing grey{1, 5, 6, {0}, {1}};
  const Image fitted = fit(rgb, grey);
  EXPECT_EQ(fitted, resize_bilinear(to_grey(rgb), 6, 5));
  std::vector<float> chw(30);
  preprocess(rgb, grey, chw.data());
  for (std::size_t i = 0; i < chw.size(); ++i) {
    EXPECT_EQ(chw[i], static_cast<float>(fitted.pixels[i] / 255.0));
  }
  EXPECT_EQ(fit(ramp(9, 7, 1), {3, 7, 9, {}, {}}), to_rgb(ramp(9, 7, 1)));
}

std::uint32_t checksum(const Image& image) {
  return static_cast<std::uint32_t>(
      crc32(0, image.pixels.data(), static_cast<uInt>(image.pixels.size())));
}

// Made with torchvision 0.14 on Pillow 9.4.0: TenCrop(size)(Resize(resize)(picture)), each crop's
// tobytes(); CenterCrop gives the fifth.
TEST(Preprocessing, CutsOutAsTorchvisionDoes) {
  struct Case {
    int width, height, channels, resize, size;
    std::vector<std::uint32_t> crops;
  };
  const Case cases[] = {
      {31,
       23,
       3,
       20,
       16,
       {0x4435fcfc, 0x1cdeb56d, 0x3f5eac2f, 0xc4aff1c1, 0x42ac1dba, 0x7c6b78ba, 0x9085b1ff,
        0x671cf8d8, 0x28e623e7, 0x0972683a}},
      {18,
       41,
       1,
       12,
       11,
       {0x411cdc04, 0xfb302df9, 0x00b20ab3, 0xc013dc56, 0xda17a267, 0x8b37200c, 0xf1f95c75,
        0x4f5ad370, 0x71706528, 0xe13bc88a}},
      {64,
       48,
       3,
       40,
       32,
       {0x1780690d, 0x159fa6f9, 0x7adf03cb, 0x44a653ba, 0xc66d637d, 0xa00d84f1, 0x04370e71,
        0x00b5bb31, 0xba39b565, 0x7c01927d}},
      {20,
       20,
       3,
       17,
       14,
       {0x3045018e, 0xac83e71d, 0xa5b488e6, 0xac7457b1, 0xbf0ab903, 0x177e777e, 0x74ab0d27,
        0xe7e09590, 0xdd79e9b1, 0x2530afe7}},
  };
  for (const Case& c : cases) {
    const Image picture = testing_pictures::noise(c.width, c.height, c.channels);
    const Preprocessing p{c.channels, c.size, c.size, {}, {}, c.resize};
    const std::vector<Image> views = crops(picture, p, 10);
    ASSERT_EQ(views.size(), 10U);
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(checksum(views[i]), c.crops[i]) << c.width << "x" << c.height << " crop " << i;
    }
    EXPECT_EQ(fit(picture, p), views[4]);
    EXPECT_EQ(crops(picture, p, 1), std::vector<Image>{views[4]});
  }
}

TEST(Preprocessing, RefusesCropsThatAreAllTheSame) {
  const Preprocessing squeezed{1, 28, 28, {0}, {1}};
  EXPECT_THAT([&] { check_crops(squeezed, 10); },
              ThrowsMessage<InputError>(HasSubstr("larger than the network's input of 28x28")));
  EXPECT_THAT([&] { check_crops(squeezed, 2); },
              ThrowsMessage<InputError>(HasSubstr("expected 1 or 10, got 2")));
  EXPECT_NO_THROW(check_crops(squeezed, 1));
}

TEST(Preprocessing, RefusesWhatCannotBeUsed) {
  const auto refusal = [](const Preprocessing& p) {
    try {
      check(p);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal({1, 28, 28, {0.1}, {0.3}}), "accepted");
  EXPECT_THAT(refusal({2, 28, 28, {0, 0}, {1, 1}}), HasSubstr("channels: expected 1 or 3, got 2"));
  EXPECT_THAT(refusal({1, 0, 28, {0}, {1}}), HasSubstr("got 0x28"));
  EXPECT_THAT(refusal({1, 1 << 30, 1 << 30, {0}, {1}}), HasSubstr("size"));
  EXPECT_THAT(refusal({3, 28, 28, {0.1}, {0.3}}), HasSubstr("mean: expected 3 values"));
  EXPECT_THAT(refusal({1, 28, 28, {0.1}, {0.3, 1}}), HasSubstr("deviation: expected 1 values"));
  EXPECT_THAT(refusal({1, 28, 28, {0.1}, {0}}), HasSubstr("positive number, got 0"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(refusal({1, 28, 28, {nan}, {1}}), HasSubstr("finite"));
  EXPECT_THAT(refusal({1, 28, 28, {0}, {nan}}), HasSubstr("positive"));
  EXPECT_THAT(refusal({1, 28, 20, {0}, {1}, 27}),
              HasSubstr("resize: expected 0 or at least the network's input of 28x20, got 27"));
  EXPECT_THAT(refusal({1, 28, 28, {0}, {1}, 1 << 20}), HasSubstr("resize"));
  EXPECT_EQ(refusal({1, 28, 28, {0}, {1}, 28}), "accepted");
}

TEST(Preprocessing, ListsItsFields) {
  std::vector<std::string> names;
  Preprocessing{}.fields(
      [&](std::string_view name, const auto&, std::string_view) { names.emplace_back(name); });
  EXPECT_THAT(names,
              testing::ElementsAre("channels", "height", "width", "mean", "deviation", "resize",
                                   "order"));
}

}  // namespace
}  // namespace striate
