#include "striate/formats/chain.h"

#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/graph/summary.h"

namespace striate {
namespace {

Shape output_of(const std::string& text) {
  return infer_shapes(read_chain(text).graph).at("logits").shape;
}
Summary account(const std::string& text) { return summarize(read_chain(text).graph); }

std::string error_of(const std::string& text) {
  try {
    read_chain(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Chain, TheLecturesStack) {
  const std::string text = "32x32x3 -> 5x5x4 -> 5x5x10";
  EXPECT_EQ(read_chain(text).input, Shape({1, 3, 32, 32}));
  EXPECT_EQ(output_of(text), Shape({1, 10, 24, 24}));
  const Summary summary = account(text);
  EXPECT_EQ(summary.rows[0].output, Shape({1, 4, 28, 28}));
  EXPECT_EQ(summary.parameters, 5 * 5 * 3 * 4 + 4 + 5 * 5 * 4 * 10 + 10);
  EXPECT_EQ(summary.biases, 14);
  EXPECT_EQ(output_of("32×32×3 → 5×5×4→5×5×10"), output_of(text));
}

// Stride and padding do not change a layer's weights.
TEST(Chain, Modifiers) {
  for (const char* text : {"56x56x128 -> 3x3x64 nobias", "56x56x128 -> 3x3x64/2p1 nobias",
                           "56x56x128 -> 3x3x64 same d2 nobias"}) {
    EXPECT_EQ(account(text).parameters, 73728) << text;
  }
  EXPECT_EQ(output_of("56x56x128 -> 3x3x64 /2 p1"), Shape({1, 64, 28, 28}));
  EXPECT_EQ(output_of("9x8x4 -> 2x3x4 same g4"), Shape({1, 4, 9, 8}));
  EXPECT_EQ(account("9x8x4 -> 2x3x4 same g4").parameters, 6 * 4 + 4);
  EXPECT_EQ(output_of("16x16x21 -> 64x64x21/32t"), Shape({1, 21, 544, 544}));
  EXPECT_EQ(output_of("9x9x2 -> max3/2 -> avg2x1 -> bn -> relu"), Shape({1, 2, 2, 4}));
  EXPECT_EQ(output_of("9x9x2 -> gap -> dense 7 nobias"), Shape({1, 7}));
}

// A dense layer and the convolution that it is.
TEST(Chain, DenseHeadsAreConvolutions) {
  EXPECT_EQ(account("4x4x16 -> dense 10 nobias").parameters, 2560);
  EXPECT_EQ(account("4x4x16 -> 4x4x10 nobias").parameters, 2560);
}

TEST(Chain, Branches) {
  const std::string block =
      "28x28x192 -> [1x1x64 | 1x1x96 -> 3x3x128 p1 | 1x1x16 -> 5x5x32 p2 | max3/1 p1 -> 1x1x32]";
  EXPECT_EQ(output_of(block), Shape({1, 256, 28, 28}));
  EXPECT_EQ(account(block).parameters - account(block).biases, 163328);
  EXPECT_EQ(output_of("8x8x3 -> [| [1x1x2 | 1x1x4] -> relu] -> gap"), Shape({1, 9, 1, 1}));
}

TEST(Chain, TakesAnotherSize) {
  const ChainNetwork network = read_chain("8x8x3 -> 3x3x4", Shape{5, 9, 7});
  EXPECT_EQ(network.input, Shape({1, 5, 9, 7}));
  EXPECT_EQ(infer_shapes(network.graph).at("logits").shape, Shape({1, 4, 7, 5}));
}

TEST(Chain, SaysWhatIsWrong) {
  EXPECT_EQ(error_of("8x8 -> 3x3x4"), "chain: \"8x8\": expected a size, height x width x channels");
  EXPECT_EQ(error_of("8x8x3 ->"), "chain: expected layers behind 8x8x3 ->");
  EXPECT_EQ(error_of("8x8x3 -> -> relu"), "chain: expected a layer on both sides of an arrow");
  EXPECT_EQ(error_of("8x8x3 -> 3x3"),
            "chain: \"3x3\": expected a kernel's height x width x the channels that come out, such "
            "as 3x3x8");
  EXPECT_EQ(error_of("8x8x3 -> 3x3x4 q2"),
            "chain: \"3x3x4 q2\": expected /2, p1, same, d2, g2, t or nobias, got \"q2\"");
  EXPECT_EQ(error_of("8x8x3 -> 3x3x4/0"),
            "chain: \"3x3x4/0\": expected a stride from 1 to 4096, got \"0\"");
  EXPECT_EQ(error_of("8x8x3 -> conv"),
            "chain: \"conv\": expected 3x3x8, max2, avg2, gap, dense 10, bn, relu or [… | …]");
  EXPECT_EQ(error_of("8x8x3 -> 3x3x4 g2"),
            "chain: \"3x3x4 g2\": 2 groups do not divide 3 channels into 4");
  EXPECT_EQ(error_of("8x8x3 -> gap -> dense 4 -> 1x1x2"),
            "chain: \"1x1x2\": it stands behind a layer that has no pixels");
  EXPECT_EQ(error_of("8x8x3 -> [1x1x2 | 3x3x2]"),
            "chain: \"[1x1x2 | 3x3x2]\": expected branches of one size, got 1x2x8x8 and 1x2x6x6");
  EXPECT_EQ(error_of("8x8x3 -> [1x1x2"), "chain: \"[1x1x2\": expected ] at the end");
  EXPECT_EQ(error_of("8x8x3 -> 9x9x2"),
            "chain: \"9x9x2\": conv1 (Conv): kernel 9x9 does not fit input 8x8 with padding 0");
  EXPECT_THROW(read_chain("8x8x3 -> 9x9x2"), OutOfPixels);
}

// A short text must not ask for a large memory or a long time.
TEST(Chain, BoundsWhatATextCanAskFor) {
  EXPECT_EQ(error_of("1x1x1048576 -> dense 1048576 -> relu"),
            "chain: \"dense 1048576\": the network has more than 4294967296 weights");
  EXPECT_EQ(error_of("8x8x3 -> " + std::string(20, '[')),
            "chain: \"[[[[[[[[[[[[[[[[[[[[\": expected ] at the end");
  EXPECT_EQ(error_of("8x8x3 -> " + std::string(40, '[') + std::string(40, ']')),
            "chain: branches lie more than 16 deep");
  std::string long_one = "8x8x3";
  for (int i = 0; i < 5000; ++i) long_one += "->relu";
  EXPECT_EQ(error_of(long_one), "chain: expected at most 4096 layers");
  EXPECT_EQ(error_of(std::string(70000, ' ')), "chain: expected at most 65536 bytes, got 70000");
}

}  // namespace
}  // namespace striate
