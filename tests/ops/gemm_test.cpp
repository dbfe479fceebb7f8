#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

TEST(Gemm, GradientsOfEveryTransposition) {
  for (const std::int64_t a : {0, 1})
    for (const std::int64_t b : {0, 1}) {
      check_operator({.op = "Gemm",
                      .attributes = {{"transA", a}, {"transB", b}, {"alpha", 0.5}, {"beta", -2.0}},
                      .inputs = {random(a != 0 ? Shape{5, 4} : Shape{4, 5}),
                                 random(b != 0 ? Shape{3, 5} : Shape{5, 3}), random({3})}});
    }
}

TEST(Gemm, GradientsOfEveryShapeOfC) {
  for (const Shape& c : {Shape{}, Shape{1}, Shape{3}, Shape{1, 3}, Shape{4, 1}, Shape{4, 3}}) {
    SCOPED_TRACE(c.str());
    for (const double beta : {1.0, 0.25}) {
      check_operator({.op = "Gemm",
                      .attributes = {{"beta", beta}, {"alpha", 1.5}},
                      .inputs = {random({4, 5}), random({5, 3}), random(c)}});
    }
  }
  check_operator({.op = "Gemm", .inputs = {random({2, 3}), random({3, 2})}});
  check_operator({.op = "Gemm", .inputs = {random({1, 1}), random({1, 1}), random({1})}});
}

TEST(Gemm, KnownValues) {
  EXPECT_EQ(outputs_of({.op = "Gemm",
                        .attributes = {{"transB", std::int64_t{1}}, {"alpha", 2.0}, {"beta", 10.0}},
                        .inputs = {given({2, 2}, {1, 2, 3, 4}), given({3, 2}, {1, 0, 0, 1, 1, 1}),
                                   given({2, 1}, {1, 2})}})[0],
            (Numbers{12, 14, 16, 26, 28, 34}));
}

TEST(Gemm, Cost) {
  const OperatorCase test{.op = "Gemm",
                          .attributes = {{"transA", std::int64_t{1}}},
                          .inputs = {random({5, 4}), random({5, 3})}};
  const auto inputs = infos_of(test, draw_inputs(test), DType::f32);
  EXPECT_EQ(make(test)->cost(inputs, make(test)->infer(inputs)).macs, 4 * 3 * 5);
  EXPECT_EQ(make(test)->window(inputs).kind, Window::Kind::everything);
}

TEST(Gemm, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of({.op = "Gemm",
                      .attributes = {{"transB", std::int64_t{1}}},
                      .inputs = {random({1, 512}), random({10, 256})}}),
            "expected an input of 256 features (weights 10x256 transposed), got 1x512");
  EXPECT_EQ(error_of({.op = "Gemm", .inputs = {random({1, 2, 2}), random({4, 3})}}),
            "expected two matrices, got A 1x2x2 and B 4x3");
  EXPECT_EQ(error_of({.op = "Gemm", .inputs = {random({2, 4}), random({4, 3}), random({2})}}),
            "expected shapes that broadcast, got 2 and 2x3");
  EXPECT_EQ(error_of({.op = "Gemm", .inputs = {random({1, 4}), random({4, 3}), random({2, 3})}}),
            "expected C float64 that broadcasts to 1x3, got float64 2x3");
}

}  // namespace
}  // namespace striate
