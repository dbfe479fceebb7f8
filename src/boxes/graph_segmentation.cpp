#include "boxes/graph_segmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace striate {
namespace {

// To the right, below, below to the right, above to the right.
constexpr std::array<int, 4> kRight{1, 0, 1, 1};
constexpr std::array<int, 4> kDown{0, 1, 1, -1};

// CIE Lab of sRGB with white D65, brought to 0 to 255: L * 2.55, a + 128, b + 128.
struct Lab {
  std::array<float, 256> linear{};

  Lab() {
    for (std::size_t i = 0; i < linear.size(); ++i) {
      const double v = static_cast<double>(i) / 255;
      linear[i] = static_cast<float>(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
    }
  }
  static float root(float t) { return t > 0.008856F ? std::cbrt(t) : 7.787F * t + 16.0F / 116.0F; }
  void operator()(const std::uint8_t* rgb, float* out) const {
    const float r = linear[rgb[0]];
    const float g = linear[rgb[1]];
    const float b = linear[rgb[2]];
    const float x = root((0.412453F * r + 0.357580F * g + 0.180423F * b) / 0.950456F);
    const float y = root(0.212671F * r + 0.715160F * g + 0.072169F * b);
    const float z = root((0.019334F * r + 0.119193F * g + 0.950227F * b) / 1.088754F);
    out[0] = 2.55F * (116.0F * y - 16.0F);
    out[1] = 500.0F * (x - y) + 128.0F;
    out[2] = 200.0F * (y - z) + 128.0F;
  }
};

float hue_of(float r, float g, float b, float high, float range) {
  if (range <= 0) return 0;
  float sixth = 0;
  if (high == r) {
    sixth = (g - b) / range;
  } else if (high == g) {
    sixth = 2 + (b - r) / range;
  } else {
    sixth = 4 + (r - g) / range;
  }
  return (sixth < 0 ? sixth + 6 : sixth) * (255.0F / 6);
}

int channels_of(ColourSpace space) {
  return space == ColourSpace::hue || space == ColourSpace::intensity ? 1 : 3;
}

std::int32_t root_of(std::vector<std::int32_t>& parents, std::int32_t at) {
  while (parents[static_cast<std::size_t>(at)] != at) {
    std::int32_t& parent = parents[static_cast<std::size_t>(at)];
    parent = parents[static_cast<std::size_t>(parent)];
    at = parent;
  }
  return at;
}

}  // namespace

Planes in_colour_space(const Image& picture, ColourSpace space) {
  static const Lab lab;
  Planes planes{.width = picture.width, .height = picture.height, .channels = channels_of(space)};
  planes.values.resize(planes.pixels() * static_cast<std::size_t>(planes.channels));
  const std::uint8_t* in = picture.pixels.data();
  float* out = planes.values.data();
  for (std::size_t i = 0; i < planes.pixels(); ++i, in += 3, out += planes.channels) {
    const float r = in[0];
    const float g = in[1];
    const float b = in[2];
    const float high = std::max({r, g, b});
    const float range = high - std::min({r, g, b});
    const float sum = r + g + b;
    switch (space) {
      case ColourSpace::hsv:
        out[0] = hue_of(r, g, b, high, range);
        out[1] = high > 0 ? 255 * range / high : 0;
        out[2] = high;
        break;
      case ColourSpace::lab:
        lab(in, out);
        break;
      case ColourSpace::rgi:
        out[0] = sum > 0 ? 255 * r / sum : 85;
        out[1] = sum > 0 ? 255 * g / sum : 85;
        out[2] = sum / 3;
        break;
      case ColourSpace::hue:
        out[0] = hue_of(r, g, b, high, range);
        break;
      case ColourSpace::intensity:
        out[0] = 0.299F * r + 0.587F * g + 0.114F * b;
        break;
    }
  }
  return planes;
}

Planes smoothed(const Planes& planes, double sigma) {
  const int reach = std::max(1, static_cast<int>(std::ceil(4 * sigma)));
  std::vector<float> taps;
  for (int i = -reach; i <= reach; ++i) {
    taps.push_back(static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma))));
  }
  const float total = std::accumulate(taps.begin(), taps.end(), 0.0F);
  for (float& tap : taps) tap /= total;
  const auto c = static_cast<std::size_t>(planes.channels);
  const auto row = static_cast<std::size_t>(planes.width) * c;
  Planes across = planes;
  for (int y = 0; y < planes.height; ++y) {
    const float* in = planes.values.data() + static_cast<std::size_t>(y) * row;
    float* out = across.values.data() + static_cast<std::size_t>(y) * row;
    for (int x = 0; x < planes.width; ++x) {
      for (std::size_t k = 0; k < c; ++k) {
        float sum = 0;
        for (int i = -reach; i <= reach; ++i) {
          const int at = std::clamp(x + i, 0, planes.width - 1);
          sum +=
              taps[static_cast<std::size_t>(i + reach)] * in[static_cast<std::size_t>(at) * c + k];
        }
        out[static_cast<std::size_t>(x) * c + k] = sum;
      }
    }
  }
  Planes result = across;
  for (int y = 0; y < planes.height; ++y) {
    float* out = result.values.data() + static_cast<std::size_t>(y) * row;
    std::fill(out, out + row, 0.0F);
    for (int i = -reach; i <= reach; ++i) {
      const auto at = static_cast<std::size_t>(std::clamp(y + i, 0, planes.height - 1));
      const float* in = across.values.data() + at * row;
      const float tap = taps[static_cast<std::size_t>(i + reach)];
      for (std::size_t x = 0; x < row; ++x) out[x] += tap * in[x];
    }
  }
  return result;
}

GraphSegmentation::GraphSegmentation(const Planes& smooth)
    : width_(smooth.width), height_(smooth.height) {
  constexpr float kSteps = 64;
  const auto c = static_cast<std::size_t>(smooth.channels);
  std::vector<std::uint32_t> edges;
  std::vector<float> weights;
  edges.reserve(smooth.pixels() * 4);
  weights.reserve(smooth.pixels() * 4);
  float most = 0;
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      const std::size_t pixel = static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                                static_cast<std::size_t>(x);
      for (std::size_t d = 0; d < 4; ++d) {
        const int right = x + kRight[d];
        const int down = y + kDown[d];
        if (right >= width_ || down < 0 || down >= height_) continue;
        const std::size_t other =
            static_cast<std::size_t>(down) * static_cast<std::size_t>(width_) +
            static_cast<std::size_t>(right);
        float sum = 0;
        for (std::size_t k = 0; k < c; ++k) {
          const float difference = smooth.values[pixel * c + k] - smooth.values[other * c + k];
          sum += difference * difference;
        }
        edges.push_back(static_cast<std::uint32_t>(pixel * 4 + d));
        weights.push_back(std::sqrt(sum));
        most = std::max(most, weights.back());
      }
    }
  }
  // Counted, so that the order is the same everywhere.
  std::vector<std::uint32_t> begins(static_cast<std::size_t>(most * kSteps) + 2);
  const auto bucket = [&](float weight) { return static_cast<std::size_t>(weight * kSteps); };
  for (const float weight : weights) ++begins[bucket(weight) + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  edges_.resize(edges.size());
  weights_.resize(edges.size());
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const std::uint32_t place = begins[bucket(weights[i])]++;
    edges_[place] = edges[i];
    weights_[place] = weights[i];
  }
}

GraphSegmentation::Segments GraphSegmentation::segment(double scale, std::int64_t least) const {
  const std::size_t pixels = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  std::vector<std::int32_t> parents(pixels);
  std::iota(parents.begin(), parents.end(), 0);
  std::vector<std::int32_t> sizes(pixels, 1);
  std::vector<float> limits(pixels, static_cast<float>(scale));
  const auto ends = [&](std::size_t edge) {
    const std::uint32_t pixel = edges_[edge] / 4;
    const std::size_t d = edges_[edge] % 4;
    return std::pair{
        root_of(parents, static_cast<std::int32_t>(pixel)),
        root_of(parents, static_cast<std::int32_t>(pixel) + kDown[d] * width_ + kRight[d])};
  };
  const auto join = [&](std::int32_t a, std::int32_t b, float limit) {
    if (sizes[static_cast<std::size_t>(a)] < sizes[static_cast<std::size_t>(b)]) std::swap(a, b);
    parents[static_cast<std::size_t>(b)] = a;
    std::int32_t& size = sizes[static_cast<std::size_t>(a)];
    size += sizes[static_cast<std::size_t>(b)];
    limits[static_cast<std::size_t>(a)] = limit + static_cast<float>(scale / size);
  };
  for (std::size_t e = 0; e < edges_.size(); ++e) {
    const auto [a, b] = ends(e);
    if (a == b) continue;
    const float weight = weights_[e];
    if (weight > limits[static_cast<std::size_t>(a)] ||
        weight > limits[static_cast<std::size_t>(b)]) {
      continue;
    }
    join(a, b, weight);
  }
  for (std::size_t e = 0; e < edges_.size(); ++e) {
    const auto [a, b] = ends(e);
    if (a != b &&
        std::min(sizes[static_cast<std::size_t>(a)], sizes[static_cast<std::size_t>(b)]) < least) {
      join(a, b, weights_[e]);
    }
  }
  Segments segments{.labels = std::vector<std::int32_t>(pixels)};
  std::vector<std::int32_t> numbers(pixels, -1);
  for (std::size_t i = 0; i < pixels; ++i) {
    std::int32_t& number =
        numbers[static_cast<std::size_t>(root_of(parents, static_cast<std::int32_t>(i)))];
    if (number < 0) number = segments.count++;
    segments.labels[i] = number;
  }
  return segments;
}

}  // namespace striate
