#include "striate/nn/conv_arithmetic.h"

#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

std::int64_t output_of(std::int64_t input, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding, std::int64_t dilation = 1) {
  const auto found = solve({.input = input,
                            .kernel = kernel,
                            .stride = stride,
                            .padding = padding,
                            .dilation = dilation});
  return found.answers.empty() ? 0 : found.answers.at(0).output;
}

TEST(ConvArithmetic, TheLecturesCases) {
  EXPECT_EQ(output_of(4, 3, 1, 0), 2);
  EXPECT_EQ(output_of(5, 3, 1, 1), 5);
  EXPECT_EQ(output_of(5, 3, 2, 0), 2);
  EXPECT_EQ(output_of(5, 3, 2, 1), 3);
  EXPECT_EQ(output_of(7, 3, 1, 0), 5);
  EXPECT_EQ(output_of(7, 3, 2, 0), 3);
  EXPECT_EQ(output_of(32, 5, 1, 0), 28);
  EXPECT_EQ(output_of(227, 11, 4, 0), 55);
  EXPECT_EQ(output_of(7, 3, 1, 0, 3), 1);
  EXPECT_EQ(output_of(6, 3, 1, 0, 3), 0);
}

TEST(ConvArithmetic, LeavesPixelsUnused) {
  const auto found = solve({.input = 224, .kernel = 7, .stride = 2, .padding = 3});
  ASSERT_EQ(found.answers.size(), 1U);
  EXPECT_EQ(found.answers[0],
            (ConvAnswer{
                .input = 224, .kernel = 7, .stride = 2, .padding = 3, .output = 112, .unused = 1}));
}

// Every answer holds, and every combination that the shape rule of Conv allows is an answer.
TEST(ConvArithmetic, FindsAllThatTheOperatorAllows) {
  for (std::int64_t input = 1; input <= 9; ++input) {
    for (std::int64_t output = 1; output <= 9; ++output) {
      for (std::int64_t dilation = 1; dilation <= 2; ++dilation) {
        std::vector<ConvAnswer> expected;
        for (std::int64_t kernel = 1; dilation * (kernel - 1) + 1 <= input; ++kernel) {
          const std::int64_t span = dilation * (kernel - 1) + 1;
          for (std::int64_t stride = 1; stride <= span; ++stride) {
            for (std::int64_t padding = 0; padding < span; ++padding) {
              const std::int64_t room = input + 2 * padding - span;
              if (room < 0 || room / stride + 1 != output) continue;
              expected.push_back({input, kernel, stride, padding, output, room % stride});
              Builder b("x");
              const Value x = b.input("input", {1, 1, input, input});
              const Value y = b.conv("conv", x,
                                     {.out = 1,
                                      .kernel = kernel,
                                      .stride = stride,
                                      .padding = padding,
                                      .dilation = dilation});
              ASSERT_EQ(b.shape(y)[2], output);
            }
          }
        }
        const auto found = solve({.input = input, .output = output, .dilation = dilation}, 10000);
        EXPECT_EQ(found.answers, expected) << input << " to " << output;
        for (const ConvAnswer& a : expected) {
          const auto inputs = solve({.kernel = a.kernel,
                                     .stride = a.stride,
                                     .padding = a.padding,
                                     .output = output,
                                     .dilation = dilation});
          EXPECT_NE(std::find(inputs.answers.begin(), inputs.answers.end(), a),
                    inputs.answers.end());
        }
      }
    }
  }
}

TEST(ConvArithmetic, Transposed) {
  const auto one = solve({.input = 16, .kernel = 64, .stride = 32, .transposed = true});
  ASSERT_EQ(one.answers.size(), 1U);
  EXPECT_EQ(one.answers[0].output, 544);
  EXPECT_EQ(one.answers[0].unused, 0);
  // Back from 112: 224 is 223 and one pixel of output padding.
  const auto back = solve(
      {.input = 112, .kernel = 7, .stride = 2, .padding = 3, .output = 224, .transposed = true});
  ASSERT_EQ(back.answers.size(), 1U);
  EXPECT_EQ(back.answers[0].unused, 1);
}

TEST(ConvArithmetic, SaysWhichInputsAreSeen) {
  using Pixels = std::vector<std::int64_t>;
  const ConvAnswer conv{.input = 5, .kernel = 3, .stride = 2, .padding = 1, .output = 3};
  EXPECT_EQ(seen_by(conv, 1, false, 0), (Pixels{-1, 0, 1}));
  EXPECT_EQ(seen_by(conv, 2, false, 1), (Pixels{1, 3, 5}));
  const ConvAnswer up{.input = 3, .kernel = 3, .stride = 2, .padding = 1, .output = 5};
  EXPECT_EQ(seen_by(up, 1, true, 0), (Pixels{0}));
  EXPECT_EQ(seen_by(up, 1, true, 1), (Pixels{0, 1}));
  EXPECT_EQ(seen_by(up, 1, true, 4), (Pixels{2}));
}

TEST(ConvArithmetic, Limits) {
  const auto found = solve({.input = 64, .output = 32}, 10);
  EXPECT_EQ(found.answers.size(), 10U);
  EXPECT_GT(found.more, 100);
  EXPECT_TRUE(solve({.input = 3, .kernel = 5, .stride = 1, .padding = 0}).answers.empty());
  EXPECT_TRUE(solve({.input = 4, .kernel = 3, .output = 9}).answers.empty());
}

TEST(ConvArithmetic, SaysWhatIsMissing) {
  const auto error = [](const ConvQuery& query) -> std::string {
    try {
      solve(query);
    } catch (const InputError& refused) {
      return refused.what();
    }
    return "none";
  };
  EXPECT_EQ(error({.kernel = 3}), "expected an input or an output");
  EXPECT_EQ(error({.input = 3}), "expected a kernel, or both an input and an output");
  EXPECT_EQ(error({.input = 0, .kernel = 3}), "input: expected 1 to 16384, got 0");
  EXPECT_EQ(error({.input = 9, .kernel = 3, .padding = -1}),
            "padding: expected 0 to 16384, got -1");
}

}  // namespace
}  // namespace striate
