#include <gmock/gmock.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Slice, Gradients) {
  check_operator({.op = "Slice",
                  .inputs = {random({2, 6, 5, 4}), known(Ints{1, -4}), known(Ints{5, 1000}),
                             known(Ints{1, 2}), known(Ints{2, 3})}});
  check_operator({.op = "Slice", .inputs = {random({7}), known(Ints{2}), known(Ints{-1})}});
}

// The examples of ONNX's documentation, and the corners of its rule.
TEST(Slice, KnownValues) {
  const Input data = given({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(outputs_of({.op = "Slice",
                        .inputs = {data, known(Ints{1, 0}), known(Ints{2, 3}), known(Ints{0, 1}),
                                   known(Ints{1, 2})}})[0],
            (Numbers{5, 7}));
  EXPECT_EQ(
      outputs_of({.op = "Slice", .inputs = {data, known(Ints{0, 1}), known(Ints{-1, 1000})}})[0],
      (Numbers{2, 3, 4}));
  const auto shape = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return shape_of({.op = "Slice",
                     .inputs = {data, known(Ints{start}), known(Ints{end}), known(Ints{-1}),
                                known(Ints{step})}});
  };
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(shape(0, kHuge, kHuge), "2x1");
  EXPECT_EQ(shape(-kHuge - 1, kHuge, 3), "2x2");
  EXPECT_EQ(shape(3, 1, 1), "2x0");
  EXPECT_EQ(shape(9, 10, 1), "2x0");
}

TEST(Slice, RunsBackwards) {
  const auto run = [](const Ints& starts, const Ints& ends, const Ints& steps) {
    return outputs_of({.op = "Slice",
                       .inputs = {given({5}, {1, 2, 3, 4, 5}), known(starts), known(ends),
                                  known(Ints{0}), known(steps)}})[0];
  };
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(run({-1}, {kLeast}, {-1}), (Numbers{5, 4, 3, 2, 1}));
  EXPECT_EQ(run({100}, {0}, {-2}), (Numbers{5, 3}));
  EXPECT_EQ(run({4}, {kLeast}, {kLeast}), (Numbers{5}));
  EXPECT_EQ(run({0}, {3}, {-1}), (Numbers{}));
  check_operator({.op = "Slice",
                  .inputs = {random({2, 6, 5, 4}), known(Ints{1, -1}), known(Ints{5, -100}),
                             known(Ints{1, 3}), known(Ints{2, -2})}});
}

TEST(Slice, FoldsIntegers) {
  const auto outputs =
      infer({.op = "Slice", .inputs = {known(Ints{5, 6, 7, 8}), known(Ints{-2}), known(Ints{4})}});
  ASSERT_NE(outputs[0].constant, nullptr);
  EXPECT_THAT(outputs[0].constant->values<std::int64_t>(), ::testing::ElementsAre(7, 8));
}

TEST(Slice, WindowShiftsAndSteps) {
  const OperatorCase test{.op = "Slice",
                          .inputs = {random({1, 1, 9, 9}), known(Ints{2, 1}), known(Ints{9, 9}),
                                     known(Ints{2, 3}), known(Ints{3, 1})}};
  const Window window = make(test)->window(infos_of(test, draw_inputs(test), DType::f32));
  EXPECT_EQ(window.h.stride, 3);
  EXPECT_EQ(window.h.pad, -2);
  EXPECT_EQ(window.w.stride, 1);
  EXPECT_EQ(window.w.pad, -1);
}

TEST(Slice, SaysWhatDoesNotFit) {
  const auto error = [](const Ints& starts, const Ints& ends, const Ints& axes, const Ints& steps) {
    return error_of(
        {.op = "Slice",
         .inputs = {random({4, 4}), known(starts), known(ends), known(axes), known(steps)}});
  };
  EXPECT_EQ(error({3}, {0}, {0}, {0}), "expected steps other than 0");
  EXPECT_EQ(error({0, 0}, {1, 1}, {1, -1}, {1, 1}), "axis 1 is sliced twice");
  EXPECT_EQ(error({0}, {1}, {2}, {1}), "expected an axis in [-2, 2), got 2");
  EXPECT_EQ(error({0}, {1, 2}, {0}, {1}),
            "expected as many ends, axes and steps as starts (1), got 2, 1 and 1");
}

}  // namespace
}  // namespace striate
