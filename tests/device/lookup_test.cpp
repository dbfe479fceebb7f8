#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using Ints = std::vector<std::int64_t>;

const float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::of<float>(shape, values);
}
Tensor ints(const Shape& shape, const Ints& values) {
  return Tensor::of<std::int64_t>(shape, values);
}

class Lookup : public ::testing::TestWithParam<const Device*> {
 protected:
  const Device& device_ = *GetParam();
};
INSTANTIATE_TEST_SUITE_P(BothDevices, Lookup, ::testing::Values(&cpu(), &reference()),
                         [](const auto& test) { return std::string(test.param->name()); });

TEST_P(Lookup, CastsAsCxxDoesAndSaturates) {
  const Tensor x = floats({5}, {-1.7F, 2.9F, kNaN, 1e30F, 0.0F});
  Tensor integers(DType::i64, {5});
  device_.cast(x.view(), integers.view());
  EXPECT_THAT(integers.values<std::int64_t>(),
              ElementsAre(-1, 2, 0, std::numeric_limits<std::int64_t>::max(), 0));
  Tensor truth(DType::boolean, {5});
  device_.cast(x.view(), truth.view());
  EXPECT_THAT(truth.values<bool>(), ElementsAre(true, true, true, true, false));
  Tensor back(DType::f32, {5});
  device_.cast(truth.view(), back.view());
  EXPECT_THAT(back.values<float>(), ElementsAre(1, 1, 1, 1, 0));
}

TEST_P(Lookup, ReduceMaxOverAnyAxes) {
  const Tensor x = floats({2, 3}, {1, 5, 3, -4, kNaN, -6});
  Tensor rows(DType::f32, {2, 1});
  device_.reduce_max(x.view(), rows.view());
  EXPECT_EQ(rows.values<float>()[0], 5);
  EXPECT_TRUE(std::isnan(rows.values<float>()[1]));
  Tensor columns(DType::f32, {1, 3});
  device_.reduce_max(x.view(), columns.view());
  EXPECT_EQ(columns.values<float>()[0], 1);
  EXPECT_TRUE(std::isnan(columns.values<float>()[1]));
  EXPECT_EQ(columns.values<float>()[2], 3);
}

TEST_P(Lookup, TopKBreaksTiesByPlace) {
  const Tensor x = floats({1, 5}, {2, 7, 7, 1, 2});
  const auto places = [&](std::int64_t k, bool largest, bool last) {
    Tensor values(DType::f32, {1, k});
    Tensor indices(DType::i64, {1, k});
    device_.top_k(x.view(), 1, largest, last, values.view(), indices.view());
    for (std::int64_t i = 0; i < k; ++i) {
      EXPECT_EQ(values.data<float>()[i], x.data<float>()[indices.data<std::int64_t>()[i]]);
    }
    return Ints(indices.values<std::int64_t>().begin(), indices.values<std::int64_t>().end());
  };
  EXPECT_THAT(places(3, true, false), ElementsAre(1, 2, 0));
  EXPECT_THAT(places(3, true, true), ElementsAre(2, 1, 4));
  EXPECT_THAT(places(3, false, false), ElementsAre(3, 0, 4));
}

TEST_P(Lookup, GatherAndItsAdjoint) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor indices = ints({2, 4}, {0, 0, 2, -1, 1, 1, 1, -3});
  Tensor out(DType::f32, {2, 4});
  device_.gather(x.view(), indices.view(), 1, out.view());
  EXPECT_THAT(out.values<float>(), ElementsAre(1, 1, 3, 3, 5, 5, 5, 4));
  Tensor back = floats({2, 3}, {10, 0, 0, 0, 0, 0});
  device_.scatter_add(out.view(), indices.view(), 1, back.view());
  EXPECT_THAT(back.values<float>(), ElementsAre(12, 0, 6, 4, 15, 0));
  const Tensor outside = ints({2, 1}, {0, 3});
  Tensor column(DType::f32, {2, 1});
  EXPECT_THROW(device_.gather(x.view(), outside.view(), 1, column.view()), InputError);
}

// Places that depend on the position along the axis alone, in every layout.
TEST(GatherSlices, AgreesWithTheReferenceAndKeepsItsBits) {
  Random random({.seed = 7}, 0);
  for (int trial = 0; trial < 60; ++trial) {
    const int rank = 1 + static_cast<int>(random.below(4));
    const auto axis = static_cast<int>(random.below(static_cast<std::uint32_t>(rank)));
    Shape few;
    for (int i = 0; i < rank; ++i) few.push_back(1 + random.below(trial % 5 == 0 ? 40 : 9));
    Shape many = few;
    many[axis] = 1 + random.below(30);
    std::vector<std::int64_t> places(static_cast<std::size_t>(many[axis]));
    for (std::int64_t& place : places) {
      place = static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(2 * few[axis]))) -
              few[axis];
    }
    Strides along{};
    along[static_cast<std::size_t>(axis)] = 1;
    const ConstView indices(places.data(), DType::i64, many, along);
    const Strides of_few = random_strides(random, few);
    const Strides of_many = random_strides(random, many);
    const auto memory = [](const Shape& shape, const Strides& strides) {
      std::int64_t extent = 1;
      for (int i = 0; i < shape.rank(); ++i) {
        extent += (shape[i] - 1) * strides[static_cast<std::size_t>(i)];
      }
      return std::vector<float>(static_cast<std::size_t>(extent));
    };
    const auto few_of = [&](std::vector<float>& v) {
      return View(v.data(), DType::f32, few, of_few);
    };
    const auto many_of = [&](std::vector<float>& v) {
      return View(v.data(), DType::f32, many, of_many);
    };
    std::vector<float> x = memory(few, of_few);
    for (float& value : x) value = static_cast<float>(random.normal());
    std::vector<float> ours = memory(many, of_many);
    std::vector<float> theirs = ours;
    cpu().gather(few_of(x), indices, axis, many_of(ours));
    reference().gather(few_of(x), indices, axis, many_of(theirs));
    EXPECT_EQ(ours, theirs) << many.str() << " of " << few.str();
    std::vector<float> back = x;
    cpu().scatter_add(many_of(ours), indices, axis, few_of(back));
    reference().scatter_add(many_of(ours), indices, axis, few_of(x));
    EXPECT_EQ(back, x) << many.str() << " to " << few.str();
  }
}

TEST_P(Lookup, NllBackwardIsAtTheLabelAlone) {
  const Tensor labels = ints({3}, {1, 0, 2});
  const Tensor weight = floats({3}, {2, 3, 4});
  const Tensor dloss = floats({3}, {1, 10, 100});
  Tensor dx(DType::f32, {3, 3});
  device_.nll_backward(labels.view(), weight.view(), 2, dloss.view(), dx.view(), false);
  EXPECT_THAT(dx.values<float>(), ElementsAre(0, -3, 0, -20, 0, 0, 0, 0, 0));
}

TEST_P(Lookup, MaxPoolPositionsOfTaps) {
  const PoolGeometry g{.n = 1,
                       .c = 2,
                       .h = 3,
                       .w = 4,
                       .oh = 1,
                       .ow = 2,
                       .r = 2,
                       .s = 2,
                       .stride_h = 2,
                       .stride_w = 2};
  Tensor taps(DType::i32, {1, 2, 1, 2});
  const std::vector<std::int32_t> values{0, 3, -1, 2};
  std::copy(values.begin(), values.end(), taps.data<std::int32_t>());
  Tensor positions(DType::i64, {1, 2, 1, 2});
  device_.max_pool_positions(g, taps.view(), false, positions.view());
  EXPECT_THAT(positions.values<std::int64_t>(), ElementsAre(0, 7, -1, 18));
  device_.max_pool_positions(g, taps.view(), true, positions.view());
  EXPECT_THAT(positions.values<std::int64_t>(), ElementsAre(0, 10, -1, 19));
}

}  // namespace
}  // namespace striate
