#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;

Shape random_shape(Random& random, std::uint32_t ranks) {
  Shape shape;
  const std::uint32_t rank = random.below(ranks);
  for (std::uint32_t axis = 0; axis < rank; ++axis) {
    shape.push_back(static_cast<std::int64_t>(random.below(axis < 2 ? 40 : 9) + 1));
  }
  return shape;
}

Strides random_layout(Random& random, const Shape& shape) {
  switch (random.below(4)) {
    case 0:
      return dense_strides(shape);
    case 1:
      if (shape.rank() == 4) return gapped_map(shape, random.below(3));
      return dense_strides(shape);
    default:
      return random_strides(random, shape);
  }
}

// One test a dtype that can be copied.
class Movement : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(EveryDType, Movement,
                         ::testing::Values(DType::f32, DType::i64, DType::i32, DType::u8,
                                           DType::boolean),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(Movement, CopiesBetweenAnyStrides) {
  for (std::uint64_t number = 0; number < 80; ++number) {
    Random random = case_random(number);
    const Shape shape = number == 0 ? Shape{2, 0} : random_shape(random, 5);
    SCOPED_TRACE(shape.str());
    Value x(shape, random_layout(random, shape), 0, GetParam());
    if (GetParam() == DType::boolean) {
      x.randomize(random, 0, 2);
    } else {
      x.randomize(random, 0, 100);
    }
    Value out(shape, random_layout(random, shape), 1, GetParam());
    on_both([&](const Device& device) { device.copy(x.on(device), out.on(device)); });
    out.expect_close(0);
    if (GetParam() == DType::boolean) continue;
    on_both([&](const Device& device) { device.copy(x.on(device), out.on(device), true); });
    out.expect_close(0);
  }
}

TEST_P(Movement, TransposesLargeMaps) {
  for (const Shape& shape : {Shape{2, 3, 67, 70}, Shape{3, 130, 13, 17}, Shape{1, 64, 32, 32}}) {
    Random random = case_random(9);
    const Strides row_major = dense_strides(shape);
    const Strides map = gapped_map(shape, 1);
    for (const bool forth : {true, false}) {
      Value x(shape, forth ? row_major : map, 0, GetParam());
      x.randomize(random, 0, 2);
      Value out(shape, forth ? map : row_major, 0, GetParam());
      on_both([&](const Device& device) { device.copy(x.on(device), out.on(device)); });
      out.expect_close(0);
    }
  }
}

TEST_P(Movement, FillsAndKeepsGuards) {
  for (std::uint64_t number = 0; number < 20; ++number) {
    Random random = case_random(number);
    const Shape shape = random_shape(random, 5);
    Value out(shape, random_layout(random, shape), 0, GetParam());
    on_both([&](const Device& device) { device.fill(out.on(device), 1); });
    out.expect_close(0);
  }
  Value large(Shape{3, 50000}, 0, GetParam());
  on_both([&](const Device& device) { device.fill(large.on(device), 1); });
  large.expect_close(0);
}

TEST(Movement, CopiesABroadcast) {
  const Shape shape{3, 20, 5, 4};
  Random random = case_random(2);
  Value x(shape, Strides{0, 1, 0, 0});
  x.randomize(random);
  Value out(shape, gapped_map(shape, 0));
  on_both([&](const Device& device) { device.copy(x.on(device), out.on(device)); });
  out.expect_close(0);
}

TEST(Reduce, SumsOverAnyAxes) {
  for (std::uint64_t number = 0; number < 150; ++number) {
    Random random = case_random(number);
    const Shape shape = number == 0 ? Shape{4, 0} : random_shape(random, 5);
    Shape reduced = shape;
    double count = 1;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (random.below(2) == 0) continue;
      reduced[axis] = 1;
      count *= static_cast<double>(shape[axis]);
    }
    SCOPED_TRACE(shape.str() + " to " + reduced.str());
    Value x(shape, random_layout(random, shape));
    x.randomize(random);
    for (const bool accumulate : {false, true}) {
      Value out(reduced, random_layout(random, reduced));
      out.randomize(random);
      on_both([&](const Device& device) {
        device.reduce_sum(x.on(device), out.on(device), 0.25, accumulate);
      });
      out.expect_close(2, 1e-6 * count);
    }
  }
}

TEST(Reduce, SumsLongRunsAndWideColumns) {
  struct Case {
    Shape from, to;
  };
  for (const Case& c : {Case{{100003}, {1}}, Case{{5, 70001}, {1, 70001}}, Case{{5, 70001}, {5, 1}},
                        Case{{3, 70001}, {1, 1}}, Case{{9000, 17}, {1, 17}},
                        Case{{9000, 17}, {9000, 1}}, Case{{2, 70001}, {2, 70001}}}) {
    SCOPED_TRACE(c.from.str() + " to " + c.to.str());
    Random random = case_random(4);
    Value x(c.from);
    x.randomize(random);
    Value out(c.to);
    on_both(
        [&](const Device& device) { device.reduce_sum(x.on(device), out.on(device), 1, false); });
    out.expect_close(2, 1e-6);
  }
}

TEST(Reduce, SumOfSquares) {
  for (std::uint64_t number = 0; number < 30; ++number) {
    Random random = case_random(number);
    const Shape shape = number == 0   ? Shape{0}
                        : number == 1 ? Shape{60013}
                                      : random_shape(random, 5);
    Value x(shape, random_layout(random, shape));
    x.randomize(random);
    const double expected = reference().sum_of_squares(x.on(reference()));
    EXPECT_NEAR(cpu().sum_of_squares(x.on(cpu())), expected, 1e-12 * expected);
  }
}

TEST(ThreadsMovement, SameBitsForAnyThreadCount) {
  const Shape shape{5, 61, 30, 31};
  const RandomKey key{.seed = 1, .purpose = purpose_of("dropout:threads"), .step = 0};
  expect_same_bits([&](const Device& device) {
    Random random = case_random(6);
    Value x(shape), map(shape, gapped_map(shape, 1)), dropped(shape, gapped_map(shape, 0));
    x.randomize(random);
    device.copy(x.on(device), map.on(device));
    device.dropout(map.on(device), dropped.on(device), {}, 0.3, key, false);
    Value channels(Shape{1, 61, 1, 1}), rows(Shape{5, 1, 30, 1});
    device.reduce_sum(dropped.on(device), channels.on(device), 1, false);
    device.reduce_sum(dropped.on(device), rows.on(device), 1, false);
    std::vector<std::byte> bytes = channels.bytes();
    bytes.insert(bytes.end(), rows.bytes().begin(), rows.bytes().end());
    bytes.insert(bytes.end(), dropped.bytes().begin(), dropped.bytes().end());
    const double squares = device.sum_of_squares(dropped.on(device));
    const auto* raw = reinterpret_cast<const std::byte*>(&squares);
    bytes.insert(bytes.end(), raw, raw + sizeof squares);
    return bytes;
  });
}

}  // namespace
}  // namespace striate
