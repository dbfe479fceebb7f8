#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Detect : public CommandTest {
 protected:
  // Bright squares on black, in Pascal VOC's folders.
  void make_boxes() const {
    std::string list;
    for (const char* part : {"Annotations", "JPEGImages", "ImageSets/Main"}) {
      testing::fs::create_directories(folder_ / "cells" / part);
    }
    for (int i = 0; i < 12; ++i) {
      Image picture(64, 64, 3);
      const int left = 4 + 3 * i;
      const int top = 40 - 3 * i;
      for (int y = top; y < top + 18; ++y) {
        for (int x = left; x < left + 18; ++x) picture.row(y)[3 * x] = 230;
      }
      const std::string name = "p" + std::to_string(i);
      write_file(folder_ / "cells/JPEGImages" / (name + ".png"), encode_png(picture));
      write_file(
          folder_ / "cells/Annotations" / (name + ".xml"),
          fmt::format("<annotation><size><width>64</width><height>64</height></size><object>"
                      "<name>cell</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
                      "<ymax>{}</ymax></bndbox></object></annotation>",
                      left + 1, top + 1, left + 18, top + 18));
      list += name + '\n';
    }
    for (const char* part : {"train", "val", "test"}) {
      write_file(folder_ / "cells/ImageSets/Main" / (std::string(part) + ".txt"), list);
    }
  }
};

TEST_F(Detect, FromPicturesToBoxes) {
  make_boxes();
  const Outcome trained = run(
      "train yolo --data voc:cells --height 64 --width 64 --grid 8 --epochs 12 --batch 4 --out a");
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("mAP at 0.5"));

  const Outcome text = run("eval a/best.safetensors --data voc:cells --sheet s.png");
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("AP at 0.5"));
  EXPECT_TRUE(testing::fs::exists(folder_ / "s.png"));
  const auto json = run("eval a/best.safetensors --data voc:cells --split val --json").json();
  EXPECT_EQ(json.at("images"), 12);
  EXPECT_GE(json.at("map50").get<double>(), json.at("map").get<double>());
  EXPECT_EQ(json.at("classes")[0].at("objects"), 12);

  const auto found =
      run("detect a/best.safetensors cells/JPEGImages --score 0.01 --out found --json").json();
  ASSERT_EQ(found.at("images").size(), 12U);
  EXPECT_EQ(found.at("images")[0].at("width"), 64);
  EXPECT_TRUE(testing::fs::exists(folder_ / "found/p3.png"));
  EXPECT_THAT(text_of(folder_ / "found/detections.csv"),
              HasSubstr("image,class,score,x1,y1,x2,y2"));
  EXPECT_EQ(nlohmann::json::parse(text_of(folder_ / "found/detections.json")).at("images").size(),
            12U);
  const Outcome table = run("detect a/best.safetensors cells/JPEGImages/p3.png");
  ASSERT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("in 1 pictures"));
  EXPECT_EQ(run("summary yolo").status, 0);

  expect_refused("detect a/best.safetensors", "name pictures, or a folder of them");
  expect_refused("detect a/best.safetensors nowhere.png", "nowhere.png");
  expect_refused("eval a/best.safetensors --data voc:cells --crops 10", "--crops");
  expect_refused("predict a/best.safetensors cells/JPEGImages/p3.png", "yolo is for detection");
}

TEST_F(Detect, DarknetsFiles) {
  const char* cfg =
      "[net]\nheight=32\nwidth=32\nchannels=3\n"
      "[convolutional]\nfilters=7\nsize=3\nstride=8\npad=1\nactivation=linear\n"
      "[yolo]\nmask=0\nanchors=8,8\nnum=1\nclasses=2\n";
  write_file(folder_ / "n.cfg", cfg);
  // Version 0.2.0, eight bytes of pictures seen, then 7 biases and 7 * 3 * 9 weights: all 0.
  write_file(folder_ / "n.weights", Bytes(20 + 4 * (7 + 7 * 27)));
  write_file(folder_ / "n.names", "cat\ndog\n");
  write_file(folder_ / "p.png", encode_png(Image(32, 32, 3)));
  Bytes weights(20 + 4 * (7 + 7 * 27));
  weights[4] = 2;
  write_file(folder_ / "n.weights", weights);
  const auto found =
      run("detect --cfg n.cfg --weights n.weights --names n.names p.png --score 0.2 --json").json();
  const auto& objects = found.at("images")[0].at("objects");
  ASSERT_EQ(objects.size(), 32U);  // 16 boxes of 8 pixels side by side, two classes of 0.25 each
  EXPECT_EQ(objects[0].at("score"), 0.25);
  EXPECT_EQ(found.at("classes")[1], "dog");
  EXPECT_THAT(run("summary n.cfg").out, HasSubstr("conv"));

  // Both classes, in YOLO's format: what `eval` asks of a detector.
  for (const char* part : {"images", "labels"})
    testing::fs::create_directories(folder_ / "y" / part);
  write_file(folder_ / "y/images/1.png", encode_png(Image(32, 32, 3)));
  write_file(folder_ / "y/labels/1.txt", "1 0.125 0.125 0.25 0.25\n");
  write_file(folder_ / "y/classes.txt", "cat\ndog\n");
  const auto scores =
      run("eval --cfg n.cfg --weights n.weights --data yolo:y --split train --json").json();
  EXPECT_GT(scores.at("map50").get<double>(), 0.0);
  EXPECT_TRUE(scores.contains("map"));

  expect_refused("detect --cfg n.cfg p.png", "n.cfg: a network without weights");
  weights.pop_back();
  write_file(folder_ / "n.weights", weights);
  expect_refused("detect --cfg n.cfg --weights n.weights p.png", "n.weights: it ends before");
  write_file(folder_ / "n.cfg", std::string(cfg) + "[yolov9]\n");
  expect_refused("detect --cfg n.cfg --weights n.weights p.png", "n.cfg:16: [yolov9]");
  expect_refused("train n.cfg --data voc:.", "");
}

}  // namespace
}  // namespace striate
