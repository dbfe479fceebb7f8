#pragma once

#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/codec/image.h"
#include "striate/tasks/settings.h"
#include "testing/temporary_folder.h"

namespace striate::testing {

namespace fs = std::filesystem;

/// A folder of its own for each test, and in it pictures of 64x64 with a red and a green rectangle each
/// under noise, in Pascal VOC's folders.
class SquaresTest : public ::testing::Test {
 protected:
  std::string squares(int train, int val = 4) const {
    std::string lists[2];
    for (const char* folder : {"Annotations", "JPEGImages", "ImageSets/Main"}) {
      fs::create_directories(data_ / folder);
    }
    for (int i = 0; i < train + val; ++i) {
      Random random({.seed = 4, .purpose = purpose_of("squares")}, static_cast<std::uint64_t>(i));
      Image picture(64, 64, 3);
      for (std::uint8_t& byte : picture.pixels) {
        byte = static_cast<std::uint8_t>(40 + random.below(40));
      }
      std::string objects;
      for (int label = 0; label < 2; ++label) {
        const int w = 14 + static_cast<int>(random.below(12));
        const int h = 14 + static_cast<int>(random.below(12));
        const int left = static_cast<int>(random.below(static_cast<std::uint64_t>(64 - w)));
        const int top = 32 * label + static_cast<int>(random.below(static_cast<std::uint64_t>(32 - h)));
        for (int y = top; y < top + h; ++y) {
          for (int x = left; x < left + w; ++x) picture.row(y)[3 * x + label] = 220;
        }
        objects += fmt::format(
            "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
            "<ymax>{}</ymax></bndbox></object>",
            label == 0 ? "red" : "green", left + 1, top + 1, left + w, top + h);
      }
      const std::string name = fmt::format("p{}", i);
      put("Annotations/" + name + ".xml",
          fmt::format("<annotation><size><width>64</width><height>64</height></size>{}</annotation>",
                      objects));
      write_file(data_ / "JPEGImages" / (name + ".png"), encode_png(picture));
      lists[i < train ? 0 : 1] += name + '\n';
    }
    put("classes.txt", "red\ngreen\n");
    put("ImageSets/Main/train.txt", lists[0]);
    put("ImageSets/Main/val.txt", lists[1]);
    put("ImageSets/Main/test.txt", lists[1]);
    return "voc:" + data_.string();
  }

  void put(const std::string& name, const std::string& text) const {
    write_file(data_ / name, Bytes(text.begin(), text.end()));
  }

  TrainingSettings settings(const std::string& data) const {
    TrainingSettings s;
    s.model = "yolo";
    s.data = data;
    s.segmentation.height = s.segmentation.width = 64;
    s.detection.network.grid = 8;
    s.train.epochs = 2;
    s.train.batch = 4;
    s.train.optimizer.name = "adam";
    return s;
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
  fs::path data_ = folder_ / "data";
};

}  // namespace striate::testing
