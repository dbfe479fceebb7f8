#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(MaxPool, Gradients) {
  check_operator({.op = "MaxPool",
                  .attributes = {{"kernel_shape", Ints{3, 2}},
                                 {"strides", Ints{2, 1}},
                                 {"pads", Ints{1, 0, 0, 1}}},
                  .inputs = {distinct({2, 3, 6, 5})}});
}

TEST(MaxPool, GradientsOfOneDimensionDilated) {
  check_operator({.op = "MaxPool",
                  .attributes = {{"kernel_shape", Ints{3}}, {"dilations", Ints{2}}},
                  .inputs = {distinct({2, 3, 9})}});
}

TEST(MaxPool, GradientsWithCeilMode) {
  check_operator({.op = "MaxPool",
                  .attributes = {{"kernel_shape", Ints{3, 3}},
                                 {"strides", Ints{2, 2}},
                                 {"ceil_mode", std::int64_t{1}}},
                  .inputs = {distinct({1, 2, 6, 7})}});
}

// The examples of ONNX's documentation: 1 … 25 in five rows.
Input counting(const Shape& shape) {
  std::vector<double> numbers;
  for (std::int64_t i = 1; i <= shape.elements(); ++i) numbers.push_back(static_cast<double>(i));
  return given(shape, numbers);
}

TEST(MaxPool, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "MaxPool",
                        .attributes = {{"kernel_shape", Ints{5, 5}}, {"pads", Ints{2, 2, 2, 2}}},
                        .inputs = {counting({1, 1, 5, 5})}})[0],
            (Numbers{13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25,
                     25, 25, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25}));
  EXPECT_EQ(outputs_of({.op = "MaxPool",
                        .attributes = {{"kernel_shape", Ints{3, 3}},
                                       {"strides", Ints{2, 2}},
                                       {"auto_pad", std::string("SAME_UPPER")}},
                        .inputs = {counting({1, 1, 5, 5})}})[0],
            (Numbers{7, 9, 10, 17, 19, 20, 22, 24, 25}));
  EXPECT_EQ(outputs_of({.op = "MaxPool",
                        .attributes = {{"kernel_shape", Ints{3, 3}},
                                       {"strides", Ints{2, 2}},
                                       {"ceil_mode", std::int64_t{1}}},
                        .inputs = {counting({1, 1, 4, 4})}})[0],
            (Numbers{11, 12, 15, 16}));
  EXPECT_EQ(outputs_of({.op = "MaxPool",
                        .attributes = {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{2, 2}}},
                        .inputs = {counting({1, 1, 4, 4})}})[0],
            (Numbers{11, 12, 15, 16}));
}

TEST(MaxPool, Shapes) {
  const auto shape = [](const Attributes& attributes, const Shape& x) {
    return shape_of({.op = "MaxPool", .attributes = attributes, .inputs = {random(x)}});
  };
  const auto attributes = [](std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                             bool ceil) {
    return Attributes{{"kernel_shape", Ints{kernel, kernel}},
                      {"strides", Ints{stride, stride}},
                      {"pads", Ints{pad, pad, pad, pad}},
                      {"ceil_mode", static_cast<std::int64_t>(ceil)}};
  };
  // ResNet's stem, GoogLeNet's poolings, AlexNet's last.
  EXPECT_EQ(shape(attributes(3, 2, 1, false), {1, 64, 112, 112}), "1x64x56x56");
  EXPECT_EQ(shape(attributes(3, 2, 0, true), {1, 64, 112, 112}), "1x64x56x56");
  EXPECT_EQ(shape(attributes(3, 2, 0, false), {1, 64, 112, 112}), "1x64x55x55");
  EXPECT_EQ(shape(attributes(2, 2, 0, true), {1, 1, 7, 7}), "1x1x4x4");
  EXPECT_EQ(shape(attributes(3, 2, 0, false), {1, 256, 13, 13}), "1x256x6x6");
  // A window that would begin in the padding behind the input is left out.
  EXPECT_EQ(shape(attributes(1, 2, 0, true), {1, 1, 2, 2}), "1x1x1x1");
  EXPECT_EQ(shape(attributes(3, 3, 1, true), {1, 1, 2, 5}), "1x1x1x2");
}

TEST(MaxPool, SaysWhatDoesNotFit) {
  const auto error = [](const Attributes& attributes, const Shape& x) {
    return error_of({.op = "MaxPool", .attributes = attributes, .inputs = {random(x)}});
  };
  EXPECT_EQ(error({}, {1, 1, 4, 4}), "attribute kernel_shape is missing");
  EXPECT_EQ(error({{"kernel_shape", Ints{5, 5}}}, {1, 1, 4, 6}),
            "kernel 5x5 does not fit input 4x6 with padding 0");
  EXPECT_EQ(error({{"kernel_shape", Ints{2, 2}}, {"pads", Ints{2, 0, 0, 0}}}, {1, 1, 4, 4}),
            "expected padding smaller than the window of 2, got 2 and 0");
  EXPECT_EQ(error({{"kernel_size", Ints{2, 2}}}, {1, 1, 4, 4}),
            "unknown attribute kernel_size; did you mean \"kernel_shape\"?");
  EXPECT_EQ(error({{"kernel_shape", std::int64_t{2}}}, {1, 1, 4, 4}),
            "attribute kernel_shape: expected a list, got an integer");
}

TEST(MaxPool, IndicesCountTheInput) {
  OperatorCase test{.op = "MaxPool",
                    .attributes = {{"kernel_shape", std::vector<std::int64_t>{2, 2}}},
                    .inputs = {given({1, 2, 2, 3}, {1, 2, 3, 4, 6, 5, 0, 0, 9, 0, 8, 0})},
                    .outputs = 2};
  EXPECT_EQ(outputs_of(test)[1], (Numbers{4, 4, 10, 8}));
  test.attributes["storage_order"] = std::int64_t{1};
  EXPECT_EQ(outputs_of(test)[1], (Numbers{3, 3, 9, 10}));
  check_operator({.op = "MaxPool",
                  .attributes = {{"kernel_shape", std::vector<std::int64_t>{2, 3}}},
                  .inputs = {distinct({2, 3, 5, 6})},
                  .outputs = 2});
}

}  // namespace
}  // namespace striate
