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
