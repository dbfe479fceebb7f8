#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/codec/image.h"
#include "striate/data/annotations.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::refusal;
using testing_data::shared_data;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }

std::string object(const std::string& name, const std::string& box, const std::string& more = "") {
  std::string numbers;
  std::size_t at = 0;
  for (const char* side : {"xmin", "ymin", "xmax", "ymax"}) {
    const std::size_t end = box.find(' ', at);
    numbers += fmt::format("<{0}>{1}</{0}>", side, box.substr(at, end - at));
    at = end + 1;
  }
  return fmt::format("<object><name>{}</name>{}\n<bndbox>{}</bndbox></object>\n", name, more,
                     numbers);
}

Bytes annotation(const std::string& objects, int width = 20, int height = 10) {
  return bytes(
      fmt::format("<annotation>\n<filename>a.jpg</filename>\n<size><width>{}</width>"
                  "<height>{}</height></size>\n{}</annotation>\n",
                  width, height, objects));
}

// A picture of 20x10 in Pascal VOC's folders.
struct VocFolder : TemporaryFolder {
  explicit VocFolder(const Bytes& xml) {
    put("Annotations/a.xml", xml);
    put("JPEGImages/a.png", encode_png(Image(20, 10, 3)));
    put("ImageSets/Main/train.txt", bytes("a\n"));
  }
};

TEST(Voc, ReadsBoxesAsEdges) {
  const VocFolder folder(annotation(object("dog", "1 1 20 10") +
                                    object("cat", "3 2 4 5", "<difficult>1</difficult>")));
  const auto data = open_dataset("voc:" + folder.path(), Split::train);
  ASSERT_EQ(data->size(), 1);
  EXPECT_TRUE(data->boxed());
  EXPECT_EQ(data->classes().size(), 20U);  // all names are VOC's
  const Example example = data->get(0);
  ASSERT_EQ(example.objects.size(), 2U);
  EXPECT_EQ(example.objects[0].box, (Box{0, 0, 20, 10}));
  EXPECT_EQ(data->classes()[static_cast<std::size_t>(example.objects[0].label)], "dog");
  EXPECT_EQ(example.objects[1].box, (Box{2, 1, 4, 5}));
  EXPECT_TRUE(example.objects[1].difficult);
  EXPECT_TRUE(data->notes().empty());
}

TEST(Voc, ClassesAreThoseOfAllPartsOrGiven) {
  const VocFolder folder(annotation(object("worm", "1 1 5 5")));
  folder.put("Annotations/b.xml", annotation(object("ant", "1 1 5 5")));
  folder.put("JPEGImages/b.png", encode_png(Image(20, 10, 3)));
  EXPECT_THAT(open_dataset("voc:" + folder.path(), Split::train)->classes(),
              ElementsAre("ant", "worm"));
  folder.put("classes.txt", bytes("worm\nbee\n"));
  EXPECT_THAT(open_dataset("voc:" + folder.path(), Split::train)->classes(),
              ElementsAre("worm", "bee"));
  folder.put("classes.txt", bytes("worms\nbee\n"));
  EXPECT_THAT(refusal([&] { open_dataset("voc:" + folder.path(), Split::train); }),
              HasSubstr("a.xml: line 4: unknown class \"worm\"; did you mean \"worms\"?"));
}

TEST(Voc, MendsAndCountsBadBoxes) {
  const VocFolder folder(annotation(object("dog", "-3 2 30 5") + object("dog", "5 5 4 5") +
                                    object("dog", "9 5 4 5") + object("dog", "40 2 50 5")));
  const auto data = open_dataset("voc:" + folder.path(), Split::train);
  const Example example = data->get(0);
  ASSERT_EQ(example.objects.size(), 1U);
  EXPECT_EQ(example.objects[0].box, (Box{0, 1, 20, 5}));
  ASSERT_EQ(data->notes().size(), 1U);
  EXPECT_THAT(
      data->notes()[0],
      HasSubstr("2 boxes are outside their pictures, 1 empty, 1 inverted: 1 are clipped and "
                "3 left out, the first: "));
  EXPECT_THAT(data->notes()[0], HasSubstr("a.xml: line 5: dog: a.png of 20x10: outside the picture "
                                          "box -4, 1 to 30, 5: clipped"));
}

TEST(Voc, SaysWhatIsWrong) {
  const auto outcome = [](const Bytes& xml) {
    const VocFolder folder(xml);
    return refusal([&] { open_dataset("voc:" + folder.path(), Split::train)->get(0); });
  };
  EXPECT_THAT(outcome(bytes("<annotation>\n<a></annotation>")),
              HasSubstr("a.xml: line 2: not XML"));
  EXPECT_THAT(outcome(bytes("<a/>")), HasSubstr("expected <annotation>"));
  EXPECT_THAT(outcome(annotation(object("dog", "1 1 x 5"))),
              HasSubstr("line 5: xmax: expected a number, got \"x\""));
  EXPECT_THAT(outcome(annotation(object("dog", "1 1 nan 5"))), HasSubstr("expected a number"));
  EXPECT_THAT(outcome(annotation("<object><name>dog</name></object>")),
              HasSubstr("line 4: <object> has no <bndbox>"));
  EXPECT_THAT(
      outcome(annotation("<object><name>dog</name><bndbox><xmin>1</xmin></bndbox></object>")),
      HasSubstr("<bndbox> has no <ymin>"));
  EXPECT_THAT(outcome(annotation("<object></object>")), HasSubstr("<object> has no <name>"));
  EXPECT_THAT(outcome(annotation("", 30, 10)), HasSubstr("a.xml: it says 30x10 pixels, but"));
  EXPECT_THAT(outcome(annotation("", -1, 10)), HasSubstr("expected pixels"));
}

TEST(Voc, ListsMustBeTrue) {
  const VocFolder folder(annotation(""));
  EXPECT_THAT(open_dataset("voc:" + folder.path(), Split::train)->notes(),
              ElementsAre("1 pictures show no objects"));
  EXPECT_EQ(open_dataset("voc:" + folder.path(), Split::validation)->size(), 0);
  EXPECT_THAT(refusal([&] { open_dataset("voc:" + folder.path(), Split::test); }),
              HasSubstr("it has no list of a test part"));
  folder.put("ImageSets/Main/test.txt", bytes("b\n"));
  EXPECT_THAT(refusal([&] { open_dataset("voc:" + folder.path(), Split::test); }),
              HasSubstr("test.txt: b: there is no"));
  folder.put("ImageSets/Main/test.txt", bytes("../a\n"));
  EXPECT_THAT(refusal([&] { open_dataset("voc:" + folder.path(), Split::test); }),
              HasSubstr("without a folder"));
}

TEST(Voc, BloodCells) {
  const auto root = shared_data("bccd") / "BCCD";
  STRIATE_SKIP_WITHOUT(root);
  std::int64_t pictures = 0;
  std::vector<std::int64_t> boxes(3);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const auto data = open_dataset("voc:" + root.string(), split);
    pictures += data->size();
    EXPECT_THAT(data->classes(), ElementsAre("Platelets", "RBC", "WBC"));
    for (std::int64_t i = 0; i < data->size(); ++i) {
      for (const Object& one : data->get(i).objects) ++boxes[static_cast<std::size_t>(one.label)];
    }
  }
  EXPECT_EQ(pictures, 364);
  EXPECT_THAT(boxes, ElementsAre(361, 4155, 372));
}

}  // namespace
}  // namespace striate
