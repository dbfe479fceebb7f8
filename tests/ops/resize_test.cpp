#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

Input scales(const std::vector<double>& values) {
  Input input = given({static_cast<std::int64_t>(values.size())}, values);
  input.constant = true;
  return input;
}

TEST(Resize, Gradients) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* coordinates :
         {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
      const Attributes attributes{{"mode", std::string(mode)},
                                  {"coordinate_transformation_mode", std::string(coordinates)}};
      check_operator({.op = "Resize",
                      .attributes = attributes,
                      .inputs = {random({2, 3, 4, 3}), nothing(), scales({1, 1, 2, 0.7})}});
      check_operator({.op = "Resize",
                      .attributes = attributes,
                      .inputs = {random({2, 3, 5}), nothing(), nothing(), known(Ints{2, 3, 8})}});
    }
  }
  check_operator({.op = "Resize", .inputs = {random({2, 3}), nothing(), scales({1, 1})}});
}

TEST(Resize, KnownValues) {
  const auto run = [](const char* mode, const char* coordinates) {
    return outputs_of({.op = "Resize",
                       .attributes = {{"mode", std::string(mode)},
                                      {"coordinate_transformation_mode", std::string(coordinates)}},
                       .inputs = {given({2}, {1, 3}), nothing(), scales({2})}})[0];
  };
  EXPECT_EQ(run("nearest", "half_pixel"), (Numbers{1, 1, 3, 3}));
  EXPECT_EQ(run("linear", "half_pixel"), (Numbers{1, 1.5, 2.5, 3}));
  EXPECT_EQ(run("linear", "asymmetric"), (Numbers{1, 2, 3, 3}));
}

TEST(Resize, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Resize", .inputs = {random({2, 3}), nothing(), scales({2})}}),
            "expected 2 scales (floating-point) or sizes (int64)");
  EXPECT_EQ(error_of({.op = "Resize", .inputs = {random({2}), nothing(), scales({-2})}}),
            "axis 0 cannot be resized by -2");
}

}  // namespace
}  // namespace striate
