#include <algorithm>
#include <cmath>
#include <utility>

#include "striate/base/error.h"
#include "striate/codec/image.h"

namespace striate {
namespace {

// PIL's Resample.c: weights of 22 fractional bits leave room for a sum of 255 times one.
constexpr int kFraction = 22;

// Which source positions make one target position: weights[i * width .. + count[i]) from first[i].
struct Weights {
  std::size_t width = 0;
  std::vector<int> first;
  std::vector<int> count;
  std::vector<std::int32_t> weights;

  const std::int32_t* of(int i) const {
    return weights.data() + static_cast<std::size_t>(i) * width;
  }
};

int half_up(double value) { return static_cast<int>(std::floor(value + 0.5)); }

Weights triangle_weights(int source, int target) {
  const double scale = static_cast<double>(source) / target;
  const double support = std::max(scale, 1.0);
  Weights result;
  result.width = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  result.weights.resize(result.width * static_cast<std::size_t>(target));
  std::vector<double> exact(result.width);
  for (int i = 0; i < target; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, half_up(center - support));
    const int count = std::min(source, half_up(center + support)) - first;
    double sum = 0;
    for (int x = 0; x < count; ++x) {
      const double away = std::abs((x + first - center + 0.5) * (1.0 / support));
      exact[static_cast<std::size_t>(x)] = std::max(0.0, 1.0 - away);
      sum += exact[static_cast<std::size_t>(x)];
    }
    std::int32_t* weights = result.weights.data() + static_cast<std::size_t>(i) * result.width;
    for (int x = 0; x < count; ++x) {
      weights[x] = half_up(exact[static_cast<std::size_t>(x)] / sum * (1 << kFraction));
    }
    result.first.push_back(first);
    result.count.push_back(count);
  }
  return result;
}

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFraction, 0, 255));
}

Image resize_rows(const Image& image, int width) {
  const Weights table = triangle_weights(image.width, width);
  const int channels = image.channels;
  Image result(width, image.height, channels);
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* to = result.row(y);
    for (int x = 0; x < width; ++x) {
      const std::int32_t* weights = table.of(x);
      const auto index = static_cast<std::size_t>(x);
      const std::uint8_t* from = image.row(y) + table.first[index] * channels;
      for (int c = 0; c < channels; ++c) {
        std::int32_t sum = 1 << (kFraction - 1);
        for (int k = 0; k < table.count[index]; ++k) sum += weights[k] * from[k * channels + c];
        *to++ = rounded(sum);
      }
    }
  }
  return result;
}

Image resize_columns(const Image& image, int height) {
  const Weights table = triangle_weights(image.height, height);
  Image result(image.width, height, image.channels);
  std::vector<std::int32_t> sums(image.row_bytes());
  for (int y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (kFraction - 1));
    const auto index = static_cast<std::size_t>(y);
    for (int k = 0; k < table.count[index]; ++k) {
      const std::uint8_t* from = image.row(table.first[index] + k);
      const std::int32_t weight = table.of(y)[k];
      for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += weight * from[x];
    }
    std::transform(sums.begin(), sums.end(), result.row(y), rounded);
  }
  return result;
}

}  // namespace

Image resize_bilinear(const Image& image, int width, int height) {
  invariant(image.width > 0 && image.height > 0 && width > 0 && height > 0,
            "resize_bilinear: a picture has at least one pixel");
  // Rows before columns, each rounded to bytes, as PIL does.
  if (width == image.width) return height == image.height ? image : resize_columns(image, height);
  Image wide = resize_rows(image, width);
  return height == image.height ? wide : resize_columns(wide, height);
}

Image resize_nearest(const Image& image, int width, int height) {
  invariant(image.width > 0 && image.height > 0 && width > 0 && height > 0,
            "resize_nearest: a side of no pixels");
  const auto source = [](int i, int from, int to) {
    return static_cast<int>((2 * std::int64_t{i} + 1) * from / (2 * std::int64_t{to}));
  };
  Image result(width, height, image.channels);
  std::vector<int> columns(static_cast<std::size_t>(width));
  for (int x = 0; x < width; ++x) {
    columns[static_cast<std::size_t>(x)] = source(x, image.width, width) * image.channels;
  }
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* from = image.row(source(y, image.height, height));
    std::uint8_t* to = result.row(y);
    for (const int column : columns) to = std::copy_n(from + column, image.channels, to);
  }
  return result;
}

}  // namespace striate
