#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/codec/image.h"
#include "striate/tasks/settings.h"
#include "testing/temporary_folder.h"

namespace striate::testing {

namespace fs = std::filesystem;

/// A folder of its own for each test, and pictures in it whose pixels' classes can be learnt: a red
/// and a green half, divided at a random place, under noise.
class FieldsTest : public ::testing::Test {
 protected:
  std::string fields(int train, int test = 4) const {
    for (int i = 0; i < train + test; ++i) {
      const fs::path part = folder_ / "data" / (i < train ? "train" : "test");
      fs::create_directories(part / "images");
      fs::create_directories(part / "masks");
      Random random({.seed = 4, .purpose = purpose_of("fields")}, static_cast<std::uint64_t>(i));
      const int border = 12 + static_cast<int>(random.below(24));
      Image picture(48, 40, 3);
      Image mask(48, 40, 1);
      for (int y = 0; y < 40; ++y) {
        for (int x = 0; x < 48; ++x) {
          const bool left = x < border;
          for (int c = 0; c < 3; ++c) {
            const int level = c == (left ? 0 : 1) ? 150 : 60;
            picture.row(y)[3 * x + c] = static_cast<std::uint8_t>(level + random.below(60));
          }
          mask.row(y)[x] = y == 0 ? 255 : left ? 0 : 1;
        }
      }
      const std::string name = std::to_string(i) + ".png";
      write_file(part / "images" / name, encode_png(picture));
      write_file(part / "masks" / name, encode_png(mask));
    }
    return "seg:" + (folder_ / "data").string();
  }

  TrainingSettings settings(const std::string& data) const {
    TrainingSettings s;
    s.model = "fcn8s_resnet18";
    s.data = data;
    s.validation = 0.2;
    s.train.epochs = 2;
    s.train.batch = 4;
    s.train.optimizer.name = "adam";
    return s;
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

}  // namespace striate::testing
