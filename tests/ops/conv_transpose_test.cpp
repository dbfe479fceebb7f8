#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(ConvTranspose, Gradients) {
  check_operator({.op = "ConvTranspose",
                  .attributes = {{"strides", Ints{2, 1}},
                                 {"pads", Ints{1, 0, 0, 1}},
                                 {"output_padding", Ints{1, 0}}},
                  .inputs = {random({2, 3, 3, 4}), random({3, 2, 3, 2}), random({2})}});
  check_operator({.op = "ConvTranspose",
                  .attributes = {{"group", std::int64_t{2}}, {"dilations", Ints{2, 1}}},
                  .inputs = {random({1, 4, 3, 3}), random({4, 3, 2, 2})}});
  check_operator({.op = "ConvTranspose",
                  .attributes = {{"strides", Ints{3}}, {"auto_pad", std::string("SAME_UPPER")}},
                  .inputs = {random({2, 2, 4}), random({2, 3, 2}), random({3})}});
}

TEST(ConvTranspose, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "ConvTranspose",
                        .attributes = {{"strides", Ints{2}}},
                        .inputs = {given({1, 1, 2}, {1, 10}), given({1, 1, 3}, {1, 2, 3}),
                                   given({1}, {100})}})[0],
            (Numbers{101, 102, 113, 120, 130}));
}

TEST(ConvTranspose, Shapes) {
  const auto shape = [](const Attributes& attributes) {
    return shape_of({.op = "ConvTranspose",
                     .attributes = attributes,
                     .inputs = {random({1, 1, 3, 3}), random({1, 2, 3, 3})}});
  };
  EXPECT_EQ(shape({{"strides", Ints{3, 2}}, {"output_shape", Ints{10, 8}}}), "1x2x10x8");
  EXPECT_EQ(shape({{"strides", Ints{3, 2}}, {"output_padding", Ints{1, 1}}}), "1x2x10x8");
  EXPECT_EQ(shape({{"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_LOWER")}}), "1x2x6x6");
  EXPECT_EQ(error_of({.op = "ConvTranspose", .inputs = {random({1, 2, 3}), random({3, 1, 2})}}),
            "expected an input of 3 channels (weights 3x1x2) in 1 groups, got 1x2x3");
}

}  // namespace
}  // namespace striate
