#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(AveragePool, Gradients) {
  for (const std::int64_t count_include_pad : {0, 1}) {
    check_operator({.op = "AveragePool",
                    .attributes = {{"kernel_shape", Ints{3, 2}},
                                   {"strides", Ints{2, 1}},
                                   {"pads", Ints{1, 0, 0, 1}},
                                   {"count_include_pad", count_include_pad}},
                    .inputs = {random({2, 3, 6, 5})}});
  }
}

TEST(AveragePool, GradientsOfOneDimensionWithCeilMode) {
  for (const std::int64_t count_include_pad : {0, 1}) {
    check_operator({.op = "AveragePool",
                    .attributes = {{"kernel_shape", Ints{3}},
                                   {"strides", Ints{2}},
                                   {"pads", Ints{1, 1}},
                                   {"ceil_mode", std::int64_t{1}},
                                   {"count_include_pad", count_include_pad}},
                    .inputs = {random({2, 3, 8})}});
  }
}

TEST(AveragePool, DividesByWhatItIsToldToCount) {
  const auto run = [](std::int64_t count_include_pad, std::int64_t ceil_mode) {
    return outputs_of({.op = "AveragePool",
                       .attributes = {{"kernel_shape", Ints{3}},
                                      {"strides", Ints{2}},
                                      {"pads", Ints{1, 0}},
                                      {"ceil_mode", ceil_mode},
                                      {"count_include_pad", count_include_pad}},
                       .inputs = {given({1, 1, 5}, {3, 6, 9, 12, 15})}})[0];
  };
  EXPECT_EQ(run(0, 0), (Numbers{4.5, 9}));
  EXPECT_EQ(run(1, 0), (Numbers{3, 9}));
  // The third window reaches past the end, where there is no padding to count.
  EXPECT_EQ(run(0, 1), (Numbers{4.5, 9, 13.5}));
  EXPECT_EQ(run(1, 1), (Numbers{3, 9, 13.5}));
}

TEST(AveragePool, KnownValues) {
  std::vector<double> numbers;
  for (int i = 1; i <= 25; ++i) numbers.push_back(i);
  // ONNX's test_averagepool_2d_precomputed_pads and …_same_upper.
  const auto padded =
      outputs_of({.op = "AveragePool",
                  .attributes = {{"kernel_shape", Ints{5, 5}}, {"pads", Ints{2, 2, 2, 2}}},
                  .inputs = {given({1, 1, 5, 5}, numbers)}})[0];
  EXPECT_EQ(padded, (Numbers{7,  7.5,  8,  8.5,  9,  9.5,  10, 10.5, 11, 11.5, 12, 12.5, 13, 13.5,
                             14, 14.5, 15, 15.5, 16, 16.5, 17, 17.5, 18, 18.5, 19}));
  EXPECT_EQ(outputs_of({.op = "AveragePool",
                        .attributes = {{"kernel_shape", Ints{3, 3}},
                                       {"strides", Ints{2, 2}},
                                       {"auto_pad", std::string("SAME_UPPER")}},
                        .inputs = {given({1, 1, 5, 5}, numbers)}})[0],
            (Numbers{4, 5.5, 7, 11.5, 13, 14.5, 19, 20.5, 22}));
}

}  // namespace
}  // namespace striate
