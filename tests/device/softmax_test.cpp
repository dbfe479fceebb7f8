#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;

struct Operands {
  Shape shape, places;
  Strides strides, place_strides;
};

Operands random_operands(std::uint64_t number) {
  Random random = case_random(number);
  Operands o;
  o.shape.push_back(1 + random.below(9));
  o.shape.push_back(number % 7 == 0 ? 1500 : 1 + random.below(50));
  for (std::uint64_t axis = 0; axis < number % 3; ++axis) o.shape.push_back(1 + random.below(6));
  for (int axis = 0; axis < o.shape.rank(); ++axis) {
    if (axis != 1) o.places.push_back(o.shape[axis]);
  }
  o.strides = number % 2 == 0 ? dense_strides(o.shape, Layout::channels_last)
                              : random_strides(random, o.shape);
  o.place_strides = number % 4 < 2 ? dense_strides(o.places) : random_strides(random, o.places);
  return o;
}

class Softmax : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  Operands o_ = random_operands(GetParam());
  Random random_ = case_random(GetParam() + 1000);
  Value value(double low, double high) {
    Value v(o_.shape, o_.strides);
    v.randomize(random_, low, high);
    return v;
  }
  Value labels() {
    Value v(o_.places, o_.place_strides, 0, DType::i64);
    v.randomize(random_, 0, static_cast<double>(o_.shape[1]));
    if (o_.places.elements() > 1) v.set(1, -100);
    return v;
  }
};
INSTANTIATE_TEST_SUITE_P(Random, Softmax, ::testing::Range<std::uint64_t>(0, 40));

TEST_P(Softmax, ForwardAndBackward) {
  for (const bool logarithm : {false, true}) {
    Value x = value(-20, 30);
    Value y = value(0, 1);
    on_both([&](const Device& device) {
      device.softmax_forward(x.on(device), y.on(device), logarithm);
    });
    // exp turns the rounding of x - max, at most 50, into relative error.
    y.expect_close(100, logarithm ? 1 : 0);

    // Both backward passes start from the same result.
    y = value(logarithm ? -6 : 0, logarithm ? 0 : 1);
    Value dy = value(-1, 1);
    const double terms = static_cast<double>(o_.shape[1]);
    for (const bool accumulate : {false, true}) {
      Value dx = value(-1, 1);
      on_both([&](const Device& device) {
        device.softmax_backward(y.on(device), dy.on(device), dx.on(device), logarithm, accumulate);
      });
      dx.expect_close(16, 1 + std::sqrt(terms));
    }
  }
}

TEST_P(Softmax, NegativeLogLikelihood) {
  Value logs = value(-9, 0);
  Value classes = labels();
  Value weight(Shape{o_.shape[1]}, Strides{2});
  weight.randomize(random_, 0.5, 2);
  for (const bool weighted : {false, true}) {
    const auto weights = [&](const Device& device) -> ConstView {
      return weighted ? weight.on(device) : View{};
    };
    Value loss(o_.places, o_.place_strides);
    std::vector<double> totals;
    on_both([&](const Device& device) {
      totals.push_back(device.nll_forward(logs.on(device), classes.on(device), weights(device),
                                          -100, loss.on(device)));
    });
    loss.expect_close(2);
    EXPECT_NEAR(totals[0], totals[1], 1e-9 * totals[1]);

    Value dloss(o_.places, o_.place_strides);
    dloss.randomize(random_);
    for (const bool accumulate : {false, true}) {
      Value dx = value(-1, 1);
      on_both([&](const Device& device) {
        device.softmax_nll_backward(logs.on(device), classes.on(device), weights(device), -100,
                                    dloss.on(device), dx.on(device), accumulate);
      });
      dx.expect_close(16, 2);
    }
  }
}

TEST(Softmax, SurvivesHugeLogits) {
  const Shape shape{3, 33};
  Random random = case_random(1);
  Value x(shape);
  x.randomize(random, 1e4, 1.001e4);
  x.set(3, -std::numeric_limits<double>::infinity());
  for (const bool logarithm : {false, true}) {
    Value y(shape);
    on_both([&](const Device& device) {
      device.softmax_forward(x.on(device), y.on(device), logarithm);
    });
    y.expect_close(40, logarithm ? 1 : 1e-9);
  }
}

TEST(Softmax, NamesTheFirstLabelOutOfRange) {
  Value logs(Shape{4, 3}), loss(Shape{4}), classes(Shape{4}, 0, DType::i64);
  classes.set(2, 3);
  classes.set(3, -1);
  for (const Device* device : {&cpu(), &reference()}) {
    try {
      device->nll_forward(logs.on(*device), classes.on(*device), {}, -100, loss.on(*device));
      FAIL() << "a label of 3 among 3 classes passed on " << device->name();
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("label 3 at position 2"));
    }
  }
}

TEST(ThreadsSoftmax, SameBitsForAnyThreadCount) {
  const Shape shape{5, 21, 40, 41};
  const Shape places{5, 40, 41};
  expect_same_bits([&](const Device& device) {
    Random random = case_random(6);
    Value x(shape, gapped_map(shape, 0)), y = x, dx = x, loss(places);
    x.randomize(random);
    Value classes(places, 0, DType::i64);
    classes.randomize(random, 0, 21);
    device.softmax_forward(x.on(device), y.on(device), true);
    const double total =
        device.nll_forward(y.on(device), classes.on(device), {}, -1, loss.on(device));
    EXPECT_EQ(total, 5 * 40 * 41);
    device.softmax_nll_backward(y.on(device), classes.on(device), {}, -1, loss.on(device),
                                dx.on(device), false);
    device.softmax_backward(y.on(device), x.on(device), dx.on(device), true, true);
    return dx.bytes();
  });
}

}  // namespace
}  // namespace striate
