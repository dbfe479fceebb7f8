#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Pad, Gradients) {
  check_operator(
      {.op = "Pad",
       .inputs = {random({2, 3, 2, 3}), known(Ints{0, 1, 1, 0, 0, 2, 0, 3}), known(0.5)}});
  // Cropped here, padded there.
  check_operator(
      {.op = "Pad", .inputs = {random({2, 3, 4, 5}), known(Ints{0, -1, 2, -2, 0, 1, -1, 0})}});
  check_operator(
      {.op = "Pad", .inputs = {random({3, 4}), known(Ints{2, 1}), nothing(), known(Ints{-1})}});
}

// The example of ONNX's documentation.
TEST(Pad, KnownValues) {
  const Input data = given({3, 2}, {1.0, 1.2, 2.3, 3.4, 4.5, 5.7});
  EXPECT_EQ(outputs_of({.op = "Pad", .inputs = {data, known(Ints{0, 2, 0, 0}), known(0.0)}})[0],
            (Numbers{0, 0, 1.0, 1.2, 0, 0, 2.3, 3.4, 0, 0, 4.5, 5.7}));
  EXPECT_EQ(outputs_of({.op = "Pad", .inputs = {data, known(Ints{-1, 0, 1, -1}), known(9.0)}})[0],
            (Numbers{2.3, 4.5, 9}));
}

TEST(Pad, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Pad",
                      .attributes = {{"mode", std::string("wrap")}},
                      .inputs = {random({3}), known(Ints{1, 1})}}),
            "mode: expected constant, edge or reflect, got wrap");
  EXPECT_EQ(error_of({.op = "Pad", .inputs = {random({3, 3}), known(Ints{1, 1})}}),
            "expected 4 pads for 2 axes, got 2");
  EXPECT_EQ(error_of({.op = "Pad", .inputs = {random({3}), known(Ints{-2, -2})}}),
            "pads [-2, -2] do not fit an input of 3");
  // Nothing can be cropped from what was padded: it would need data outside the input.
  EXPECT_EQ(error_of({.op = "Pad", .inputs = {random({3}), known(Ints{5, -4})}}),
            "pads [5, -4] do not fit an input of 3");
}

TEST(Pad, RepeatsTheData) {
  const auto run = [](const char* mode) {
    return outputs_of(
        {.op = "Pad",
         .attributes = {{"mode", std::string(mode)}},
         .inputs = {given({3}, {1, 2, 3}), known(std::vector<std::int64_t>{2, 1})}})[0];
  };
  EXPECT_EQ(run("edge"), (Numbers{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(run("reflect"), (Numbers{3, 2, 1, 2, 3, 2}));
  for (const char* mode : {"edge", "reflect"}) {
    check_operator({.op = "Pad",
                    .attributes = {{"mode", std::string(mode)}},
                    .inputs = {random({2, 2, 4, 3}),
                               known(std::vector<std::int64_t>{0, 0, 2, 1, 0, 1, 3, -1})}});
  }
}

}  // namespace
}  // namespace striate
