#include "cli/harness.h"
#include "testing/paths.h"

namespace striate {
namespace {

using testing::CommandTest;
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SummaryCommand : public CommandTest {};

TEST_F(SummaryCommand, AccountsForANetwork) {
  const auto json = run("summary cnn --json").json();
  EXPECT_EQ(json.at("total").at("parameters"), 3363690);
  EXPECT_EQ(json.at("layers")[0].at("name"), "conv1");
  EXPECT_EQ(json.at("layers")[0].at("output"), (std::vector<int>{1, 32, 28, 28}));
  const auto text = run("summary cnn").out;
  EXPECT_THAT(text, HasSubstr("3,363,690"));
  EXPECT_THAT(text, HasSubstr("fc1"));
}

TEST_F(SummaryCommand, OtherSizesAndClasses) {
  const auto json = run("summary resnet20 --input 4x3x64x64 --classes 100 --json").json();
  EXPECT_EQ(json.at("input"), (std::vector<int>{4, 3, 64, 64}));
  EXPECT_EQ(json.at("total").at("parameters"), 269722 + 90 * 65);
}

TEST_F(SummaryCommand, ReadsOnnxFiles) {
  const std::string file = std::string(kSourceFolder) + "/fuzz/corpus/onnx/conv.onnx";
  const auto json = run("summary " + file + " --json").json();
  EXPECT_GT(json.at("total").at("macs"), 0);
  EXPECT_EQ(json.at("layers")[0].at("op"), "Conv");
  fs::copy(file, folder_ / "cut.onnx");
  fs::resize_file(folder_ / "cut.onnx", 100);
  expect_refused("summary cut.onnx", "cut.onnx: this is no ONNX file");
}

TEST_F(SummaryCommand, Refuses) {
  expect_refused("summary cnn --input 3x3", "CxHxW");
  expect_refused("summary cnn --input 1x-3x9", "CxHxW");
  expect_refused("summary cnn --input 1x2x2", "pool2 (MaxPool)");
  expect_refused("summary cn", "did you mean");
}

}  // namespace
}  // namespace striate
