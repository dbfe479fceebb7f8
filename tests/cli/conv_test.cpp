#include "cli/harness.h"

namespace striate {
namespace {

using ::testing::AllOf;
using testing::CommandTest;
using ::testing::HasSubstr;
using ::testing::Not;

class ConvCommand : public CommandTest {};

TEST_F(ConvCommand, FillsInTheFormula) {
  const auto text = run("conv --input 227x227x3 --kernel 11 --stride 4 --filters 96").out;
  EXPECT_THAT(text, HasSubstr("input + 2·padding = kernel + stride·(output - 1) + unused"));
  EXPECT_THAT(text, HasSubstr("227 + 2·0 = 11 + 4·(55 - 1)\n"));
  EXPECT_THAT(text, HasSubstr("227x227x3 -> 55x55x96"));
  EXPECT_THAT(text, HasSubstr("11·11·3·96 = 34,848, biases 96, multiply-adds 105,415,200"));
}

TEST_F(ConvCommand, DrawsWhatAnOutputSees) {
  EXPECT_THAT(run("conv --input 6 --kernel 3 --stride 2").out, HasSubstr(R"(
Rounding down leaves 1 pixel at the end unused.

input       ooooo-
output 0    ███···
output 1    ··███·
)"));
  EXPECT_THAT(run("conv --input 5 --kernel 2 --dilation 3 --padding 1").out,
              AllOf(HasSubstr("5 + 2·1 = (3·(2 - 1) + 1) + 1·(4 - 1)"), HasSubstr(R"(
input       pooooop
output 0    █··█···
output 1    ·█··█··
)")));
}

TEST_F(ConvCommand, ListsEveryStrideAndPadding) {
  const auto answers = run("conv --input 5 --output 3 --kernel 3 --json").json().at("answers");
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[2].at("formula"), "5 + 2·2 = 3 + 3·(3 - 1)");
  EXPECT_EQ(answers[0].at("stride"), 1);
  EXPECT_EQ(answers[0].at("padding"), 0);
  EXPECT_EQ(answers[1].at("stride"), 2);
  EXPECT_EQ(answers[1].at("padding"), 1);
  const auto text = run("conv --input 224 --output 112 --kernel 7").out;
  EXPECT_THAT(text, HasSubstr("224 + 2·3 = 7 + 2·(112 - 1) + 1"));
  EXPECT_THAT(run("conv --input 64 --output 32").out, HasSubstr("more: say more of what you know"));
}

TEST_F(ConvCommand, Chains) {
  const auto json = run("conv '32x32x3 -> 5x5x4 -> 5x5x10' --json").json();
  EXPECT_EQ(json.at("layers")[0].at("output"), (std::vector<int>{4, 28, 28}));
  EXPECT_EQ(json.at("layers")[1].at("formula"), "28 + 2·0 = 5 + 1·(24 - 1)");
  EXPECT_EQ(json.at("total").at("weights"), 5 * 5 * 3 * 4 + 5 * 5 * 4 * 10);
  EXPECT_THAT(run("conv '32x32x3 -> 5x5x4 -> 5x5x10'").out,
              AllOf(HasSubstr("24x24x10"), HasSubstr("1,300 are weights and 14 biases")));
}

// 2 + 8 and 3 + 7 are both 10: nothing can know which it was.
TEST_F(ConvCommand, TransposedIsNoInverse) {
  const auto text = run("conv --input 3 --kernel 3 --stride 2 --padding 1 --transposed").out;
  EXPECT_THAT(text, HasSubstr("5 + 2·1 = 3 + 2·(3 - 1)"));
  EXPECT_THAT(text, HasSubstr("no inverse"));
  EXPECT_THAT(text, HasSubstr("2 and 8 under the kernel [1 1] become 10"));
  EXPECT_THAT(
      text,
      HasSubstr("3 and 7 under the kernel [1 1] become 10; transposed, 10 becomes 10 and 10"));
  EXPECT_THAT(text, HasSubstr(R"(
input       ooo
output 0    █··
output 1    ██·
output 2    ·█·
)"));
}

TEST_F(ConvCommand, DrawsIntoFiles) {
  EXPECT_THAT(run("conv --input 7 --kernel 3 --stride 2 --padding 1 --out a.png").out,
              HasSubstr("wrote a.png"));
  const Image picture = decode_image(read_file(folder_ / "a.png"), "a.png");
  EXPECT_GT(picture.width, picture.height);
  run("conv --input 3 --kernel 3 --transposed --out a.svg");
  EXPECT_THAT(text_of(folder_ / "a.svg"), HasSubstr("output 5x5"));
}

TEST_F(ConvCommand, Refuses) {
  expect_refused("conv", "expected an input or an output");
  expect_refused("conv --input 3 --kernel 5", "no convolution does that");
  expect_refused("conv --input 3y --kernel 5", "expected a side or HxWxC, got 3y");
  expect_refused("conv --input 9x8x3 --kernel 5", "give a chain");
  expect_refused("conv 32x32x3", "expected a chain such as");
  expect_refused("conv '32x32x3 -> 3x3'", "a kernel's height x width");
  expect_refused("conv --input 9x9x4 --kernel 3 --filters 6 --groups 4", "4 groups do not divide");
  expect_refused("conv --input 500 --kernel 3 --out a.png", "room for 100 pixels");
  expect_refused("conv --input 9 --output 5 --out a.png", "expected one answer to draw");
}

}  // namespace
}  // namespace striate
