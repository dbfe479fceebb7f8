#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(Reduce, Gradients) {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax"}) {
    check_operator({.op = op, .inputs = {distinct({2, 3, 4, 5})}});
    check_operator({.op = op,
                    .attributes = {{"keepdims", std::int64_t{0}}},
                    .inputs = {distinct({2, 3, 4, 5}), known(Ints{1, -1})}});
    check_operator({.op = op, .attributes = {{"axes", Ints{2}}}, .inputs = {distinct({2, 3, 4})}});
  }
}

TEST(Reduce, KnownValuesAndShapes) {
  const Input x = given({2, 2}, {1, 2, 3, 6});
  EXPECT_EQ(outputs_of({.op = "ReduceMean", .inputs = {x, known(Ints{0})}})[0], (Numbers{2, 4}));
  EXPECT_EQ(outputs_of({.op = "ReduceSum", .inputs = {x}})[0], (Numbers{12}));
  EXPECT_EQ(outputs_of({.op = "ReduceMax", .inputs = {x, known(Ints{1})}})[0], (Numbers{2, 6}));
  EXPECT_EQ(shape_of({.op = "ReduceSum",
                      .attributes = {{"noop_with_empty_axes", std::int64_t{1}}},
                      .inputs = {x, known(Ints{})}}),
            "2x2");
  EXPECT_EQ(error_of({.op = "ReduceSum", .inputs = {x, known(Ints{2})}}),
            "expected an axis in [-2, 2), got 2");
}

TEST(ReduceMax, EqualsShareTheGradient) {
  const OperatorCase test{.op = "ReduceMax", .inputs = {given({4}, {3, 1, 3, 3})}};
  Execution run(test, draw_inputs(test), reference_device(), DType::f64, {});
  run.forward(true);
  EXPECT_EQ(run.backward({{6}}, {})[0], (Numbers{2, 0, 2, 2}));
}

}  // namespace
}  // namespace striate
