#include <array>

#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/masks.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;
using testing_data::refusal;
using testing_data::shared_data;

class Seg : public ::testing::Test {
 protected:
  void picture(const std::string& path, int width = 4, int height = 3) const {
    fs::create_directories((folder_ / path).parent_path());
    write_file(folder_ / path, encode_png(Image(width, height, 3)));
  }
  // Four columns of these labels, three rows alike.
  void mask(const std::string& path, std::array<std::uint8_t, 4> labels) const {
    fs::create_directories((folder_ / path).parent_path());
    Image image(4, 3, 1);
    for (int y = 0; y < 3; ++y) std::copy(labels.begin(), labels.end(), image.row(y));
    write_file(folder_ / path, encode_png(image));
  }
  void text(const std::string& path, const std::string& content) const {
    fs::create_directories((folder_ / path).parent_path());
    write_file(folder_ / path, content);
  }
  std::unique_ptr<Dataset> open(Split split = Split::train) const {
    return open_dataset("seg:" + folder_.string(), split);
  }
  std::string refused(Split split = Split::train) const {
    return without_folder(refusal([&] {
      const auto dataset = open(split);
      for (std::int64_t i = 0; i < dataset->size(); ++i) dataset->get(i);
    }));
  }
  std::string without_folder(std::string message) const {
    const std::string name = folder_.string() + "/";
    for (std::size_t at = message.find(name); at != std::string::npos; at = message.find(name)) {
      message.erase(at, name.size());
    }
    return message;
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(Seg, ReadsPicturesAndMasksByLists) {
  for (const std::string name : {"a", "b", "c"}) {
    picture("images/" + name + ".png");
    mask("masks/" + name + ".png", {0, 1, 1, 255});
  }
  text("train.txt", "# stems, or names\na\nc.png\n\n");
  text("test.txt", "images/b.png masks/b.png\n");
  const auto train = open();
  EXPECT_TRUE(train->masked());
  EXPECT_EQ(train->size(), 2);
  EXPECT_EQ(train->classes(), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(train->get(0).mask.pixels,
            (std::vector<std::uint8_t>{0, 1, 1, kVoid, 0, 1, 1, kVoid, 0, 1, 1, kVoid}));
  EXPECT_EQ(open(Split::test)->size(), 1);
  EXPECT_EQ(open(Split::test)->name(0), (folder_ / "images/b.png").string());
  EXPECT_EQ(open(Split::validation)->size(), 0) << "it has no such part";
}

TEST_F(Seg, ClassesHaveNamesAndVoidANumber) {
  picture("images/a.png");
  mask("masks/a.png", {2, 0, 1, 2});
  text("train.txt", "a\n");
  text("classes.txt", "road\ncar\nvoid\n");
  const auto train = open();
  EXPECT_EQ(train->classes(), (std::vector<std::string>{"road", "car"}));
  EXPECT_EQ(train->get(0).mask.pixels[0], kVoid);
  mask("masks/a.png", {0, 0, 9, 0});
  EXPECT_EQ(refused(),
            "masks/a.png: unknown label 9 at column 2, row 0; expected 0 to 1, or 2 for void");
  text("classes.txt", "void\nroad\n");
  EXPECT_EQ(refused(), "classes.txt: \"void\" must be the last line, \"road\" follows it");
}

TEST_F(Seg, ReadsVocsFolders) {
  picture("JPEGImages/2007_1.png");
  picture("JPEGImages/2007_2.png");
  for (const std::string name : {"2007_1", "2007_2"}) {
    mask("SegmentationClass/" + name + ".png", {0, 15, 255, 20});
  }
  text("ImageSets/Segmentation/train.txt", "2007_1\n");
  text("ImageSets/Segmentation/val.txt", "2007_2\n");
  const auto train = open();
  EXPECT_EQ(train->size(), 1);
  EXPECT_EQ(train->classes().size(), 21U);
  EXPECT_EQ(train->classes()[15], "person");
  EXPECT_EQ(train->get(0).mask.pixels[1], 15);
  EXPECT_EQ(open(Split::test)->size(), 1) << "val stands in for test";
  EXPECT_EQ(open(Split::validation)->size(), 1);
}

TEST_F(Seg, DividesWhatHasNoLists) {
  for (int i = 0; i < 40; ++i) {
    picture(fmt::format("images/{}.png", i));
    mask(fmt::format("masks/{}.png", i), {0, 1, 0, 0});
  }
  const std::int64_t train = open()->size();
  const std::int64_t test = open(Split::test)->size();
  EXPECT_EQ(train + test, 40);
  EXPECT_GT(test, 0);
  EXPECT_GT(train, 25);
}

TEST_F(Seg, PicturesWithoutMasksAreCountedAndSaid) {
  for (const std::string name : {"a", "b", "c"}) picture("train/images/" + name + ".png");
  mask("train/masks/b.png", {0, 0, 0, 1});
  const auto train = open();
  EXPECT_EQ(train->size(), 1);
  ASSERT_EQ(train->notes().size(), 1U);
  EXPECT_EQ(without_folder(train->notes()[0]),
            folder_.string() +
                ": 2 pictures have no mask and are left out, the first is train/images/a.png");
  fs::remove(folder_ / "train/masks/b.png");
  EXPECT_EQ(refused(),
            "train/images: none of its 3 pictures has a mask (a PNG of its name) in train/masks");
}

TEST_F(Seg, SaysWhatIsWrong) {
  EXPECT_THAT(refused(), ::testing::HasSubstr("expected images/ and masks/"));
  picture("images/a.png");
  mask("masks/a.png", {0, 1, 0, 1});
  text("train.txt", "a\nb\n");
  EXPECT_EQ(refused(), "train.txt: b: there is no such picture below " + folder_.string());
  text("train.txt", "../a\n");
  EXPECT_EQ(refused(), "train.txt: ../a: expected a file below " + folder_.string());
  text("train.txt", "\n");
  EXPECT_EQ(refused(), "train.txt: it lists no pictures");
  text("train.txt", "a\n");
  EXPECT_EQ(refused(Split::test), folder_.string() + ": it has no test part");
  picture("images/a.png", 8, 6);
  EXPECT_EQ(refused(), "masks/a.png: a mask of 4x3 for images/a.png of 8x6 pixels");
  mask("masks/a.png", {0, 1, 254, 1});
  EXPECT_EQ(refused(),
            "masks/a.png: label 254, but no mask has the label 2: name the classes in "
            "classes.txt, one a line");
  mask("masks/a.png", {255, 255, 255, 255});
  EXPECT_EQ(refused(), folder_.string() + ": its masks are void everywhere");
  write_file(folder_ / "masks/a.png", encode_png(Image(4, 3, 3)));
  EXPECT_EQ(refused(), "masks/a.png: bad PNG: expected grey of up to 8 bits or a palette");
  write_file(folder_ / "masks/a.png", "GIF89a");
  EXPECT_EQ(refused(), "masks/a.png: expected a PNG file");
}

// Two masks of 12 pixels: classes 0, 1 in the one (9 and 3), 0, 2 in the other (6 and 3, 3 void).
TEST_F(Seg, MedianFrequencies) {
  picture("images/a.png");
  picture("images/b.png");
  mask("masks/a.png", {0, 0, 0, 1});
  mask("masks/b.png", {0, 0, 2, 255});
  text("train.txt", "a\nb\n");
  const MaskCensus census = count_masks(*open(), Threads(2));
  EXPECT_EQ(census.pixels, (std::vector<std::int64_t>{15, 3, 3}));
  EXPECT_EQ(census.together, (std::vector<std::int64_t>{21, 12, 9}));
  EXPECT_EQ(census.void_pixels, 3);
  EXPECT_TRUE(census.all_void.empty());
  // Frequencies 15/21, 3/12 and 3/9: the median is 1/3.
  const std::vector<double> weights = median_frequency_weights(census);
  EXPECT_DOUBLE_EQ(weights[0], (1.0 / 3) / (15.0 / 21));
  EXPECT_DOUBLE_EQ(weights[1], (1.0 / 3) / (3.0 / 12));
  EXPECT_DOUBLE_EQ(weights[2], 1);
}

TEST_F(Seg, FindsMasksThatAreVoidEverywhere) {
  picture("images/a.png");
  picture("images/b.png");
  mask("masks/a.png", {255, 255, 255, 255});
  mask("masks/b.png", {0, 0, 0, 1});
  text("train.txt", "a\nb\n");
  EXPECT_EQ(count_masks(*open(), Threads(1)).all_void, std::vector<std::int64_t>{0});
}

TEST(SegCamvid, IsReadAsItLies) {
  const fs::path camvid = shared_data("camvid");
  if (!fs::exists(camvid)) GTEST_SKIP() << "../shared/data/camvid is not here";
  const auto open = [&](Split split) { return open_dataset("seg:" + camvid.string(), split); };
  EXPECT_EQ(open(Split::train)->size(), 367);
  EXPECT_EQ(open(Split::validation)->size(), 101);
  const auto test = open(Split::test);
  EXPECT_EQ(test->size(), 233);
  EXPECT_EQ(test->classes().size(), 11U);
  const Example example = test->get(0);
  EXPECT_EQ(example.picture.width, 480);
  EXPECT_EQ(example.mask.height, 360);
}

}  // namespace
}  // namespace striate
