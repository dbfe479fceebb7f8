#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ConvertCommand : public CommandTest {
 protected:
  void put(const std::string& name, std::string_view content) const {
    write_file(folder_ / name, content);
  }
  std::string content(const std::string& name) const { return text_of(folder_ / name); }
};

TEST_F(ConvertCommand, GoesRoundThroughEveryFormat) {
  EXPECT_THAT(run("convert cnn a.safetensors --seed 7").out,
              HasSubstr("wrote a.safetensors: cnn, 16 tensors, 3,363,882 numbers"));
  EXPECT_THAT(run("convert a.safetensors b.pth").out, HasSubstr("wrote b.pth: cnn, "));
  // Nobody says any more what these are of; their names and shapes do.
  EXPECT_THAT(run("convert b.pth c.onnx").out, HasSubstr("its names and shapes are those of cnn"));
  EXPECT_THAT(run("summary c.onnx").out, HasSubstr("3,363,690"));
  const auto json = run("convert c.onnx d.safetensors --json").json();
  EXPECT_EQ(json.at("tensors"), 16);
  EXPECT_EQ(run("convert d.safetensors e.pt").status, 0);
  EXPECT_EQ(content("e.pt"), content("b.pth"));
  EXPECT_EQ(run("convert a.safetensors f.onnx").status, 0);
  EXPECT_EQ(content("f.onnx"), content("c.onnx"));
}

TEST_F(ConvertCommand, KnowsDarknet) {
  put("n.cfg",
      "[net]\nheight=8\nwidth=8\nchannels=1\n[convolutional]\nfilters=3\nsize=3\npad=1\n"
      "batch_normalize=1\nactivation=leaky\n[avgpool]\n[connected]\noutput=2\n"
      "activation=linear\n");
  EXPECT_EQ(run("convert n.cfg a.weights").status, 0);
  expect_refused("convert a.weights b.safetensors", "name the .cfg file of their network");
  EXPECT_EQ(run("convert a.weights b.safetensors --model n.cfg").status, 0);
  EXPECT_EQ(run("convert b.safetensors c.weights").status, 0);
  EXPECT_EQ(content("c.weights"), content("a.weights"));
  EXPECT_EQ(run("convert b.safetensors d.onnx").status, 0);
  EXPECT_EQ(run("summary d.onnx").status, 0);
  expect_refused("convert cnn e.weights", "for networks of .cfg files alone");
}

TEST_F(ConvertCommand, SaysWhatDoesNotFit) {
  ASSERT_EQ(run("convert resnet20 a.pth").status, 0);
  expect_refused("convert a.pth b.safetensors --model lenet5",
                 "a.pth: the weights do not fit lenet5 (did you mean \"resnet20\"?): ");
  expect_refused("convert a.pth b.safetensors --model lenet5", " missing: ");
  expect_refused("convert a.pth b.safetensors --model lenet5", " not in the model: ");
  EXPECT_FALSE(fs::exists(folder_ / "b.safetensors"));
}

TEST_F(ConvertCommand, MakesDenseLayersConvolutional) {
  make_pictures();
  ASSERT_EQ(run("train lenet5 --data folder:shapes --batch 16 --lr 0.01 --epochs 3 --out a").status,
            0);
  const auto said = run("convert a/best.safetensors b.safetensors --convolutional");
  ASSERT_EQ(said.status, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("c5.weight 120x400 -> 120x16x5x5"));
  EXPECT_THAT(said.out, HasSubstr("61,"));
  // The same network at its own size, a map beyond it, as ONNX too.
  const std::string picture = " shapes/left/1.png --json";
  const auto before = run("predict a/best.safetensors" + picture).json();
  const auto after = run("predict b.safetensors" + picture).json();
  EXPECT_NEAR(before["predictions"][0]["top"][0]["probability"].get<double>(),
              after["predictions"][0]["top"][0]["probability"].get<double>(), 1e-6);
  EXPECT_EQ(run("eval b.safetensors --data folder:shapes").status, 0);
  EXPECT_EQ(run("convert b.safetensors c.onnx").status, 0);
  Image wide(60, 40, 1);
  write_file(folder_ / "wide.png", encode_png(wide));
  const auto map = run("predict b.safetensors wide.png --heatmap h.png --json");
  ASSERT_EQ(map.status, 0) << map.err;
  EXPECT_EQ(map.json().at("probabilities").size(), 4U);
  EXPECT_EQ(map.json().at("probabilities")[0].size(), 9U);
  EXPECT_EQ(read_image(folder_ / "h.png").height, 40 + 44);
  EXPECT_EQ(run("predict a/best.safetensors wide.png --heatmap h2.png --class left").status, 0);
  EXPECT_EQ(content("h2.png").empty(), false);
  expect_refused("predict a/best.safetensors wide.png --heatmap h.png --class lef",
                 "did you mean \"left\"?");
  expect_refused("predict a/best.safetensors wide.png wide.png --heatmap h.png",
                 "--heatmap: expected one picture, got 2");
  expect_refused("predict a/best.safetensors shapes/left/1.png --heatmap h.png",
                 "a heat map needs one as large as the network's 28x28");
}

TEST_F(ConvertCommand, Refuses) {
  expect_refused("convert cnn", "OUT is required");
  expect_refused("convert cnm a.pth", "did you mean \"cnn\"?");
  expect_refused("convert cnn a.pht", "did you mean \"pth\"?");
  expect_refused("convert none.pth a.onnx", "none.pth");
  put("broken.pth", "PK\x03\x04 and nothing more");
  expect_refused("convert broken.pth a.safetensors", "broken.pth: not a whole zip archive");
}

}  // namespace
}  // namespace striate
