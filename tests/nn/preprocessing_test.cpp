#include "striate/nn/preprocessing.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
}

TEST(Preprocessing, ListsItsFields) {
  std::vector<std::string> names;
  Preprocessing{}.fields(
      [&](std::string_view name, const auto&, std::string_view) { names.emplace_back(name); });
  EXPECT_THAT(names, testing::ElementsAre("channels", "height", "width", "mean", "deviation"));
}

}  // namespace
}  // namespace striate
