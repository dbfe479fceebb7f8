#include "cli/harness.h"
#include "testing/paths.h"

namespace striate {
namespace {

using ::testing::AllOf;
using testing::CommandTest;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class SummaryCommand : public CommandTest {};

TEST_F(SummaryCommand, AccountsForANetwork) {
  const auto json = run("summary cnn --json").json();
  EXPECT_EQ(json.at("total").at("parameters"), 3363690);
  EXPECT_EQ(json.at("layers")[0].at("name"), "conv1");
  EXPECT_EQ(json.at("layers")[0].at("output"), (std::vector<int>{1, 32, 28, 28}));
  EXPECT_EQ(json.at("layers")[0].at("kernel"), (std::vector<int>{3, 3}));
  EXPECT_EQ(json.at("layers")[0].at("padding"), (std::vector<int>{1, 1, 1, 1}));
  EXPECT_EQ(json.at("layers")[3].at("receptive_field"), (std::vector<int>{4, 4}));
  EXPECT_EQ(json.at("layers")[3].at("receptive_stride"), (std::vector<int>{2, 2}));
  EXPECT_EQ(json.at("layers")[3].at("receptive_offset"), (std::vector<int>{-1, -1}));
  EXPECT_EQ(json.at("layers").back().at("receptive_field"), "all");
  EXPECT_EQ(json.at("convention").at("padding"), true);
  const auto text = run("summary cnn").out;
  EXPECT_THAT(text, AllOf(HasSubstr("3,363,690"), HasSubstr("fc1"), HasSubstr("to train with adam"),
                          HasSubstr("Not counted: biases, batch norms, auxiliary heads")));
}

TEST_F(SummaryCommand, OtherSizesAndClasses) {
  const auto json = run("summary resnet20 --input 4x3x64x64 --classes 100 --json").json();
  EXPECT_EQ(json.at("input"), (std::vector<int>{4, 3, 64, 64}));
  EXPECT_EQ(json.at("total").at("parameters"), 269722 + 90 * 65);
}

TEST_F(SummaryCommand, GroupsByBlock) {
  const auto json = run("summary resnet50 --depth 1 --json").json();
  ASSERT_EQ(json.at("layers").size(), 11U);
  EXPECT_EQ(json.at("layers")[4].at("name"), "layer1");
  EXPECT_EQ(json.at("layers")[4].at("parameters"), 215808);
  EXPECT_EQ(json.at("total").at("parameters"), 25557032);
  EXPECT_THAT(run("summary resnet50 --depth 1").out, HasSubstr("nodes"));
}

TEST_F(SummaryCommand, CountsByOtherConventions) {
  const auto macs = [&](const std::string& flags) -> std::int64_t {
    return run("summary lenet5 --json " + flags).json().at("total").at("macs");
  };
  const std::int64_t plain = macs("");
  EXPECT_LT(macs("--no-padding"), plain);
  EXPECT_GT(macs("--bias"), plain);
  EXPECT_EQ(run("summary lenet5 --json").json().at("total").at("operations"), 2 * plain);
  EXPECT_EQ(run("summary googlenet --auxiliary --json").json().at("total").at("parameters"),
            13004888);
  EXPECT_THAT(run("summary lenet5 --operations --bias").out,
              AllOf(HasSubstr("operations (a multiply-add is two)"),
                    HasSubstr("products with padding, biases. Not counted: batch norms")));
}

TEST_F(SummaryCommand, Memory) {
  const auto memory = [&](const std::string& flags) {
    return run("summary cnn --json " + flags).json().at("memory");
  };
  EXPECT_EQ(memory("").at("weights"), 4 * (3363690 + 192));
  EXPECT_EQ(memory("").at("train").get<std::int64_t>() -
                memory("--optimizer sgd").at("train").get<std::int64_t>(),
            2 * 4 * 3363690);
  EXPECT_GT(memory("--input 64x1x28x28").at("run"), memory("").at("run"));
}

TEST_F(SummaryCommand, Markdown) {
  const auto text = run("summary cnn --markdown").out;
  EXPECT_THAT(text, HasSubstr("| layer | operator | output |"));
  EXPECT_THAT(text, HasSubstr("| conv1 | Conv | 1x32x28x28 | 3x3 | 1 | 1 | 288 |"));
  EXPECT_THAT(text, Not(HasSubstr("─")));
}

TEST_F(SummaryCommand, Chains) {
  const auto json = run("summary '32x32x3 -> 5x5x4 -> 5x5x10' --json").json();
  EXPECT_EQ(json.at("total").at("parameters"), 1314);
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
  expect_refused("summary cnn --input 1x2x2",
                 "pool2 (MaxPool): kernel 2x2 does not fit input 1x1 with padding 0; the smallest "
                 "square input that works is 1x4x4");
  expect_refused("summary cn", "did you mean");
  expect_refused("summary cnn --optimizer adamm", "adamm");
}

TEST_F(SummaryCommand, UnrollsRecurrentLayers) {
  const auto outcome = run("summary row_lstm --unroll 28");
  EXPECT_THAT(outcome.out, HasSubstr("recurrent.0.t27.forget"));
  EXPECT_THAT(outcome.out, HasSubstr("Recurrent layers have 512 biases."));
  const auto whole = run("summary row_lstm --json").json();
  const auto unrolled = run("summary row_lstm --unroll 28 --json").json();
  EXPECT_EQ(whole.at("total").at("macs"), unrolled.at("total").at("macs"));
  EXPECT_EQ(whole.at("total").at("parameters"), unrolled.at("total").at("parameters"));
  EXPECT_EQ(whole.at("recurrent_biases").at("two_vectors"), 1024);
  expect_refused("summary row_lstm --unroll 5", "--unroll: row_lstm reads 28 steps");
  expect_refused("summary lenet5 --unroll 5", "has no recurrent layer");
}

}  // namespace
}  // namespace striate
