#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Unary, Gradients) {
  for (const char* op :
       {"Abs", "Neg", "Exp", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "Softplus", "Softsign"}) {
    for (const Shape& shape : {Shape{2, 5, 3, 4}, Shape{37}, Shape{}}) {
      check_operator({.op = op, .inputs = {distinct(shape)}});
    }
  }
  for (const char* op : {"Log", "Sqrt", "Reciprocal"}) {
    check_operator({.op = op, .inputs = {random({2, 5, 3, 4}, 0.25, 3)}});
  }
  check_operator({.op = "HardSigmoid",
                  .attributes = {{"alpha", 0.9}, {"beta", 0.4}},
                  .inputs = {distinct({64})}});
  check_operator({.op = "Elu", .attributes = {{"alpha", 2.5}}, .inputs = {distinct({3, 9})}});
  check_operator(
      {.op = "LeakyRelu", .attributes = {{"alpha", -0.3}}, .inputs = {distinct({3, 9})}});
}

TEST(Unary, KnownValues) {
  const auto run = [](const char* op, const Attributes& attributes, const Numbers& x) {
    const Shape shape{static_cast<std::int64_t>(x.size())};
    return outputs_of({.op = op, .attributes = attributes, .inputs = {given(shape, x)}})[0];
  };
  EXPECT_EQ(run("LeakyRelu", {{"alpha", 0.5}}, {-2, 0, 3}), (Numbers{-1, 0, 3}));
  EXPECT_EQ(run("HardSigmoid", {}, {-5, 0, 1, 5}), (Numbers{0, 0.5, 0.7, 1}));
  EXPECT_EQ(run("Softsign", {}, {-1, 3}), (Numbers{-0.5, 0.75}));
  EXPECT_EQ(run("Softplus", {}, {-800, 800}), (Numbers{0, 800}));
  EXPECT_NEAR(run("Elu", {}, {-1})[0], -0.6321205588285577, 1e-15);
  EXPECT_NEAR(run("Selu", {}, {1})[0], 1.0507010221481323, 1e-15);
}

TEST(Clip, GradientsAndBounds) {
  check_operator({.op = "Clip", .inputs = {distinct({2, 5, 3, 4}), known(-0.5), known(0.25)}});
  check_operator({.op = "Clip", .inputs = {distinct({33}), nothing(), known(0.25)}});
  check_operator({.op = "Clip", .inputs = {distinct({33})}});
  EXPECT_EQ(
      outputs_of({.op = "Clip", .inputs = {given({3}, {-9, 1, 9}), known(0.0), known(5.0)}})[0],
      (Numbers{0, 1, 5}));
  EXPECT_EQ(error_of({.op = "Clip", .inputs = {random({3}), random({})}}),
            "expected min to be known when the network is compiled");
}

TEST(Unary, SaysWhatDoesNotFit) {
  EXPECT_EQ(
      error_of({.op = "Elu", .attributes = {{"alpha", std::int64_t{1}}}, .inputs = {random({1})}}),
      "attribute alpha: expected a number, got an integer");
  EXPECT_EQ(error_of({.op = "Exp", .inputs = {labels({2}, {1, 2})}}),
            "expected an input of floating-point numbers, got int64; arithmetic on integers is "
            "not supported");
}

}  // namespace
}  // namespace striate
