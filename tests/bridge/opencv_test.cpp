// Built where OpenCV is found (libopencv-core-dev).

#include "striate/bridge/opencv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace striate {
namespace {

using ::testing::ElementsAre;

TEST(OpenCv, PicturesGoThereAndBack) {
  Image rgb(3, 2, 3);
  for (std::size_t i = 0; i < rgb.pixels.size(); ++i) rgb.pixels[i] = static_cast<std::uint8_t>(i);
  const cv::Mat bgr = mat_of(rgb);
  EXPECT_EQ(bgr.at<cv::Vec3b>(1, 2), cv::Vec3b(17, 16, 15)) << "blue first";
  EXPECT_EQ(image_of(bgr), rgb);
  // A part of a larger picture has rows that are further apart.
  cv::Mat large(5, 7, CV_8UC3, cv::Scalar(0));
  bgr.copyTo(large(cv::Rect(2, 1, 3, 2)));
  EXPECT_EQ(image_of(large(cv::Rect(2, 1, 3, 2))), rgb);
  const cv::Mat bgra(1, 1, CV_8UC4, cv::Scalar(1, 2, 3, 4));
  EXPECT_THAT(image_of(bgra).pixels, ElementsAre(3, 2, 1));
  Image grey(2, 1, 1);
  grey.pixels = {7, 9};
  EXPECT_EQ(image_of(mat_of(grey)), grey);
  EXPECT_THROW(image_of(cv::Mat(2, 2, CV_32FC1)), InputError);
}

TEST(OpenCv, TensorsAndBlobsShareTheirNumbers) {
  Tensor tensor(DType::f32, {1, 2, 3, 4});
  for (int i = 0; i < 24; ++i) tensor.data<float>()[i] = static_cast<float>(i);
  const cv::Mat blob = mat_of(tensor);
  EXPECT_EQ(blob.dims, 4);
  const int at[] = {0, 1, 2, 3};
  EXPECT_EQ(blob.at<float>(at), 23);
  const ConstView view = view_of(blob);
  EXPECT_EQ(view.data, tensor.raw().data());
  EXPECT_EQ(view.shape, tensor.shape());
  EXPECT_TRUE(view.is_dense());
  const cv::Mat part = cv::Mat(4, 6, CV_32FC2)(cv::Rect(1, 1, 2, 3));
  EXPECT_EQ(view_of(part).shape, (Shape{3, 2, 2}));
  EXPECT_EQ(view_of(part).stride(0), 12);
  EXPECT_THROW(view_of(cv::Mat(2, 2, CV_16UC1)), InputError);
}

}  // namespace
}  // namespace striate
