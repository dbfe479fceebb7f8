#pragma once

/// Between this library's pictures and tensors and OpenCV's cv::Mat. Header-only: the library itself
/// does not know OpenCV; whoever includes this links opencv_core.

#include <algorithm>
#include <opencv2/core.hpp>

#include "striate/base/error.h"
#include "striate/codec/image.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// A picture of bytes, grey, BGR or BGRA as OpenCV has them, as grey or RGB; alpha is dropped. A
/// copy: rows may be padded. Throws InputError for other types.
inline Image image_of(const cv::Mat& mat) {
  const int channels = mat.channels();
  if (mat.dims != 2 || mat.depth() != CV_8U || (channels != 1 && channels != 3 && channels != 4)) {
    fail<InputError>(
        "cv::Mat: expected a picture of 8-bit grey, BGR or BGRA, got type {} in {} "
        "dimensions",
        mat.type(), mat.dims);
  }
  Image image(mat.cols, mat.rows, channels == 1 ? 1 : 3);
  for (int y = 0; y < mat.rows; ++y) {
    const auto* from = mat.ptr<std::uint8_t>(y);
    std::uint8_t* to = image.row(y);
    if (channels == 1) {
      std::copy(from, from + mat.cols, to);
      continue;
    }
    for (int x = 0; x < mat.cols; ++x, from += channels, to += 3) {
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
    }
  }
  return image;
}

/// A grey or RGB picture as grey or BGR. A copy.
inline cv::Mat mat_of(const Image& image) {
  cv::Mat mat(image.height, image.width, image.channels == 1 ? CV_8UC1 : CV_8UC3);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.row(y);
    auto* to = mat.ptr<std::uint8_t>(y);
    if (image.channels == 1) {
      std::copy(from, from + image.width, to);
      continue;
    }
    for (int x = 0; x < image.width; ++x, from += 3, to += 3) {
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
    }
  }
  return mat;
}

/// The elements of a Mat of any number of dimensions, such as cv::dnn's blobs N,C,H,W, without a
/// copy: good as long as the Mat. Channels become a last dimension. Throws InputError for types that
/// tensors do not have.
inline ConstView view_of(const cv::Mat& mat) {
  DType dtype = DType::f32;
  switch (mat.depth()) {
    case CV_32F:
      break;
    case CV_64F:
      dtype = DType::f64;
      break;
    case CV_32S:
      dtype = DType::i32;
      break;
    case CV_8U:
      dtype = DType::u8;
      break;
    default:
      fail<InputError>("cv::Mat: elements of depth {} are in no tensor", mat.depth());
  }
  if (mat.dims + (mat.channels() > 1 ? 1 : 0) > Shape::kMaxRank) {
    fail<InputError>("cv::Mat: expected at most {} dimensions, got {}", Shape::kMaxRank, mat.dims);
  }
  Shape shape;
  Strides strides{};
  for (int axis = 0; axis < mat.dims; ++axis) {
    shape.push_back(mat.size[axis]);
    strides[static_cast<std::size_t>(axis)] =
        static_cast<std::int64_t>(mat.step[axis] / mat.elemSize1());
  }
  if (mat.channels() > 1) {
    strides[static_cast<std::size_t>(mat.dims)] = 1;
    shape.push_back(mat.channels());
  }
  return {mat.data, dtype, shape, strides};
}

/// A Mat over a tensor's elements, without a copy: good as long as the tensor.
inline cv::Mat mat_of(Tensor& tensor) {
  int depth = CV_32F;
  switch (tensor.dtype()) {
    case DType::f32:
      break;
    case DType::f64:
      depth = CV_64F;
      break;
    case DType::i32:
      depth = CV_32S;
      break;
    case DType::u8:
      depth = CV_8U;
      break;
    default:
      fail<InputError>("cv::Mat: elements of {} are in none", name_of(tensor.dtype()));
  }
  std::vector<int> sizes;
  for (const std::int64_t size : tensor.shape()) sizes.push_back(static_cast<int>(size));
  if (sizes.empty()) sizes.push_back(1);
  return {static_cast<int>(sizes.size()), sizes.data(), depth, tensor.raw().data()};
}

}  // namespace striate
