#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/codec/image.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::refusal;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }
Bytes picture() { return encode_png(Image(20, 10, 3)); }

TEST(Yolo, ReadsSharesOfThePicture) {
  const TemporaryFolder folder;
  folder.put("classes.txt", bytes("worm\nant\n"));
  folder.put("images/train/a.png", picture());
  folder.put("images/train/b.png", picture());
  folder.put("labels/train/a.txt", bytes("1 0.5 0.5 0.25 0.5\n\n0 0.1 0.5 0.4 1\r\n"));
  const auto data = open_dataset("yolo:" + folder.path(), Split::train);
  EXPECT_THAT(data->classes(), ElementsAre("worm", "ant"));
  ASSERT_EQ(data->size(), 2);
  const auto objects = data->get(0).objects;
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0].label, 1);
  EXPECT_EQ(objects[0].box, (Box{7.5, 2.5, 12.5, 7.5}));
  EXPECT_EQ(objects[1].box, (Box{0, 0, 6, 10}));
  EXPECT_TRUE(data->get(1).objects.empty());
  EXPECT_EQ(data->notes().size(), 2U);
  EXPECT_EQ(open_dataset("yolo:" + folder.path(), Split::validation)->size(), 0);
  EXPECT_THAT(refusal([&] { open_dataset("yolo:" + folder.path(), Split::test); }),
              HasSubstr("it has no test part"));
}

TEST(Yolo, OtherFoldersAndLists) {
  const TemporaryFolder folder;
  folder.put("data.yaml", bytes("train: x\nnames: ['worm', \"ant\", bee]  # three\n"));
  folder.put("valid/images/a.png", picture());
  folder.put("valid/labels/a.txt", bytes("2 0.5 0.5 0.5 0.5"));
  auto data = open_dataset("yolo:" + folder.path(), Split::validation);
  EXPECT_THAT(data->classes(), ElementsAre("worm", "ant", "bee"));
  EXPECT_EQ(data->get(0).objects.at(0).label, 2);
  EXPECT_EQ(open_dataset("yolo:" + folder.path(), Split::test)->size(), 1);

  const TemporaryFolder lists;
  lists.put("data.yaml", bytes("names:\n  0: worm\n  1: ant # small\nnc: 2\n"));
  lists.put("pictures/a.png", picture());
  lists.put("pictures/a.txt", bytes("1 0.5 0.5 0.5 0.5"));
  lists.put("train.txt", bytes("pictures/a.png\n"));
  data = open_dataset("yolo:" + lists.path(), Split::train);
  EXPECT_THAT(data->classes(), ElementsAre("worm", "ant"));
  EXPECT_EQ(data->get(0).objects.size(), 1U);
  lists.put("train.txt", bytes("pictures/b.png\n"));
  EXPECT_THAT(refusal([&] { open_dataset("yolo:" + lists.path(), Split::train); }),
              HasSubstr("train.txt: picture pictures/b.png: there is none"));
}

TEST(Yolo, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_THAT(refusal([&] { open_dataset("yolo:" + folder.path(), Split::train); }),
              HasSubstr("expected the classes' names in data.yaml"));
  folder.put("obj.names", bytes("worm\n"));
  folder.put("images/train/a.png", picture());
  const auto outcome = [&](const std::string& label) {
    folder.put("labels/train/a.txt", bytes(label));
    return refusal([&] { open_dataset("yolo:" + folder.path(), Split::train); });
  };
  EXPECT_THAT(outcome("0 0.5 0.5 0.5"), HasSubstr("a.txt: line 1: expected a class's number"));
  EXPECT_THAT(outcome("\n1 0.5 0.5 0.5 0.5"),
              HasSubstr("line 2: unknown class 1, expected 0 to 0"));
  EXPECT_THAT(outcome("0.5 0.5 0.5 0.5 0.5"), HasSubstr("unknown class 0.5"));
  EXPECT_THAT(outcome("0 0.5 0.5 0.5 inf"), HasSubstr("expected a class's number"));
  EXPECT_EQ(outcome("0 0.5 0.5 0.5 0.5"), "accepted");
  folder.put("data.yaml", bytes("names:\n  0: a\n  2: b\n"));
  EXPECT_THAT(outcome(""), HasSubstr("names: expected \"1: NAME\", got \"2: b\""));
  folder.put("data.yaml", bytes("nc: 2\n"));
  EXPECT_THAT(outcome(""), HasSubstr("expected the classes' \"names:\""));
}

}  // namespace
}  // namespace striate
