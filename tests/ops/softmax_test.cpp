#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Softmax, GradientsAlongEveryAxis) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    for (const Shape& shape : {Shape{2, 4, 3, 2}, Shape{3, 5}, Shape{6}, Shape{2, 3, 4}}) {
      for (int axis = -1; axis < shape.rank(); ++axis) {
        check_operator({.op = op,
                        .attributes = {{"axis", static_cast<std::int64_t>(axis)}},
                        .inputs = {random(shape, -3, 3)}});
      }
    }
  }
}

TEST(Softmax, KnownValues) {
  const auto softmax = outputs_of({.op = "Softmax", .inputs = {given({3}, {-1, 0, 1})}})[0];
  EXPECT_NEAR(softmax[0], 0.09003057317038046, 1e-15);
  EXPECT_NEAR(softmax[1], 0.24472847105479765, 1e-15);
  EXPECT_NEAR(softmax[2], 0.66524095577482187, 1e-15);
  // Numbers whose exponentials overflow.
  const Input large = given({1, 2}, {10000, 10001});
  const auto log = outputs_of({.op = "LogSoftmax", .inputs = {large}})[0];
  EXPECT_NEAR(log[0], -1.3132616875182228, 1e-12);
  EXPECT_NEAR(log[1], -0.31326168751822286, 1e-12);
}

// The gradient checks would accept another axis; this does not.
TEST(Softmax, SumsToOneAlongItsAxisOnly) {
  for (int axis = 0; axis < 3; ++axis) {
    const Numbers y = outputs_of({.op = "Softmax",
                                  .attributes = {{"axis", static_cast<std::int64_t>(axis)}},
                                  .inputs = {random({2, 2, 2}, -3, 3)}})[0];
    for (int other = 0; other < 3; ++other) {
      const std::size_t step = std::size_t{1} << (2 - other);
      double furthest = 0;
      for (std::size_t i = 0; i < 8; ++i) {
        if ((i & step) == 0) furthest = std::max(furthest, std::abs(y[i] + y[i + step] - 1));
      }
      if (other == axis) {
        EXPECT_LT(furthest, 1e-15);
      } else {
        EXPECT_GT(furthest, 0.01);
      }
    }
  }
}

TEST(Softmax, SaysWhatDoesNotFit) {
  EXPECT_EQ(
      error_of(
          {.op = "Softmax", .attributes = {{"axis", std::int64_t{2}}}, .inputs = {random({2, 3})}}),
      "expected an axis in [-2, 2), got 2");
}

}  // namespace
}  // namespace striate
