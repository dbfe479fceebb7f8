#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;

class ScoreCommand : public CommandTest {
 protected:
  void SetUp() override {
    write_file(folder_ / "truth.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}],
 "categories": [{"id": 1, "name": "cat"}], "annotations": [
 {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]},
 {"image_id": 1, "category_id": 1, "bbox": [3, 0, 10, 10]}]})");
    write_file(folder_ / "found.csv",
               "image,class,score,x1,y1,x2,y2\na.jpg,cat,0.9,0,0,10,10\na.jpg,cat,0.8,1,0,11,10\n");
  }
};

TEST_F(ScoreCommand, SaysWhichBoxesMakeTheDifference) {
  const auto json =
      run("score found.csv truth.json --compare voc,coco --curves c.png --json").json();
  EXPECT_EQ(json.at("voc"), 0.5);
  EXPECT_NEAR(json.at("coco").get<double>(), 1, 1e-12);
  EXPECT_EQ(json.at("coco_summary").at("APl"), nullptr);
  EXPECT_EQ(json.at("compare").at("boxes")[0].at("voc"), "wrong");
  EXPECT_EQ(json.at("compare").at("boxes")[0].at("coco"), "right");
  EXPECT_GT(testing::fs::file_size(folder_ / "c.png"), 1000U);
  const std::string text = run("score found.csv truth.json --compare voc,coco:0.9").out;
  EXPECT_THAT(text, HasSubstr("cat"));
  EXPECT_THAT(text, HasSubstr("APs"));
  EXPECT_THAT(run("score found.csv truth.json --compare voc,coco").out,
              HasSubstr("+50.00 % by 1 boxes that they judge differently"));
}

TEST_F(ScoreCommand, CountsPixelsInsideIfAsked) {
  // IoU of 100 / 190 with edges between pixels, 121 / 220 with the last pixel inside.
  write_file(folder_ / "one.csv", "image,class,score,x1,y1,x2,y2\na.jpg,cat,0.9,0,-9,10,10\n");
  EXPECT_EQ(run("score one.csv truth.json --overlap 0.54 --json").json().at("voc"), 0);
  EXPECT_EQ(run("score one.csv truth.json --overlap 0.54 --inclusive --json").json().at("voc"),
            0.5);
}

TEST_F(ScoreCommand, Refuses) {
  expect_refused("score found.csv truth.json --compare voc,cocoo", "did you mean \"coco\"?");
  expect_refused("score found.csv truth.json --compare voc", "expected two of voc07");
  expect_refused("score truth.json truth.json", "truth.json: line 3: a box without a score");
  expect_refused("score nothing.json truth.json", "nothing.json: no such file");
}

}  // namespace
}  // namespace striate
