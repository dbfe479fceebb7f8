#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Activation, Gradients) {
  for (const char* op : {"Relu", "Sigmoid", "Tanh"}) {
    for (const Shape& shape : {Shape{2, 5, 3, 4}, Shape{2, 3, 7}, Shape{37}, Shape{}}) {
      check_operator({.op = op, .inputs = {distinct(shape)}});
    }
  }
}

TEST(Activation, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "Relu", .inputs = {given({3}, {-1, 0, 2})}})[0], (Numbers{0, 0, 2}));
  const auto sigmoid = outputs_of({.op = "Sigmoid", .inputs = {given({3}, {-800, 0, 800})}})[0];
  EXPECT_EQ(sigmoid, (Numbers{0, 0.5, 1}));
  EXPECT_DOUBLE_EQ(outputs_of({.op = "Tanh", .inputs = {given({1}, {0.5})}})[0][0],
                   0.46211715726000975);
}

TEST(Activation, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Relu", .attributes = {{"alpha", 0.1}}, .inputs = {random({1})}}),
            "unknown attribute alpha; known: ");
  EXPECT_EQ(error_of({.op = "Relu", .inputs = {labels({2}, {1, 2})}}),
            "expected an input of floating-point numbers, got int64; arithmetic on integers is "
            "not supported");
}

}  // namespace
}  // namespace striate
