#include "striate/data/annotations.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/codec/image.h"

namespace striate {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::refusal;
using testing_data::shared_data;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }

// What is said, whatever the order: a line a box, coordinates rounded to pixels.
std::vector<std::string> content(const Annotations& all) {
  std::vector<std::string> lines;
  for (const AnnotatedPicture& picture : all.pictures) {
    for (const Annotation& one : picture.annotations) {
      const Box& box = one.object.box;
      lines.push_back(fmt::format(
          "{} {} {:.0f} {:.0f} {:.0f} {:.0f}", fs::path(picture.name).stem().string(),
          all.classes[static_cast<std::size_t>(one.object.label)], box.x1, box.y1, box.x2, box.y2));
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Three boxes of two pictures, one of them difficult.
Annotations some() {
  Annotations all{.classes = {"cat", "dog"}};
  all.pictures.push_back({.name = "a.png", .width = 40, .height = 30});
  all.pictures.push_back({.name = "b.png", .width = 64, .height = 48});
  all.pictures[0].annotations = {{.object = {.box = {1.5, 2, 20, 30}, .label = 1}},
                                 {.object = {.box = {0, 0, 40, 30}, .difficult = true}}};
  all.pictures[1].annotations = {{.object = {.box = {16, 12, 32, 36}, .label = 1}}};
  return all;
}

void expect_same(const Annotations& a, const Annotations& b) {
  ASSERT_EQ(a.classes, b.classes);
  ASSERT_EQ(a.pictures.size(), b.pictures.size());
  for (std::size_t p = 0; p < a.pictures.size(); ++p) {
    EXPECT_EQ(fs::path(a.pictures[p].name).stem(), fs::path(b.pictures[p].name).stem());
    EXPECT_EQ(a.pictures[p].width, b.pictures[p].width);
    ASSERT_EQ(a.pictures[p].annotations.size(), b.pictures[p].annotations.size());
    for (std::size_t i = 0; i < a.pictures[p].annotations.size(); ++i) {
      const Object& one = a.pictures[p].annotations[i].object;
      const Object& other = b.pictures[p].annotations[i].object;
      EXPECT_EQ(one.label, other.label);
      EXPECT_NEAR(one.box.x1, other.box.x1, 1e-9);
      EXPECT_NEAR(one.box.y1, other.box.y1, 1e-9);
      EXPECT_NEAR(one.box.x2, other.box.x2, 1e-9);
      EXPECT_NEAR(one.box.y2, other.box.y2, 1e-9);
    }
  }
}

TEST(Annotations, WrittenAndReadBackTheyAreTheSame) {
  const TemporaryFolder folder;
  const Annotations all = some();
  const auto back = [&](const char* format, const std::string& name) {
    write_annotations(all, folder / name, annotation_format(format));
    EXPECT_THAT(refusal([&] { write_annotations(all, folder / name, annotation_format(format)); }),
                HasSubstr("it exists already"));
    return read_annotations(folder / name, {.sizes = folder / "a.json"});
  };
  const Annotations coco = back("coco", "a.json");
  expect_same(coco, all);
  EXPECT_TRUE(coco.pictures[0].annotations[1].object.difficult);
  expect_same(back("yolo", "b"), all);
  const Annotations voc = back("voc", "c");  // whose classes are VOC's twenty
  EXPECT_EQ(content(voc), content(all));
  EXPECT_EQ(voc.pictures[0].annotations[0].object.box, (Box{1.5, 2, 20, 30}));
  EXPECT_TRUE(voc.pictures[0].annotations[1].object.difficult);
}

TEST(Annotations, NothingHalfWrittenIsLeft) {
  const TemporaryFolder folder;
  Annotations all = some();
  all.pictures[1].width = 0;
  EXPECT_THAT(refusal([&] { write_annotations(all, folder / "out", AnnotationFormat::yolo); }),
              HasSubstr("the size of picture b.png is not known"));
  all.pictures[1].name = "elsewhere/a.jpg";
  EXPECT_THAT(refusal([&] { write_annotations(all, folder / "out", AnnotationFormat::voc); }),
              HasSubstr("another one would be written as a too"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Annotations, SevenFormatsSayTheSame) {
  const fs::path root = shared_data("ap") / "same_gt_many_formats";
  STRIATE_SKIP_WITHOUT(root);
  const AnnotationOptions options{.voc_edges = true,
                                  .sizes = root / "coco_format_v1" / "instances_default.json"};
  const auto expected = content(read_annotations(root / "coco_format_v1"));
  EXPECT_EQ(expected.size(), 273U);
  for (const char* format : {"coco_format_v2", "cvat_format", "imagenet_format",
                             "openimages_format", "pascalvoc_format", "yolo_format"}) {
    EXPECT_EQ(content(read_annotations(root / format, options)), expected) << format;
  }
}

TEST(Annotations, MendsAsAsked) {
  Annotations all{.classes = {"cat"}};
  all.pictures.push_back({.name = "a.png", .width = 20, .height = 10, .source = "a.txt"});
  const auto add = [&](const Box& box) {
    all.pictures[0].annotations.push_back({.object = {.box = box}, .line = 7});
  };
  add({0, 0, 20, 10});
  add({-5, 2, 25, 8});
  add({3, 3, 3, 9});
  add({9, 3, 3, 9});
  add({30, 3, 40, 9});
  Annotations other = all;
  const BoxReport clipped = mend(all, BadBoxes::clip);
  EXPECT_EQ(clipped.outside, 2);
  EXPECT_EQ(clipped.empty, 1);
  EXPECT_EQ(clipped.inverted, 1);
  EXPECT_EQ(clipped.clipped, 1);
  EXPECT_EQ(clipped.dropped, 3);
  ASSERT_EQ(all.pictures[0].annotations.size(), 2U);
  EXPECT_EQ(all.pictures[0].annotations[1].object.box, (Box{0, 2, 20, 8}));
  EXPECT_THAT(clipped.lines[0], HasSubstr("a.txt: line 7: cat: a.png of 20x10: outside the picture "
                                          "box -5, 2 to 25, 8: clipped"));
  EXPECT_EQ(mend(other, BadBoxes::drop).dropped, 4);
  EXPECT_EQ(other.pictures[0].annotations.size(), 1U);
  EXPECT_EQ(mend(other, BadBoxes::drop).bad(), 0);
}

TEST(Annotations, FoundIsHeldAgainstTruthByNameOrId) {
  const TemporaryFolder folder;
  const auto truth = read_annotations(folder.put(
      "truth.json", bytes(R"({"images": [{"id": 7, "file_name": "x/a.jpg", "width": 9, "height": 9},
 {"id": 9, "file_name": "b.jpg"}], "categories": [{"id": 3, "name": "cat"}],
 "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 1,
 "area": 5.5, "segmentation": [[1, 2, {"size": [1]}]]}]})")));
  EXPECT_TRUE(truth.pictures[0].annotations[0].object.crowd);
  EXPECT_EQ(truth.pictures[0].annotations[0].object.area, 5.5);
  EXPECT_EQ(truth.pictures[0].annotations[0].object.box, (Box{1, 2, 4, 6}));
  EXPECT_EQ(truth.pictures[0].annotations[0].line, 3);
  const auto results = [&](const std::string& text) {
    return align_detections(read_annotations(folder.put("found.json", bytes(text))), truth);
  };
  const auto by_id =
      results(R"([{"image_id": 9, "category_id": 3, "bbox": [0, 0, 5, 5], "score": 0.25}])");
  EXPECT_EQ(by_id.found[1].at(0).score, 0.25);
  EXPECT_EQ(by_id.pictures_without, 1);
  EXPECT_EQ(by_id.truth[0].size(), 1U);
  folder.put("lines/a.txt", bytes("cat 0.5 1 2 3 4\n"));
  EXPECT_EQ(align_detections(read_annotations(folder / "lines"), truth).found[0].at(0).box,
            (Box{1, 2, 4, 6}));
  folder.put("t.csv", bytes("image,class,score,x1,y1,x2,y2\nb.png,cat,0.75,1,2,3,4\n"));
  EXPECT_EQ(align_detections(read_annotations(folder / "t.csv"), truth).found[1].at(0).box,
            (Box{1, 2, 3, 4}));
  EXPECT_THAT(refusal([&] {
                results(R"([{"image_id": 8, "category_id": 3, "bbox": [0,0,5,5], "score": 1}])");
              }),
              HasSubstr("found.json: picture 8 is not in the truth"));
  EXPECT_THAT(refusal([&] {
                results(R"([{"image_id": 9, "category_id": 4, "bbox": [0,0,5,5], "score": 1}])");
              }),
              HasSubstr("class \"4\" is not in the truth"));
  EXPECT_THAT(
      refusal([&] { results(R"([{"image_id": 9, "category_id": 3, "bbox": [0,0,5,5]}])"); }),
      HasSubstr("line 1: a box without a score"));
}

TEST(Annotations, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto outcome = [&](const std::string& name, const std::string& text) {
    const std::string path = folder.put(name, bytes(text));
    return refusal([&] { read_annotations(path); });
  };
  EXPECT_THAT(outcome("a.json", "{\"images\": [\n{]"), HasSubstr("a.json: line 2: not JSON"));
  EXPECT_THAT(outcome("a.json", "{}"), HasSubstr("expected COCO's \"images\""));
  EXPECT_THAT(outcome("a.json", "[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3]}]"),
              HasSubstr("expected \"bbox\": [x, y, width, height]"));
  EXPECT_THAT(outcome("a.json", "[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3, {}]}]"),
              HasSubstr("expected \"bbox\""));
  EXPECT_THAT(outcome("a.json", "[{\"category_id\": 1, \"bbox\": [1, 2, 3, 4]}]"),
              HasSubstr("an annotation has no \"image_id\""));
  EXPECT_THAT(outcome("a.json", "{\"images\": [{\"id\": 1, \"file_name\": \"a\", \"width\": -1}]}"),
              HasSubstr("\"width\": expected pixels"));
  EXPECT_THAT(outcome("a.json",
                      "{\"images\": [{\"id\": 1, \"file_name\": \"a\"}, {\"id\": 1, "
                      "\"file_name\": \"a\"}]}"),
              HasSubstr("a second image with the id 1"));
  EXPECT_THAT(outcome("a.json",
                      "{\"images\": [], \"annotations\": [{\"image_id\": 1, "
                      "\"category_id\": 1, \"bbox\": [1, 2, 3, 4]}]}"),
              HasSubstr("there is no image with the id 1"));
  EXPECT_THAT(outcome("a.csv", "image,class,x1,y1,x2\na,b,1,2,3\n"), HasSubstr("expected columns"));
  EXPECT_THAT(outcome("a.csv", "image,class,x1,y1,x2,y2\na,b,1,2,3,4\na,b,1,2,3,x\n"),
              HasSubstr("a.csv: line 3: y2: expected a number, got \"x\""));
  EXPECT_THAT(outcome("a.xml",
                      "<?xml version=\"1.0\"?><annotations><image name=\"a\" width=\"5\" "
                      "height=\"5\">\n<box label=\"b\" xtl=\"1\"/></image></annotations>"),
              HasSubstr("a.xml: line 2: ytl: expected a number, got \"\""));
  EXPECT_THAT(outcome("a.gif", ""), HasSubstr("expected a JSON, XML or CSV file"));
  EXPECT_THAT(outcome("empty/README", ""), HasSubstr("expected a JSON, XML or CSV file"));
  EXPECT_THAT(refusal([&] { read_annotations(folder / "empty"); }),
              HasSubstr("no annotations that are known here"));
  folder.put("lines/a.txt", bytes("cat 1 2 3 4\ncat 1 2 3\n"));
  EXPECT_THAT(refusal([&] { read_annotations(folder / "lines"); }),
              HasSubstr("a.txt: line 2: expected \"class [score] x y width height\""));
  EXPECT_THAT(refusal([] { annotation_format("cocoo"); }), HasSubstr("did you mean \"coco\"?"));
}

// Deep nesting and long names take no more than the file.
TEST(Annotations, StandsWhatAnAttackerWrites) {
  const TemporaryFolder folder;
  const std::string deep(1 << 20, '[');
  EXPECT_THAT(refusal([&] { read_annotations(folder.put("a.json", bytes(deep))); }),
              HasSubstr("not JSON"));
  std::string nested;
  for (int i = 0; i < 200000; ++i) nested += "<a>";
  EXPECT_THAT(refusal([&] { read_annotations(folder.put("a.xml", bytes(nested))); }),
              HasSubstr("not XML"));
}

}  // namespace
}  // namespace striate
