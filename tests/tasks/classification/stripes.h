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

/// A folder of its own for each test, and pictures in it to learn.
class StripesTest : public ::testing::Test {
 protected:
  // Stripes along one of two directions, of random phase: nothing a mean could tell apart.
  std::string stripes(int each) const {
    for (int label = 0; label < 2; ++label) {
      const fs::path to = folder_ / "data" / (label == 0 ? "across" : "along");
      fs::create_directories(to);
      for (int i = 0; i < each; ++i) {
        Random random({.seed = 9, .purpose = purpose_of("stripes")},
                      static_cast<std::uint64_t>(2 * i + label));
        const auto phase = static_cast<int>(random.below(4));
        Image picture(16, 16, 1);
        for (int y = 0; y < 16; ++y) {
          for (int x = 0; x < 16; ++x) {
            const int at = (label == 0 ? y : x) + phase;
            picture.row(y)[x] =
                static_cast<std::uint8_t>((at / 2 % 2 == 0 ? 60 : 170) + random.below(50));
          }
        }
        write_file(to / fmt::format("{}.png", i), encode_png(picture));
      }
    }
    return "folder:" + (folder_ / "data").string();
  }

  TrainingSettings settings(const std::string& model, const std::string& data) const {
    TrainingSettings s;
    s.model = model;
    s.data = data;
    s.validation = 0.2;
    s.train.epochs = 2;
    s.train.batch = 16;
    s.train.optimizer.name = "adam";
    return s;
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

}  // namespace striate::testing
