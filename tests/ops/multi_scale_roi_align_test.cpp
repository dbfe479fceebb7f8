#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

OperatorCase pyramid(const std::vector<double>& rois, std::vector<Input> maps) {
  std::vector<Input> inputs{given({static_cast<std::int64_t>(rois.size() / 5), 5}, rois)};
  inputs.insert(inputs.end(), maps.begin(), maps.end());
  return {.op = "MultiScaleRoiAlign",
          .attributes = {{"output_height", std::int64_t{2}},
                         {"output_width", std::int64_t{2}},
                         {"spatial_scales", std::vector<double>{0.5, 0.25}},
                         {"canonical_size", 8.0},
                         {"canonical_level", 2.0}},
          .inputs = inputs};
}

TEST(MultiScaleRoiAlign, Gradients) {
  check_operator(
      pyramid({0, 0, 0, 3, 3, 1, 1, 2, 5, 6, 0, 0, 0, 12, 12, 1, 2, 2, 11, 14, 0, 4, 4, 6, 6},
              {random({2, 3, 7, 6}), random({2, 3, 4, 3})}));
}

// Sides below 8 are taken from the larger map, all of whose numbers are 1, others from the map of 2.
TEST(MultiScaleRoiAlign, TakesTheMapThatFits) {
  const auto map = [](const Shape& shape, double value) {
    return given(shape, std::vector<double>(static_cast<std::size_t>(shape.elements()), value));
  };
  const Numbers out =
      outputs_of(pyramid({0, 0, 0, 7, 7, 0, 0, 0, 8, 8, 0, 1, 1, 3, 3, 0, 0, 0, 6, 0},
                         {map({1, 1, 10, 10}, 1), map({1, 1, 5, 5}, 2)}))[0];
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], i / 4 == 1 ? 2 : 1) << i;
}

TEST(MultiScaleRoiAlign, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of(pyramid({0, 0, 0, 7, 7}, {random({1, 1, 4, 4})})),
            "spatial_scales: expected one for each of 1 maps, got 2");
  EXPECT_EQ(error_of(pyramid({0, 0, 0, 7, 7}, {random({1, 1, 4, 4}), random({1, 2, 2, 2})})),
            "expected map float64 1x1x2x2, got float64 1x2x2x2");
}

}  // namespace
}  // namespace striate
