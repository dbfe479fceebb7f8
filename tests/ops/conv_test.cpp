#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Conv, GradientsOfTwoDimensions) {
  check_operator({.op = "Conv",
                  .attributes = {{"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 2, 1}}},
                  .inputs = {random({2, 3, 5, 6}), random({4, 3, 3, 2}), random({4})}});
}

TEST(Conv, GradientsOfOneDimension) {
  check_operator(
      {.op = "Conv",
       .attributes = {{"strides", Ints{2}}, {"pads", Ints{1, 2}}, {"dilations", Ints{2}}},
       .inputs = {random({2, 3, 9}), random({4, 3, 3}), random({4})}});
}

TEST(Conv, GradientsOfGroupsAndDilation) {
  check_operator({.op = "Conv",
                  .attributes = {{"group", std::int64_t{2}},
                                 {"dilations", Ints{2, 1}},
                                 {"auto_pad", std::string("SAME_UPPER")}},
                  .inputs = {random({1, 4, 6, 5}), random({6, 2, 3, 3})}});
}

TEST(Conv, GradientsDepthwise) {
  check_operator({.op = "Conv",
                  .attributes = {{"group", std::int64_t{5}}, {"pads", Ints{1, 1, 1, 1}}},
                  .inputs = {random({2, 5, 4, 4}), random({5, 1, 3, 3}), random({5})}});
}

TEST(Conv, GradientsOfOnePixelKernels) {
  check_operator({.op = "Conv", .inputs = {random({2, 6, 3, 4}), random({5, 6, 1, 1})}});
}

TEST(Conv, GradientsOfThreeByThree) {
  check_operator({.op = "Conv",
                  .attributes = {{"pads", Ints{1, 1, 1, 1}}},
                  .inputs = {random({1, 5, 9, 10}), random({7, 5, 3, 3}), random({7})}});
}

// The example of ONNX's documentation: 0 … 24 in five rows under a kernel of ones.
Input counting() {
  std::vector<double> numbers;
  for (int i = 0; i < 25; ++i) numbers.push_back(i);
  return given({1, 1, 5, 5}, numbers);
}
Input ones() { return given({1, 1, 3, 3}, std::vector<double>(9, 1.0)); }

TEST(Conv, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "Conv", .inputs = {counting(), ones()}})[0],
            (Numbers{54, 63, 72, 99, 108, 117, 144, 153, 162}));
  EXPECT_EQ(outputs_of({.op = "Conv",
                        .attributes = {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}},
                        .inputs = {counting(), ones(), given({1}, {100})}})[0],
            (Numbers{112, 127, 124, 163, 208, 181, 172, 217, 184}));
  EXPECT_EQ(
      outputs_of({.op = "Conv",
                  .attributes = {{"auto_pad", std::string("SAME_LOWER")}, {"strides", Ints{2, 2}}},
                  .inputs = {counting(), ones()}})[0],
      (Numbers{12, 27, 24, 63, 108, 81, 72, 117, 84}));
}

TEST(Conv, PadsOddTotalsWhereAutoPadSays) {
  // One pixel of padding for a kernel of 2: after the row for SAME_UPPER, before it for SAME_LOWER.
  const auto run = [](const std::string& auto_pad) {
    return outputs_of({.op = "Conv",
                       .attributes = {{"auto_pad", auto_pad}},
                       .inputs = {given({1, 1, 3}, {1, 2, 4}), given({1, 1, 2}, {10, 1})}})[0];
  };
  EXPECT_EQ(run("SAME_UPPER"), (Numbers{12, 24, 40}));
  EXPECT_EQ(run("SAME_LOWER"), (Numbers{1, 12, 24}));
  EXPECT_EQ(run("VALID"), (Numbers{12, 24}));
}

TEST(Conv, PlacesTapsAndGroups) {
  // Taps two apart, one pixel of padding before the row and two behind it.
  EXPECT_EQ(outputs_of({.op = "Conv",
                        .attributes = {{"dilations", Ints{2}}, {"pads", Ints{1, 2}}},
                        .inputs = {given({1, 1, 3}, {1, 2, 4}), given({1, 1, 2}, {10, 1})}})[0],
            (Numbers{2, 14, 20, 40}));
  // Two groups: outputs 0 and 1 see channel 0, outputs 2 and 3 channel 1.
  EXPECT_EQ(outputs_of({.op = "Conv",
                        .attributes = {{"group", std::int64_t{2}}},
                        .inputs = {given({1, 2, 1}, {3, 5}), given({4, 1, 1}, {1, 10, 100, 1000}),
                                   given({4}, {0.5, 0, 0, 0.25})}})[0],
            (Numbers{3.5, 30, 500, 5000.25}));
}

TEST(Conv, Shapes) {
  const auto shape = [](const Attributes& attributes, const Shape& x, const Shape& w) {
    return shape_of({.op = "Conv", .attributes = attributes, .inputs = {random(x), random(w)}});
  };
  // AlexNet's first layer (torchvision's), a stride that leaves pixels over, a row.
  EXPECT_EQ(shape({{"strides", Ints{4, 4}}, {"pads", Ints{2, 2, 2, 2}}}, {2, 3, 224, 224},
                  {64, 3, 11, 11}),
            "2x64x55x55");
  EXPECT_EQ(shape({{"strides", Ints{2, 3}}}, {1, 1, 8, 8}, {1, 1, 3, 3}), "1x1x3x2");
  EXPECT_EQ(shape({{"dilations", Ints{3}}}, {1, 2, 10}, {4, 2, 3}), "1x4x4");
  EXPECT_EQ(shape({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{2, 2}}}, {1, 1, 7, 8},
                  {1, 1, 5, 5}),
            "1x1x4x4");
  EXPECT_EQ(shape({}, {0, 3, 5, 5}, {2, 3, 5, 5}), "0x2x1x1");
}

TEST(Conv, CostAndWindow) {
  const OperatorCase test{.op = "Conv",
                          .attributes = {{"strides", Ints{2, 1}},
                                         {"pads", Ints{1, 0, 1, 0}},
                                         {"dilations", Ints{1, 2}},
                                         {"group", std::int64_t{2}}},
                          .inputs = {random({2, 4, 8, 8}), random({6, 2, 3, 3})}};
  const auto inputs = infos_of(test, draw_inputs(test), DType::f32);
  const auto op = make(test);
  const auto outputs = op->infer(inputs);
  ASSERT_EQ(outputs[0].shape.str(), "2x6x4x4");
  const Cost cost = op->cost(inputs, outputs);
  EXPECT_EQ(cost.macs, 2 * 4 * 4 * 6 * 2 * 9);
  // One row of taps lies in the padding above, for the first of four output rows.
  EXPECT_EQ(cost.padding, 2 * 1 * 4 * 6 * 2 * 3);
  EXPECT_EQ(cost.bias, 0);
  const Window window = op->window(inputs);
  EXPECT_EQ(window.kind, Window::Kind::sliding);
  EXPECT_EQ(window.h.extent(), 3);
  EXPECT_EQ(window.h.stride, 2);
  EXPECT_EQ(window.h.pad, 1);
  EXPECT_EQ(window.w.extent(), 5);
  EXPECT_EQ(window.w.stride, 1);
  EXPECT_EQ(window.w.pad, 0);
}

TEST(Conv, SaysWhatDoesNotFit) {
  const auto error = [](const Attributes& attributes, const std::vector<Input>& inputs) {
    return error_of({.op = "Conv", .attributes = attributes, .inputs = inputs});
  };
  EXPECT_EQ(error({}, {random({1, 4, 28, 28}), random({32, 3, 3, 3})}),
            "expected an input of 3 channels (weights 32x3x3x3), got 1x4x28x28");
  EXPECT_EQ(error({{"group", std::int64_t{2}}}, {random({1, 4, 8, 8}), random({4, 4, 3, 3})}),
            "expected an input of 4 x 2 groups channels (weights 4x4x3x3), got 1x4x8x8");
  EXPECT_EQ(error({}, {random({1, 1, 3, 3}), random({1, 1, 5, 5})}),
            "kernel 5x5 does not fit input 3x3 with padding 0");
  EXPECT_EQ(error({{"dilations", Ints{4, 4}}, {"pads", Ints{1, 0, 1, 0}}},
                  {random({1, 1, 5, 5}), random({1, 1, 3, 3})}),
            "kernel 3x3 with dilation 4x4 does not fit input 5x5 with padding 1,0,1,0");
  EXPECT_EQ(error({{"kernel_shape", Ints{2, 2}}}, {random({1, 1, 5, 5}), random({1, 1, 3, 3})}),
            "expected weights of kernel_shape 2x2, got 1x1x3x3");
  EXPECT_EQ(error({{"group", std::int64_t{0}}}, {random({1, 1, 5, 5}), random({1, 1, 3, 3})}),
            "expected a group that divides the 1 output channels, got 0");
  EXPECT_EQ(error({{"strides", Ints{1}}}, {random({1, 1, 5, 5}), random({1, 1, 3, 3})}),
            "strides: expected 2 numbers of at least 1, got [1]");
  EXPECT_EQ(error({{"pads", Ints{0, 0, -1, 0}}}, {random({1, 1, 5, 5}), random({1, 1, 3, 3})}),
            "pads: expected 4 numbers of at least 0, got [0, 0, -1, 0]");
  EXPECT_EQ(error({{"auto_pad", std::string("SAME")}}, {random({1, 1, 5}), random({1, 1, 3})}),
            "auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got SAME");
  EXPECT_EQ(error({}, {random({1, 3, 5, 5}), random({2, 3, 3})}),
            "expected weights float64 of rank 4 for input 1x3x5x5, got float64 2x3x3");
  EXPECT_EQ(error({}, {random({1, 3}), random({2, 3, 3})}),
            "expected an input N,C,W or N,C,H,W, got 1x3");
  EXPECT_EQ(error({}, {random({1, 3, 5, 5}), random({2, 3, 3, 3}), random({3})}),
            "expected a bias float64 2, got float64 3");
  EXPECT_EQ(error({}, {random({1, 3, 5, 5}), nothing()}), "input 1 (W) is missing");
}

}  // namespace
}  // namespace striate
