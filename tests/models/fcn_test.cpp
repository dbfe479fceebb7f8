#include <cmath>

#include "account.h"
#include "nn/count_work.h"
#include "striate/nn/initialize.h"

namespace striate {
namespace {

using namespace testing;

// VGG-16's convolutions have 14,714,688 parameters, its dense layers as convolutions 102,764,544 and
// 16,781,312; scores of 21 classes from 4096, 512 and 256 maps, kernels of 4, 16, 32 and 64 pixels
// from 21 maps to 21.
TEST(Fcn, CountsFromFirstPrinciples) {
  constexpr std::int64_t kVgg = 14714688 + 102764544 + 16781312 + 21 * (4096 + 1);
  const auto up = [](std::int64_t kernel) { return 21 * 21 * kernel * kernel; };
  EXPECT_EQ(account("fcn32s_vgg16").parameters, kVgg + up(64));
  EXPECT_EQ(account("fcn16s_vgg16").parameters, kVgg + 21 * 513 + up(4) + up(32));
  EXPECT_EQ(account("fcn8s_vgg16").parameters, kVgg + 21 * 513 + 21 * 257 + 2 * up(4) + up(16));
}

// The maps of 16x16 scores for a picture of 500 pixels become 544x544 by 16² · 64² · 21²
// multiply-adds: what a transposed convolution costs is set by its input.
TEST(Fcn, UpsamplingCostsByItsInput) {
  for (const SummaryRow& row : account("fcn32s_vgg16").rows) {
    if (row.name != "upscore32") continue;
    EXPECT_EQ(row.output, Shape({1, 21, 544, 544}));
    EXPECT_EQ(row.macs, 462422016);
    return;
  }
  ADD_FAILURE() << "no upscore32";
}

TEST(Fcn, NamesAreVgg16sAndThePapers) {
  expect_parameters("fcn8s_vgg16", {"features.0.weight", "features.28.bias", "classifier.0.weight",
                                    "classifier.3.bias", "score_fr.weight", "score_pool4.weight",
                                    "score_pool3.bias", "upscore2.weight", "upscore_pool4.weight",
                                    "upscore8.weight"});
  expect_parameters("fcn8s_resnet18", {"conv1.weight", "layer4.1.bn2.running_var", "score4.weight",
                                       "score2.bn.bias", "up3.weight", "up.weight"});
}

TEST(Fcn, Trains) {
  expect_trainable({"fcn32s_vgg16", "fcn16s_vgg16", "fcn8s_vgg16", "fcn32s_resnet18",
                    "fcn16s_resnet18", "fcn8s_resnet18"});
}

TEST(Fcn, GivesAScoreForEachPixelOfAnySize) {
  for (const char* name : {"fcn32s_vgg16", "fcn16s_vgg16", "fcn8s_vgg16", "fcn32s_resnet18",
                           "fcn16s_resnet18", "fcn8s_resnet18"}) {
    for (const auto& [height, width] :
         {std::pair<std::int64_t, std::int64_t>{64, 64}, {37, 95}, {33, 48}, {101, 65}, {1, 300}}) {
      const Graph graph =
          models().find(name).build({.height = height, .width = width, .classes = 3});
      EXPECT_EQ(infer_shapes(graph).at("logits").shape, Shape({1, 3, height, width})) << name;
    }
  }
}

TEST(Fcn, CountsAreWhatIsExecuted) {
  expect_counted(models().find("fcn8s_resnet18").build({.height = 37, .width = 33, .classes = 3}));
}

// Enlarging by the first weights is bilinear interpolation, but for the border, which the kernel
// leaves.
TEST(Fcn, UpsamplingBeginsAsInterpolation) {
  for (const std::int64_t factor : {2, 8}) {
    Builder b("both");
    const Value x = b.input("input", {1, 3, 5, 6});
    const Value up = b.upsample("up", x, {.factor = factor});
    const Value resized = b.resize("resize", x, 5 * factor, 6 * factor);
    const Value difference = b.node("Sub", "difference", {up, resized});
    const Value inside =
        b.cut("inside", difference, factor / 2, factor / 2, 4 * factor, 5 * factor);
    const Graph graph = b.finish(inside, "logits");
    Tensor input(DType::f32, {1, 3, 5, 6});
    for (std::int64_t i = 0; i < input.elements(); ++i) {
      input.data<float>()[i] = static_cast<float>(i * i % 17);
    }
    const Tensor found = Program(graph, make_reference_device())
                             .run({{"input", input.view()}}, initialize(graph, 1), "logits");
    for (const float value : found.values<float>()) EXPECT_NEAR(value, 0, 1e-5);
  }
}

// The kernel of Long et al.'s published code for a factor of 2.
TEST(Fcn, BilinearKernelIsThePapers) {
  Builder b("up");
  const Graph graph =
      b.finish(b.upsample("up", b.input("input", {1, 2, 1, 1}), {.factor = 2}), "logits");
  const Weights weights = initialize(graph, 1);
  const auto kernel = weights.at("up.weight").values<float>();
  const float line[] = {0.25, 0.75, 0.75, 0.25};
  for (std::size_t y = 0; y < 4; ++y) {
    for (std::size_t x = 0; x < 4; ++x) {
      EXPECT_EQ(kernel[4 * y + x], line[y] * line[x]);
      EXPECT_EQ(kernel[16 + 4 * y + x], 0) << "from the first map to the second";
      EXPECT_EQ(kernel[48 + 4 * y + x], line[y] * line[x]);
    }
  }
}

// 2+8 and 3+7 are both 10: what a convolution has added up, no transposed one takes apart.
TEST(Fcn, TransposedConvolutionIsNoInverse) {
  Builder b("sum_and_back");
  const Value x = b.input("input", {1, 1, 1, 2});
  const Value kernel =
      b.constant("kernel", Tensor::of<float>({1, 1, 1, 2}, std::vector<float>{1, 1}));
  const Value sum = b.node("Conv", "sum", {x, kernel});
  const Graph graph = b.finish(b.node("ConvTranspose", "back", {sum, kernel}), "logits");
  const Program program(graph, make_cpu_device(1));
  for (const std::vector<float>& pair : {std::vector<float>{2, 8}, {3, 7}}) {
    const Tensor input = Tensor::of<float>({1, 1, 1, 2}, pair);
    const Tensor back = program.run({{"input", input.view()}}, {}, "logits");
    EXPECT_EQ(back.values<float>()[0], 10);
    EXPECT_EQ(back.values<float>()[1], 10);
  }
}

}  // namespace
}  // namespace striate
