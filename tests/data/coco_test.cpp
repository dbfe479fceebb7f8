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

const char* const kAnnotations = R"({"images": [
 {"id": 1, "file_name": "a.png", "width": 20, "height": 10},
 {"id": 2, "file_name": "b.png", "width": 20, "height": 10}],
 "categories": [{"id": 5, "name": "worm"}, {"id": 2, "name": "ant"}],
 "annotations": [{"image_id": 2, "category_id": 2, "bbox": [1, 2, 30, 4]}]})";

TEST(Coco, FindsThePartsAndTheirPictures) {
  const TemporaryFolder folder;
  folder.put("annotations/instances_train2017.json", bytes(kAnnotations));
  for (const char* name : {"train2017/a.png", "train2017/b.png"}) {
    folder.put(name, encode_png(Image(20, 10, 3)));
  }
  const auto data = open_dataset("coco:" + folder.path(), Split::train);
  EXPECT_THAT(data->classes(), ElementsAre("worm", "ant"));
  ASSERT_EQ(data->size(), 2);
  EXPECT_TRUE(data->boxed());
  EXPECT_TRUE(data->get(0).objects.empty());
  ASSERT_EQ(data->get(1).objects.size(), 1U);
  EXPECT_EQ(data->get(1).objects[0].label, 1);
  EXPECT_EQ(data->get(1).objects[0].box, (Box{1, 2, 20, 6}));
  ASSERT_EQ(data->notes().size(), 2U);
  EXPECT_THAT(data->notes()[0], HasSubstr("1 boxes are outside"));
  EXPECT_EQ(open_dataset("coco:" + folder.path(), Split::validation)->size(), 0);
  EXPECT_THAT(refusal([&] { open_dataset("coco:" + folder.path(), Split::test); }),
              HasSubstr("it has no test part"));
  folder.put("annotations/instances_train2014.json", bytes(kAnnotations));
  EXPECT_THAT(refusal([&] { open_dataset("coco:" + folder.path(), Split::train); }),
              HasSubstr("could be the train part"));
}

TEST(Coco, AFileAloneIsTheDataset) {
  const TemporaryFolder folder;
  const std::string file = folder.put("all.json", bytes(kAnnotations));
  EXPECT_THAT(refusal([&] { open_dataset("coco:" + file, Split::train); }),
              HasSubstr("all.json: picture a.png: there is none in"));
  folder.put("a.png", encode_png(Image(20, 10, 3)));
  folder.put("images/b.png", encode_png(Image(21, 10, 3)));
  const auto data = open_dataset("coco:" + file, Split::test);
  EXPECT_EQ(data->size(), 2);
  EXPECT_THAT(refusal([&] { data->get(1); }), HasSubstr("it says 20x10 pixels, but"));
}

TEST(Coco, NoPictureIsReadFromElsewhere) {
  const TemporaryFolder folder;
  const std::string file =
      folder.put("a.json", bytes(R"({"images": [{"id": 1, "file_name": "../../etc/passwd"}]})"));
  EXPECT_THAT(refusal([&] { open_dataset("coco:" + file, Split::train); }),
              HasSubstr("without \"..\""));
}

}  // namespace
}  // namespace striate
