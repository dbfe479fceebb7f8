#include <gtest/gtest.h>

#include "device/compare.h"
#include "device/operand.h"

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

TEST(Dropout, DrawsWhatTheReferenceDraws) {
  const RandomKey key{.seed = 7, .purpose = purpose_of("dropout:test"), .step = 3};
  for (std::uint64_t number = 0; number < 40; ++number) {
    Random random = case_random(number);
    const Shape shape = number == 0 ? Shape{3, 0} : random_shape(random, 5);
    const double ratio = number == 1 ? 0.0 : number == 2 ? 1.0 : random.uniform(0.05, 0.9);
    Value x(shape, random_layout(random, shape));
    x.randomize(random);
    Value mask(shape, random_layout(random, shape), 0, DType::boolean);
    for (const bool accumulate : {false, true}) {
      Value out(shape, random_layout(random, shape));
      out.randomize(random);
      on_both([&](const Device& device) {
        device.dropout(x.on(device), out.on(device), mask.on(device), ratio, key, accumulate);
      });
      out.expect_close(4, 1);
      mask.expect_close(0);
    }
    on_both([&](const Device& device) {
      device.dropout(x.on(device), x.on(device), {}, ratio, key, false);
    });
    x.expect_close(4);
  }
}

// Maps are drawn many channels at once: their sizes make the words of neighbouring channels start
// anywhere among a draw's four, tiles end early and the last vector hold few channels.
TEST(Dropout, ChannelsLastMapsOnEveryInstructionSet) {
  const RandomKey key{.seed = 3, .purpose = purpose_of("dropout:maps"), .step = 1};
  on_every_instruction_set([&] {
    for (const Shape& shape : {Shape{2, 32, 8, 8}, Shape{3, 17, 7, 7}, Shape{2, 1, 5, 9},
                               Shape{1, 70, 1, 3}, Shape{2, 5, 33, 2}, Shape{1, 16, 6, 11}}) {
      SCOPED_TRACE(shape.str());
      Random random = case_random(9);
      for (const std::int64_t gap : {0, 3}) {
        Value x(shape, gapped_map(shape, gap));
        Value out(shape, gapped_map(shape, 0));
        x.randomize(random);
        out.randomize(random);
        on_both([&](const Device& device) {
          device.dropout(x.on(device), out.on(device), {}, 0.4, key, true);
          device.dropout(x.on(device), x.on(device), {}, 0.4, key, false);
        });
        out.expect_close(4, 1);
        x.expect_close(4);
      }
    }
  });
}

TEST(Dropout, LongRowsAndTheShareThatIsKept) {
  const RandomKey key{.seed = 1, .purpose = purpose_of("dropout:long"), .step = 0};
  const Shape shape{1, 50001};
  Value x(shape, 1.0), out(shape);
  on_both([&](const Device& device) {
    device.dropout(x.on(device), out.on(device), {}, 0.25, key, false);
  });
  out.expect_close(2);
  Value sum(Shape{1, 1});
  on_both([&](const Device& device) {
    device.reduce_sum(out.on(device), sum.on(device), 1.0 / 50001, false);
  });
  EXPECT_NEAR(sum.on(testing::cpu()).as<float>()[0], 1.0, 0.02);
}

}  // namespace
}  // namespace striate
