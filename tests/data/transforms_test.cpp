#include "striate/data/transforms.h"

#include <cmath>

#include <gmock/gmock.h>

#include "data/support.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_data::Numbered;
using testing_data::refusal;

Image numbered(int width, int height, int channels) {
  Image image(width, height, channels);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i + 1);
  }
  return image;
}

// `image` moved by (dx, dy), pixel by pixel.
Image moved(const Image& image, int dx, int dy) {
  Image result(image.width, image.height, image.channels);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const int from_x = x + dx;
      const int from_y = y + dy;
      if (from_x < 0 || from_x >= image.width || from_y < 0 || from_y >= image.height) continue;
      for (int c = 0; c < image.channels; ++c) {
        result.row(y)[x * image.channels + c] = image.row(from_y)[from_x * image.channels + c];
      }
    }
  }
  return result;
}

TEST(Transforms, CropShiftsEveryWayAlike) {
  for (const int channels : {1, 3}) {
    const Image image = numbered(5, 4, channels);
    const Augmentation augment = Augmentation::parse("crop:2");
    std::vector<int> count(25);
    for (std::uint64_t index = 0; index < 2500; ++index) {
      Image changed = image;
      augment.apply(changed, {.seed = 1, .epoch = 2, .index = index});
      int matches = 0;
      for (int dy = -2; dy <= 2; ++dy) {
        for (int dx = -2; dx <= 2; ++dx) {
          if (changed != moved(image, dx, dy)) continue;
          ++matches;
          ++count[static_cast<std::size_t>((dy + 2) * 5 + dx + 2)];
        }
      }
      ASSERT_EQ(matches, 1);
    }
    // Each of 25 shifts about 100 times.
    for (const int n : count) EXPECT_TRUE(n > 60 && n < 145) << n;
  }
}

TEST(Transforms, CropWiderThanThePictureIsStillAShift) {
  const Augmentation augment = Augmentation::parse("crop:9");
  bool all_black = false;
  for (std::uint64_t index = 0; index < 200; ++index) {
    Image image = numbered(3, 2, 1);
    augment.apply(image, {.seed = 1, .epoch = 0, .index = index});
    ASSERT_EQ(image.pixels.size(), 6U);
    all_black = all_black || image == Image(3, 2, 1);
  }
  EXPECT_TRUE(all_black);
}

TEST(Transforms, FlipMirrorsHalfOfThem) {
  const Augmentation augment = Augmentation::parse("flip");
  Image mirrored(3, 1, 3);
  mirrored.pixels = {7, 8, 9, 4, 5, 6, 1, 2, 3};
  int flipped = 0;
  for (std::uint64_t index = 0; index < 1000; ++index) {
    Image image = numbered(3, 1, 3);
    augment.apply(image, {.seed = 3, .epoch = 0, .index = index});
    if (image != numbered(3, 1, 3)) {
      EXPECT_EQ(image, mirrored);
      ++flipped;
    }
  }
  EXPECT_GT(flipped, 430);
  EXPECT_LT(flipped, 570);
}

TEST(Transforms, AreAFunctionOfTheKey) {
  const Augmentation augment = Augmentation::parse("crop,flip");
  const auto result = [&](SampleKey key) {
    Image image = numbered(14, 14, 1);
    augment.apply(image, key);
    return image;
  };
  int same_epoch = 0;
  int same_seed = 0;
  for (std::uint64_t index = 0; index < 100; ++index) {
    const Image image = result({.seed = 1, .epoch = 1, .index = index});
    EXPECT_EQ(result({.seed = 1, .epoch = 1, .index = index}), image);
    same_epoch += result({.seed = 1, .epoch = 2, .index = index}) == image ? 1 : 0;
    same_seed += result({.seed = 2, .epoch = 1, .index = index}) == image ? 1 : 0;
  }
  // One in 162 by chance.
  EXPECT_LT(same_epoch, 8);
  EXPECT_LT(same_seed, 8);
}

TEST(Transforms, ParseSaysWhatIsWrong) {
  EXPECT_EQ(Augmentation::parse("").str(), "");
  EXPECT_TRUE(Augmentation::parse("").empty());
  EXPECT_EQ(Augmentation::parse("crop").str(), "crop:4");
  EXPECT_EQ(Augmentation::parse("flip,crop:2").str(), "flip,crop:2");
  const auto outcome = [](std::string_view text) {
    return refusal([text] { Augmentation::parse(text); });
  };
  EXPECT_THAT(outcome("corp"), HasSubstr("unknown augmentation \"corp\"; did you mean \"crop\"?"));
  EXPECT_THAT(outcome("crop,"), AllOf(HasSubstr("\"\""), HasSubstr("known: crop, flip")));
  EXPECT_THAT(outcome("crop:0"), HasSubstr("expected a number of 1 to 1024, got \"0\""));
  EXPECT_THAT(outcome("crop:2x"), HasSubstr("got \"2x\""));
  EXPECT_THAT(outcome("crop:99999999999999999999"), HasSubstr("expected a number"));
  EXPECT_THAT(outcome("crop:"), HasSubstr("got \"\""));
  EXPECT_THAT(outcome("flip:2"), HasSubstr("expected no number"));
  EXPECT_THAT(outcome("flip,flip"), HasSubstr("expected once"));
}

TEST(ThreadsMeasurePreprocessing, IsExactWhateverTheThreads) {
  const Numbered data(1000, 5, 3, 3);
  std::array<double, 3> sum{};
  std::array<double, 3> squares{};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const Image image = data.get(i).picture;
    for (std::size_t p = 0; p < image.pixels.size(); ++p) {
      const double value = image.pixels[p] / 255.0;
      sum[p % 3] += value;
      squares[p % 3] += value * value;
    }
  }
  const Preprocessing one = measure_preprocessing(data, 3, 3, 5, Threads(1));
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = sum[c] / 15000;
    EXPECT_NEAR(one.mean[c], mean, 1e-12);
    EXPECT_NEAR(one.deviation[c], std::sqrt(squares[c] / 15000 - mean * mean), 1e-12);
  }
  const Preprocessing four = measure_preprocessing(data, 3, 3, 5, Threads(4));
  EXPECT_EQ(one.mean, four.mean);
  EXPECT_EQ(one.deviation, four.deviation);
}

TEST(MeasurePreprocessing, NeverDividesByNothing) {
  const Numbered one_pixel(1, 1, 1, 1);
  const Preprocessing p = measure_preprocessing(one_pixel, 1, 1, 1, Threads(1));
  EXPECT_EQ(p.deviation[0], 1);
  const Numbered none(0, 1, 1, 1);
  EXPECT_EQ(measure_preprocessing(none, 1, 1, 1, Threads(1)).mean[0], 0);
  EXPECT_THROW(measure_preprocessing(none, 2, 1, 1, Threads(1)), InputError);
}

}  // namespace
}  // namespace striate
