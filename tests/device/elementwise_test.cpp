#include <gtest/gtest.h>

#include "device/compare.h"
#include "device/operand.h"

namespace striate {
namespace {

using namespace striate::testing;

// Shapes around the vector lengths, and more dimensions with any strides.
Shape random_shape(Random& random) {
  Shape shape;
  const std::uint32_t rank = random.below(5);
  for (std::uint32_t axis = 0; axis < rank; ++axis) {
    shape.push_back(static_cast<std::int64_t>(random.below(axis == 0 ? 40 : 12) + 1));
  }
  return shape;
}

// Some axes of an input repeat.
Strides broadcast(Random& random, const Shape& shape, Strides strides) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (random.below(3) == 0) strides[static_cast<std::size_t>(axis)] = 0;
  }
  return strides;
}

std::vector<double> parameters_of(const FunctionRow& row) {
  std::vector<double> parameters;
  for (int i = 0; i < row.parameters; ++i) parameters.push_back(0.75 + i);
  return parameters;
}

class Elementwise : public ::testing::TestWithParam<FunctionRow> {
 protected:
  FunctionRow row_ = GetParam();
  std::vector<double> parameters_ = parameters_of(row_);

  void run(const Device& device, std::vector<Value>& inputs, Value& out, bool accumulate) {
    std::vector<ConstView> views;
    for (Value& input : inputs) views.push_back(input.on(device));
    device.elementwise(row_.function, views, out.on(device), parameters_, accumulate);
  }
};

INSTANTIATE_TEST_SUITE_P(EveryFunction, Elementwise, ::testing::ValuesIn(kFunctions),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Elementwise, AgreesWithTheReference) {
  for (std::uint64_t number = 0; number < 60; ++number) {
    Random random = case_random(number);
    const Shape shape = number == 0 ? Shape{3, 0, 4} : random_shape(random);
    const auto layout = [&]() -> Strides {
      if (number % 3 == 0) return dense_strides(shape);
      if (number % 3 == 1 && shape.rank() == 4) return gapped_map(shape, 2);
      return random_strides(random, shape);
    };
    SCOPED_TRACE(shape.str());
    std::vector<Value> inputs;
    for (int k = 0; k < row_.inputs; ++k) {
      inputs.emplace_back(shape, broadcast(random, shape, layout()));
      inputs.back().randomize(random, k == 0 ? -3 : 0.1, 3);
    }
    for (const bool accumulate : {false, true}) {
      Value out(shape, layout());
      out.randomize(random);
      on_both([&](const Device& device) { run(device, inputs, out, accumulate); });
      out.expect_close(16, 1);
    }
  }
}

TEST_P(Elementwise, OnEveryInstructionSet) {
  on_every_instruction_set([&] {
    Random random = case_random(31);
    const Shape shape{3, 37};
    std::vector<Value> inputs;
    for (int k = 0; k < row_.inputs; ++k) {
      inputs.emplace_back(shape);
      inputs.back().randomize(random, k == 0 ? -3 : 0.1, 3);
    }
    Value out(shape);
    on_both([&](const Device& device) { run(device, inputs, out, false); });
    out.expect_close(16);
  });
}

TEST_P(Elementwise, InPlaceWithAnyInput) {
  Random random = case_random(77);
  const Shape shape{5, 33, 3, 2};
  for (const Strides& strides : {dense_strides(shape), gapped_map(shape, 1)}) {
    for (int k = 0; k < row_.inputs; ++k) {
      std::vector<Value> inputs;
      for (int i = 0; i < row_.inputs; ++i) {
        inputs.emplace_back(shape, strides);
        inputs.back().randomize(random, i == 0 ? -3 : 0.1, 3);
      }
      Value& target = inputs[static_cast<std::size_t>(k)];
      on_both([&](const Device& device) { run(device, inputs, target, false); });
      target.expect_close(16, 1);
    }
  }
}

TEST_P(Elementwise, InfinitiesAndNaNAreWhatTheFormulaGives) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> specials = {
      0.0,   -0.0,  infinity, -infinity, 1e15, -1e15, 88.5,
      -88.5, 104.0, -104.0,   1e-30,     1.0,  -1.0,  std::numeric_limits<double>::quiet_NaN()};
  const auto count = static_cast<std::int64_t>(specials.size());
  const Shape shape{count, count};
  std::vector<Value> inputs;
  for (int k = 0; k < row_.inputs; ++k) {
    inputs.emplace_back(shape);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      inputs.back().set(i,
                        static_cast<double>(static_cast<float>(
                            specials[static_cast<std::size_t>(k == 0 ? i / count : i % count)])));
    }
  }
  Value out(shape);
  on_both([&](const Device& device) { run(device, inputs, out, false); });
  // What overflows in float32 alone is not compared here: both sides are rounded to float32.
  const float* got = out.on(testing::cpu()).as<float>();
  const double* exact = out.on(reference()).as<double>();
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const float expected = static_cast<float>(exact[i]);
    const bool same = got[i] == expected || (std::isnan(got[i]) && std::isnan(expected)) ||
                      std::abs(got[i] - expected) <= 1e-6F * std::abs(expected) + 1e-37F;
    EXPECT_TRUE(same) << row_.name << " of " << specials[static_cast<std::size_t>(i / count)]
                      << " and " << specials[static_cast<std::size_t>(i % count)] << ": got "
                      << got[i] << ", expected " << expected;
  }
}

// Squares and roots are computed without logarithms; the last exponent is.
TEST(Elementwise, PowersByRoots) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Shape shape{41};
  for (const double exponent : {2.0, 0.5, -0.5, -0.75, 1.7}) {
    SCOPED_TRACE(exponent);
    Random random = case_random(6);
    Value x(shape), out(shape);
    x.randomize(random, 1e-3, 50);
    const double specials[] = {0.0, 1.0, 1e-30, 1e15, infinity, -1.0, -0.0, -infinity};
    for (std::int64_t i = 0; i < 8; ++i) x.set(i, static_cast<float>(specials[i]));
    on_both([&](const Device& device) {
      const ConstView inputs[] = {x.on(device)};
      const double parameters[] = {exponent};
      device.elementwise(Function::power, inputs, out.on(device), parameters);
    });
    const float* got = out.on(testing::cpu()).as<float>();
    const double* expected = out.on(reference()).as<double>();
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      if (std::isfinite(static_cast<float>(expected[i]))) {
        EXPECT_NEAR(got[i], expected[i], 2e-6 * std::abs(expected[i]) + 1e-37) << i;
      } else if (std::isnan(expected[i])) {
        EXPECT_TRUE(std::isnan(got[i])) << i << ": " << got[i];
      } else {
        EXPECT_EQ(got[i], static_cast<float>(expected[i])) << i;
      }
    }
  }
}

TEST(Elementwise, LongRowsAreCut) {
  const Shape shape{3, 40000};
  Random random = case_random(5);
  Value a(shape), b(shape, Strides{1, 0}), out(shape);
  a.randomize(random);
  b.randomize(random);
  on_both([&](const Device& device) {
    const ConstView inputs[] = {a.on(device), b.on(device)};
    device.elementwise(Function::mul, inputs, out.on(device));
  });
  out.expect_close(1);
}

TEST(Elementwise, RefusesFloat64OnTheCpu) {
  Tensor x(DType::f64, {4});
  const ConstView inputs[] = {x.view()};
  EXPECT_THROW(testing::cpu().elementwise(Function::relu, inputs, x.view()), ModelError);
}

TEST(ThreadsElementwise, SameBitsForAnyThreadCount) {
  const Shape shape{7, 61, 30, 31};
  expect_same_bits([&](const Device& device) {
    Random random = case_random(6);
    Value a(shape, gapped_map(shape, 1)), b(shape, Strides{0, 1, 0, 0}), out(shape);
    a.randomize(random);
    b.randomize(random);
    const ConstView inputs[] = {a.on(device), b.on(device)};
    device.elementwise(Function::add, inputs, out.on(device));
    const ConstView again[] = {out.on(device)};
    device.elementwise(Function::sigmoid, again, out.on(device));
    return out.bytes();
  });
}

}  // namespace
}  // namespace striate
