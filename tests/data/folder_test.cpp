#include <set>

#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::refusal;

Bytes flat_png(std::uint8_t value) {
  Image image(4, 3, 1);
  std::fill(image.pixels.begin(), image.pixels.end(), value);
  return encode_png(image);
}

std::vector<int> first_pixels(const Dataset& data) {
  std::vector<int> values;
  for (std::int64_t i = 0; i < data.size(); ++i) values.push_back(data.get(i).picture.pixels[0]);
  return values;
}

TEST(Folder, TakesTrainAndTestWhereTheyLie) {
  const TemporaryFolder folder;
  folder.put("train/dog/b.png", flat_png(3));
  folder.put("train/dog/a.PNG", flat_png(2));
  folder.put("train/cat/z.png", flat_png(1));
  folder.put("train/cat/notes.txt", {1, 2, 3});
  folder.put("train/.cache/x.png", flat_png(0));
  folder.put("val/dog/c.png", flat_png(4));
  const auto train = open_dataset("folder:" + folder.path(), Split::train);
  EXPECT_THAT(train->classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(first_pixels(*train), ElementsAre(1, 2, 3));
  EXPECT_EQ(train->get(0).label, 0);
  EXPECT_EQ(train->get(2).label, 1);
  // A class keeps its number where the other split lacks a class before it.
  const auto test = open_dataset("folder:" + folder.path(), Split::test);
  EXPECT_THAT(test->classes(), ElementsAre("cat", "dog"));
  ASSERT_EQ(test->size(), 1);
  EXPECT_EQ(test->get(0).label, 1);
  EXPECT_EQ(test->get(0).picture.pixels[0], 4);
  folder.put("val/ox/c.png", flat_png(4));
  EXPECT_THAT(refusal([&] { open_dataset("folder:" + folder.path(), Split::test); }),
              HasSubstr("val/ox: a class that the training pictures do not have"));
}

TEST(Folder, IsDividedByNameOtherwise) {
  const TemporaryFolder folder;
  for (int i = 0; i < 200; ++i) {
    folder.put(fmt::format("{}/{}.png", i % 2 == 0 ? "a" : "b", i),
               flat_png(static_cast<std::uint8_t>(i)));
  }
  const auto values = [&](Split split) {
    const auto data = open_dataset("folder:" + folder.path(), split);
    const auto pixels = first_pixels(*data);
    return std::set<int>(pixels.begin(), pixels.end());
  };
  const std::set<int> train = values(Split::train);
  const std::set<int> test = values(Split::test);
  EXPECT_EQ(train.size() + test.size(), 200U);
  EXPECT_GE(test.size(), 8U);
  EXPECT_LE(test.size(), 35U);
  // One more picture moves none of the others.
  folder.put("a/later.png", flat_png(250));
  for (const int value : values(Split::test)) EXPECT_TRUE(value == 250 || test.count(value) == 1);
  for (const int value : values(Split::train)) EXPECT_TRUE(value == 250 || train.count(value) == 1);
}

TEST(Folder, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto outcome = [&](Split split) {
    return refusal([&] {
      const auto data = open_dataset("folder:" + folder.path(), split);
      for (std::int64_t i = 0; i < data->size(); ++i) data->get(i);
    });
  };
  EXPECT_THAT(outcome(Split::train), AllOf(HasSubstr(folder.path()), HasSubstr("got no folders")));
  std::filesystem::create_directories(folder / "cat");
  EXPECT_THAT(outcome(Split::train), HasSubstr("/cat: expected PNG or JPEG pictures"));
  folder.put("cat/a.png", flat_png(1));
  // A single picture lies on one side.
  const bool in_train = outcome(Split::train) == "accepted";
  EXPECT_THAT(outcome(in_train ? Split::test : Split::train), HasSubstr("too few pictures"));
  folder.put("cat/a.png", {1, 2, 3, 4});
  EXPECT_THAT(outcome(in_train ? Split::train : Split::test),
              AllOf(HasSubstr("cat/a.png"), HasSubstr("expected a PNG or JPEG picture")));
  const std::string file = folder / "cat/a.png";
  EXPECT_THAT(refusal([&] { open_dataset("folder:" + file, Split::train); }),
              HasSubstr("expected a folder, got a file"));
}

}  // namespace
}  // namespace striate
