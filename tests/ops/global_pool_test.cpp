#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(GlobalPool, Gradients) {
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{2, 3, 7}, Shape{1, 1, 1, 1}}) {
    check_operator({.op = "GlobalAveragePool", .inputs = {random(shape)}});
    check_operator({.op = "GlobalMaxPool", .inputs = {distinct(shape)}});
  }
  check_operator({.op = "GlobalAveragePool", .inputs = {random({2, 2, 2, 3, 2})}});
}

TEST(GlobalPool, KnownValues) {
  const Input x = given({1, 2, 2, 2}, {1, 2, 3, 6, -4, -3, -2, -1});
  EXPECT_EQ(outputs_of({.op = "GlobalAveragePool", .inputs = {x}})[0], (Numbers{3, -2.5}));
  EXPECT_EQ(outputs_of({.op = "GlobalMaxPool", .inputs = {x}})[0], (Numbers{6, -1}));
  EXPECT_EQ(shape_of({.op = "GlobalMaxPool", .inputs = {x}}), "1x2x1x1");
}

TEST(GlobalPool, SeesEverything) {
  const OperatorCase test{.op = "GlobalAveragePool", .inputs = {random({1, 2, 3, 3})}};
  EXPECT_EQ(make(test)->window(infos_of(test, draw_inputs(test), DType::f32)).kind,
            Window::Kind::everything);
}

TEST(GlobalPool, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "GlobalAveragePool", .inputs = {random({2, 3})}}),
            "expected an input N,C and at least one more axis, got 2x3");
  EXPECT_EQ(error_of({.op = "GlobalAveragePool", .inputs = {random({2, 3, 0, 2})}}),
            "expected an input with at least one pixel, got 2x3x0x2");
  EXPECT_EQ(error_of({.op = "GlobalMaxPool", .inputs = {random({1, 2, 2, 3, 2})}}),
            "expected an input N,C,W or N,C,H,W, got 1x2x2x3x2; three and more spatial dimensions "
            "are not supported");
}

}  // namespace
}  // namespace striate
