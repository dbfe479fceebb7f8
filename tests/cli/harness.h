#pragma once

// Runs the built command as a user does and sees what a user sees.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "striate/base/files.h"
#include "striate/codec/image.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate::testing {

namespace fs = std::filesystem;

struct Outcome {
  int status = -1;
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

/// A folder of its own for each test, gone afterwards, and the command run in it.
class CommandTest : public ::testing::Test {
 protected:
  /// `arguments` as a shell reads them.
  Outcome run(const std::string& arguments) const {
    const fs::path out = folder_ / ".out";
    const fs::path err = folder_ / ".err";
    const std::string line = "cd '" + folder_.string() + "' && '" + kCommand + "' " + arguments +
                             " >'" + out.string() + "' 2>'" + err.string() + "' </dev/null";
    const int status = std::system(line.c_str());
    Outcome outcome{.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                    .out = text_of(out),
                    .err = text_of(err)};
    fs::remove(out);
    fs::remove(err);
    return outcome;
  }

  /// Bad input: exit code 2, one line on stderr that holds `part`, nothing on stdout.
  void expect_refused(const std::string& arguments, const std::string& part) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 2) << arguments << "\n" << outcome.err;
    EXPECT_THAT(outcome.err, ::testing::StartsWith("striate: ")) << arguments;
    EXPECT_THAT(outcome.err, ::testing::HasSubstr(part)) << arguments;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.out, "") << arguments;
  }

  static std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  /// A dataset `folder:shapes` anyone can learn: bright pictures on the left or on the right.
  void make_pictures(int each = 40) const {
    for (const std::string side : {"left", "right"}) {
      fs::create_directories(folder_ / "shapes" / side);
      for (int i = 0; i < each; ++i) {
        Image picture(12, 12, 1);
        for (int y = 0; y < 12; ++y) {
          for (int x = 0; x < 12; ++x) {
            const bool bright = (x < 6) == (side == "left");
            picture.row(y)[x] = static_cast<std::uint8_t>(bright ? 180 + (i * 7 + x * y) % 60
                                                                 : (i * 5 + x + y) % 60);
          }
        }
        write_file(folder_ / "shapes" / side / (std::to_string(i) + ".png"), encode_png(picture));
      }
    }
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

}  // namespace striate::testing
