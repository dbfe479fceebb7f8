#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;

OperatorCase aligning(const char* mode, const char* pixels, std::int64_t ratio) {
  return {.op = "RoiAlign",
          .attributes = {{"mode", std::string(mode)},
                         {"output_height", std::int64_t{2}},
                         {"output_width", std::int64_t{3}},
                         {"sampling_ratio", ratio},
                         {"spatial_scale", 0.5},
                         {"coordinate_transformation_mode", std::string(pixels)}},
          .inputs = {
              distinct({2, 3, 6, 5}),
              given({4, 4}, {0.3, 0.1, 8.3, 10.9, 1, 2, 5.2, 9.7, 3, 3, 3.2, 3.1, -6, 7, 30, 41}),
              labels({4}, {0, 1, 1, 0})}};
}

TEST(RoiAlign, Gradients) {
  for (const char* mode : {"avg", "max"}) {
    for (const char* pixels : {"half_pixel", "output_half_pixel"}) {
      for (const std::int64_t ratio : {0, 1, 2}) check_operator(aligning(mode, pixels, ratio));
    }
  }
}

// A plane x + 10 y: the mean of a bin that lies inside is its value at the bin's centre.
TEST(RoiAlign, APlaneKeepsItsValues) {
  std::vector<double> plane;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) plane.push_back(x + 10 * y);
  }
  const auto values = [&](const char* pixels) {
    return outputs_of(
        {.op = "RoiAlign",
         .attributes = {{"output_height", std::int64_t{1}},
                        {"output_width", std::int64_t{2}},
                        {"sampling_ratio", std::int64_t{2}},
                        {"coordinate_transformation_mode", std::string(pixels)}},
         .inputs = {given({1, 1, 8, 8}, plane), given({1, 4}, {1, 2, 5, 6}), labels({1}, {0})}})[0];
  };
  expect_close(values("output_half_pixel"), {42, 44}, 1e-12, "whole");
  expect_close(values("half_pixel"), {36.5, 38.5}, 1e-12, "half");
}

TEST(RoiAlign, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of(aligning("median", "half_pixel", 0)), "mode: expected avg or max, got median");
  EXPECT_EQ(error_of(aligning("avg", "corner", 0)),
            "coordinate_transformation_mode: expected half_pixel or output_half_pixel, got corner");
  EXPECT_EQ(error_of(aligning("avg", "half_pixel", 257)),
            "sampling_ratio: expected 0 to 256, got 257");
}

}  // namespace
}  // namespace striate
