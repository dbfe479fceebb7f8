#include "striate/nn/initialize.h"

#include <algorithm>
#include <cmath>

#include "striate/base/random.h"

namespace striate {
namespace {

double fan_in(const Shape& weight) {
  return static_cast<double>(weight.elements()) /
         static_cast<double>(std::max<std::int64_t>(weight[0], 1));
}

double fan_out(const Shape& weight) {
  return static_cast<double>(weight.elements()) /
         static_cast<double>(std::max<std::int64_t>(weight[1], 1));
}

// A tent over the kernel from each map to the one of its number.
template <class T>
void interpolate(const Shape& weight, std::span<T> values) {
  invariant(weight.rank() == 4, "bilinear kernels are of rank 4");
  std::fill(values.begin(), values.end(), static_cast<T>(0));
  const auto tent = [](std::int64_t i, std::int64_t kernel) {
    const auto factor = static_cast<double>((kernel + 1) / 2);
    const double middle = kernel % 2 == 1 ? factor - 1 : factor - 0.5;
    return 1.0 - std::abs(static_cast<double>(i) - middle) / factor;
  };
  const std::int64_t area = weight[2] * weight[3];
  for (std::int64_t map = 0; map < std::min(weight[0], weight[1]); ++map) {
    T* kernel = values.data() + (map * weight[1] + map) * area;
    for (std::int64_t y = 0; y < weight[2]; ++y) {
      for (std::int64_t x = 0; x < weight[3]; ++x) {
        *kernel++ = static_cast<T>(tent(y, weight[2]) * tent(x, weight[3]));
      }
    }
  }
}

template <class T>
void draw(const Parameter& parameter, const RandomKey& key, std::span<T> values) {
  const Initial& initial = parameter.initial;
  if (initial.kind == Initial::Kind::bilinear) return interpolate(parameter.shape, values);
  if (initial.kind == Initial::Kind::constant) {
    std::fill(values.begin(), values.end(), static_cast<T>(initial.a));
    return;
  }
  constexpr std::size_t kBlock = 1024;  // values drawn from one counter's sequence
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    Random random(key, begin / kBlock);
    for (T& value : values.subspan(begin, std::min(kBlock, values.size() - begin))) {
      value = static_cast<T>(initial.kind == Initial::Kind::uniform
                                 ? random.uniform(initial.a, initial.b)
                                 : initial.a + initial.b * random.normal());
    }
  }
}

}  // namespace

Initial he_normal(const Shape& weight) {
  return {.kind = Initial::Kind::normal, .a = 0, .b = std::sqrt(2.0 / fan_in(weight))};
}

Initial glorot_uniform(const Shape& weight) {
  const double bound = std::sqrt(6.0 / (fan_in(weight) + fan_out(weight)));
  return {.kind = Initial::Kind::uniform, .a = -bound, .b = bound};
}

Initial lecun_uniform(const Shape& weight) {
  const double bound = 2.4 / fan_in(weight);
  return {.kind = Initial::Kind::uniform, .a = -bound, .b = bound};
}

Initial fan_in_uniform(const Shape& weight) {
  const double bound = 1.0 / std::sqrt(fan_in(weight));
  return {.kind = Initial::Kind::uniform, .a = -bound, .b = bound};
}

Weights initialize(const Graph& graph, std::uint64_t seed) {
  Weights weights;
  for (const Parameter& parameter : graph.parameters) {
    Tensor tensor(parameter.dtype, parameter.shape);
    const RandomKey key{.seed = seed, .purpose = purpose_of("initial:" + parameter.name)};
    const auto count = static_cast<std::size_t>(tensor.elements());
    if (parameter.dtype == DType::f64) {
      draw(parameter, key, std::span(tensor.data<double>(), count));
    } else {
      draw(parameter, key, std::span(tensor.data<float>(), count));
    }
    weights[parameter.name] = std::move(tensor);
  }
  return weights;
}

}  // namespace striate
