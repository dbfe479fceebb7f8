#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Segment : public CommandTest {
 protected:
  // Dark left, bright right, the border between them moving.
  void make_masks() const {
    for (int i = 0; i < 14; ++i) {
      const testing::fs::path part = folder_ / "masked" / (i < 10 ? "train" : "test");
      testing::fs::create_directories(part / "images");
      testing::fs::create_directories(part / "masks");
      Image picture(40, 32, 3);
      Image mask(40, 32, 1);
      for (int y = 0; y < 32; ++y) {
        for (int x = 0; x < 40; ++x) {
          const bool bright = x > 10 + 2 * (i % 10);
          for (int c = 0; c < 3; ++c) {
            picture.row(y)[3 * x + c] =
                static_cast<std::uint8_t>((bright ? 180 : 20) + (i * 7 + x * y * (c + 1)) % 60);
          }
          mask.row(y)[x] = bright ? 1 : 0;
        }
      }
      const std::string name = std::to_string(i) + ".png";
      write_file(part / "images" / name, encode_png(picture));
      write_file(part / "masks" / name, encode_png(mask));
    }
    write_file(folder_ / "masked/classes.txt", "dark\nbright\nvoid\n");
  }
};

TEST_F(Segment, FromPicturesToMasks) {
  make_masks();
  const std::string train =
      "train fcn8s_resnet18 --data seg:masked --epochs 4 --batch 5 --validation 0.2 --out a";
  const Outcome trained = run(train);
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("8 pictures 3x32x40 of 2 classes, 2 held back"));
  EXPECT_THAT(trained.out, HasSubstr("mean IoU"));
  EXPECT_THAT(testing::CommandTest::text_of(folder_ / "a/config.toml"),
              HasSubstr("best_by = 'mean_iou'"));

  const Outcome text =
      run("eval a/best.safetensors --data seg:masked --matrix m.png --sheet s.png");
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("bright"));
  EXPECT_THAT(text.out, HasSubstr("frequency-weighted IoU"));
  EXPECT_TRUE(testing::fs::exists(folder_ / "m.png"));
  EXPECT_TRUE(testing::fs::exists(folder_ / "s.png"));
  const auto json = run("eval a/best.safetensors --data seg:masked --json").json();
  EXPECT_EQ(json.at("images"), 4);
  EXPECT_EQ(json.at("classes")[1].at("class"), "bright");
  EXPECT_GT(json.at("pixel_accuracy").get<double>(), 0.6);

  // A file, and a folder whose pictures keep their place below it.
  const Outcome one =
      run("segment a/best.safetensors masked/test/images/12.png --out one "
          "--probabilities");
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("wrote one/12-mask.png"));
  const Image mask = read_numbers(folder_ / "one/12-mask.png");
  EXPECT_EQ(mask.width, 40);
  EXPECT_GT(read_image(folder_ / "one/12-overlay.png").width, 40) << "with its legend";
  EXPECT_TRUE(testing::fs::exists(folder_ / "one/12-probabilities.npy"));
  const auto all = run("segment a/best.safetensors masked --out all --json").json();
  EXPECT_EQ(all.at("images").size(), 28U) << "masks are pictures too";
  EXPECT_TRUE(testing::fs::exists(folder_ / "all/test/images/12-mask.png"));
  EXPECT_EQ(read_numbers(folder_ / "all/test/images/12-mask.png"), mask);

  expect_refused("eval a/best.safetensors --data seg:masked --split all", "--split");
  expect_refused("segment a/best.safetensors nowhere.png --out x", "nowhere.png: cannot be read");
  expect_refused("segment a/best.safetensors masked/test/images/12.png --out x --tile 7", "tile:");
  expect_refused("predict a/best.safetensors masked/test/images/12.png", "fcn8s_resnet18");
  write_file(folder_ / "masked/test/masks/13.png", encode_png(Image(4, 4, 1)));
  expect_refused("eval a/best.safetensors --data seg:masked",
                 "masked/test/masks/13.png: a mask of 4x4 for masked/test/images/13.png of 40x32");
}

TEST_F(Segment, DataCountsPixels) {
  make_masks();
  const Outcome outcome = run("data seg:masked --split train --export shown --count 2");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("dark"));
  EXPECT_THAT(outcome.out, HasSubstr("12,800"));
  EXPECT_TRUE(testing::fs::exists(folder_ / "shown/00001.png"));
  EXPECT_TRUE(testing::fs::exists(folder_ / "shown/00001-mask.png"));
}

}  // namespace
}  // namespace striate
