// Detectors in darknet's format; against darknet itself where Debian's package is installed.

#include "striate/formats/darknet.h"

#include <cmath>
#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/detection/detector.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kBackbone =
    "[net]\nheight=64\nwidth=96\nchannels=3\nbatch=1\n"
    "[convolutional]\nfilters=8\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n"
    "[maxpool]\nsize=2\nstride=2\n"
    "[convolutional]\nfilters=12\nsize=3\npad=1\nactivation=leaky\n"
    "[maxpool]\nsize=2\nstride=2\n"
    "[maxpool]\nsize=2\nstride=1\n";

std::string third() {
  return std::string(kBackbone) +
         "[convolutional]\nfilters=16\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
         "[convolutional]\nfilters=16\nsize=1\nactivation=linear\n"
         "[yolo]\nmask=1,2\nanchors=8,6, 20,30, 40,24\nnum=3\nclasses=3\n"
         "[route]\nlayers=-3\n[upsample]\nstride=2\n[route]\nlayers=-1,4\n"
         "[convolutional]\nfilters=8\nsize=1\nactivation=linear\n"
         "[yolo]\nmask=0\nanchors=8,6, 20,30, 40,24\nnum=3\nclasses=3\n";
}

std::string second(bool softmax) {
  return std::string(kBackbone) +
         "[convolutional]\nfilters=8\nsize=3\nstride=1\npad=1\nactivation=leaky\n"
         "[reorg]\nstride=2\n"
         "[convolutional]\nfilters=16\nsize=1\nactivation=linear\n"
         "[region]\nanchors=1.1,0.7, 3.5,2.2\nnum=2\nclasses=3\ncoords=4\n" +
         (softmax ? "softmax=1\n" : "");
}

std::string first() {
  return std::string(kBackbone) +
         "[connected]\noutput=117\nactivation=linear\n"
         "[detection]\nclasses=3\ncoords=4\nside=3\nnum=2\nsqrt=1\nsoftmax=1\n";
}

Weights drawn(const Graph& graph) {
  Weights weights = initialize(graph, 5);
  for (auto& [name, tensor] : weights) {
    if (tensor.shape().rank() != 1) continue;
    Random random({.seed = 2, .purpose = purpose_of(name)}, 0);
    const bool positive = name.ends_with("running_var") || name.ends_with("bn.weight");
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      tensor.data<float>()[i] =
          static_cast<float>(positive ? random.uniform(0.5, 1.5) : random.uniform(-0.5, 0.5));
    }
  }
  return weights;
}

// Rectangles in noise, of another form than the network's input.
Image picture() {
  Image image(120, 70, 3);
  Random random({.seed = 9, .purpose = purpose_of("picture")}, 0);
  for (std::uint8_t& byte : image.pixels) byte = static_cast<std::uint8_t>(random.below(90));
  for (int y = 20; y < 50; ++y) {
    for (int x = 30; x < 80; ++x) image.row(y)[3 * x + 1] = 240;
  }
  return image;
}

struct DarknetBoxes : ::testing::Test {
  const TemporaryFolder folder;

  std::unique_ptr<Detector> detector(const std::string& cfg) {
    const Graph graph = read_darknet(cfg, "n.cfg").graph;
    write_file(folder / "n.cfg", cfg);
    write_file(folder / "n.weights", write_darknet_weights(graph, drawn(graph)));
    ModelCard card{.model = "n.cfg", .definition = cfg, .classes = {"a", "b", "c"}};
    card.preprocessing = {
        .channels = 3, .height = 64, .width = 96, .mean = {0, 0, 0}, .deviation = {1, 1, 1}};
    return load_detector(folder / "n.weights", make_cpu_device(1), card);
  }
};

struct Line {
  std::int64_t label;
  double score, x, y, w, h;
};

TEST_F(DarknetBoxes, AreDarknets) {
  const char* other = std::getenv("STRIATE_DARKNET");
  const std::string library = other != nullptr ? other : "/usr/lib/darknet/libdarknet.so";
  if (!std::filesystem::exists(library)) {
    GTEST_SKIP() << library << " is absent: install darknet";
  }
  write_file(folder / "p.png", encode_png(picture()));
  for (const std::string& cfg : {third(), second(true), second(false), first()}) {
    SCOPED_TRACE(cfg.substr(cfg.rfind('[')));
    constexpr double kLeast = 0.12;
    constexpr double kOverlap = 0.45;
    const auto here = detector(cfg);
    std::vector<Detection> found =
        here->detect(picture(), {.score = kLeast, .overlap = kOverlap, .most = 100000}).detections;
    const std::string line = fmt::format(
        "/usr/bin/python3 '{}/tests/tasks/detection/darknet_boxes.py' '{}' {} {} {} {} {} 3 {} >{} "
        "2>/dev/null",
        kSourceFolder, library, folder / "n.cfg", folder / "n.weights", folder / "p.png", kLeast,
        kOverlap, cfg == first() ? "dense" : "map", folder / "boxes.txt");
    ASSERT_EQ(std::system(line.c_str()), 0);
    const Bytes bytes = read_file(folder / "boxes.txt");
    std::istringstream text(std::string(bytes.begin(), bytes.end()));
    std::vector<Line> there;
    for (Line one{}; text >> one.label >> one.score >> one.x >> one.y >> one.w >> one.h;) {
      there.push_back(one);
    }
    EXPECT_GT(there.size(), 4U);
    ASSERT_EQ(found.size(), there.size());
    for (const Line& one : there) {
      const Box box =
          intersection({one.x - one.w / 2, one.y - one.h / 2, one.x + one.w / 2, one.y + one.h / 2},
                       {0, 0, 120, 70});
      const auto same = std::find_if(found.begin(), found.end(), [&](const Detection& mine) {
        return mine.label == one.label && std::abs(mine.score - one.score) < 1e-4 &&
               std::abs(mine.box.x1 - box.x1) < 0.02 && std::abs(mine.box.y1 - box.y1) < 0.02 &&
               std::abs(mine.box.x2 - box.x2) < 0.02 && std::abs(mine.box.y2 - box.y2) < 0.02;
      });
      ASSERT_NE(same, found.end()) << one.label << " " << one.score << " " << one.x << " " << one.y;
      found.erase(same);
    }
  }
}

// A square picture in the middle of a wide one, and boxes come back to where they were.
TEST_F(DarknetBoxes, StayInThePicture) {
  const auto here = detector(third());
  const Image square(50, 50, 3);
  for (const Detection& one : here->detect(square, {.score = 0.05}).detections) {
    EXPECT_GE(one.box.x1, 0);
    EXPECT_LE(one.box.x2, 50);
  }
}

TEST_F(DarknetBoxes, SayWhatDoesNotFit) {
  const auto refusal = [](const std::string& cfg) {
    try {
      read_darknet(cfg, "n.cfg");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string begin = std::string(kBackbone) + "[convolutional]\nfilters=16\n";
  EXPECT_EQ(refusal(begin + "[yolo]\nclasses=4\nnum=2\n"),
            "n.cfg:28: [yolo]: expected 18 channels before it, got 16");
  EXPECT_EQ(refusal(begin + "[yolo]\nclasses=3\nnum=2\nmask=0,2\n"),
            "n.cfg:31: [yolo]: mask: expected boxes from 0 to 1, got 2");
  EXPECT_EQ(refusal(begin + "[region]\nclasses=3\nnum=2\nanchors=1,2,3\n"),
            "n.cfg:31: [region]: anchors: expected two numbers for each of num=2, got 3");
  EXPECT_EQ(refusal(begin + "[region]\nclasses=3\nnum=2\nanchors=1,2,x,4\n"),
            "n.cfg:31: [region]: anchors: expected numbers separated by commas, got 1,2,x,4");
  EXPECT_EQ(refusal(begin + "[region]\nclasses=3\nnum=2\ntree=a.tree\n"),
            "n.cfg:31: [region]: tree: classes in a tree are not known here");
  EXPECT_EQ(refusal(begin + "[reorg]\nstride=3\n"),
            "n.cfg:29: [reorg]: stride: a map of 16x16x24 cannot be reorganized by 3");
  EXPECT_EQ(refusal(begin + "[yolo]\nclasses=3\nnum=2\n[yolo]\nclasses=3\nnum=2\n"),
            "n.cfg:31: [yolo]: the layer before it has such a section already");
  EXPECT_THAT(refusal(begin + "[detection]\nclasses=3\ncoords=4\nside=3\n"),
              HasSubstr("expected 72 numbers before it"));
  EXPECT_THAT(refusal(begin + "[yolo]\nclases=3\n"), HasSubstr("did you mean \"classes\"?"));
}

TEST_F(DarknetBoxes, WeightsOfTheWrongLengthAreSaid) {
  detector(third());
  Bytes weights = read_file(folder / "n.weights");
  weights.resize(weights.size() - 4);
  write_file(folder / "n.weights", weights);
  ModelCard card{.model = "n.cfg", .definition = third(), .classes = {"a", "b", "c"}};
  card.preprocessing = {
      .channels = 3, .height = 64, .width = 96, .mean = {0, 0, 0}, .deviation = {1, 1, 1}};
  try {
    load_detector(folder / "n.weights", make_cpu_device(1), card);
    FAIL() << "a file that ends too soon";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("n.weights: it ends before layer11.conv.weight"));
  }
}

}  // namespace
}  // namespace striate
