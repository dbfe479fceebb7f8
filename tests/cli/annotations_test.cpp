#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;

class AnnotationsCommand : public CommandTest {
 protected:
  void SetUp() override {
    write_file(folder_ / "a.json", R"({"images": [{"id": 1, "file_name": "a.jpg", "width": 20,
 "height": 10}], "categories": [{"id": 1, "name": "worm"}], "annotations": [
 {"image_id": 1, "category_id": 1, "bbox": [1, 2, 5, 6]},
 {"image_id": 1, "category_id": 1, "bbox": [10, 2, 30, 6]},
 {"image_id": 1, "category_id": 1, "bbox": [3, 3, -1, 2]}]})");
  }
};

TEST_F(AnnotationsCommand, ThroughAllFormatsAndBack) {
  const auto first = run("annotations a.json b --to voc");
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("a.json: line 4: worm: a.jpg of 20x10: outside the picture box "
                                   "10, 2 to 40, 8: clipped"));
  EXPECT_THAT(first.out, HasSubstr("a.json: line 5: worm: a.jpg of 20x10: inverted box"));
  EXPECT_THAT(first.out, HasSubstr("2 boxes of 1 pictures"));
  EXPECT_EQ(run("annotations b c --to yolo --sizes a.json").status, 0);
  EXPECT_EQ(run("annotations c d.json --sizes a.json").status, 0);
  const auto json = nlohmann::json::parse(text_of(folder_ / "d.json"));
  EXPECT_EQ(json.at("annotations").size(), 2U);
  EXPECT_EQ(json.at("annotations")[1].at("bbox"), nlohmann::json::parse("[10.0, 2.0, 10.0, 6.0]"));
  EXPECT_EQ(json.at("categories")[0].at("name"), "worm");
}

TEST_F(AnnotationsCommand, DropsAsAsked) {
  const auto json = run("annotations a.json --boxes drop --json").json();
  EXPECT_EQ(json.at("boxes"), 1);
  EXPECT_EQ(json.at("dropped"), 2);
  EXPECT_EQ(json.at("report").size(), 2U);
}

TEST_F(AnnotationsCommand, Refuses) {
  expect_refused("annotations a.json b", "say which format is meant");
  expect_refused("annotations a.json b --to vocc", "did you mean \"voc\"?");
  expect_refused("annotations a.json a.json", "it exists already");
  expect_refused("annotations a.json --boxes keep", "expected clip or drop");
  expect_refused("annotations b", "no such file or folder");
}

}  // namespace
}  // namespace striate
