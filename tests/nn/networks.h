#pragma once

// Small networks and values that the tests of graphs share.

#include <cmath>

#include "striate/base/random.h"
#include "striate/nn/builder.h"

namespace striate::testing {

inline Tensor random_tensor(DType dtype, const Shape& shape, std::uint64_t seed) {
  Tensor tensor(dtype, shape);
  Random random({.seed = seed, .purpose = purpose_of("test")}, 0);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = random.uniform(-1, 1);
    if (dtype == DType::f64) {
      tensor.data<double>()[i] = value;
    } else {
      tensor.data<float>()[i] = static_cast<float>(value);
    }
  }
  return tensor;
}

/// Values away from the initializers' zeros and ones; variances positive.
inline Weights random_weights(const Graph& graph, std::uint64_t seed) {
  Weights weights;
  for (const Parameter& parameter : graph.parameters) {
    const std::uint64_t own = seed + purpose_of(parameter.name);
    Tensor tensor = random_tensor(DType::f64, parameter.shape, own);
    if (parameter.name.ends_with("running_var")) {
      for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.data<double>()[i] += 1.5;
    }
    weights[parameter.name] = tensor.cast(parameter.dtype);
  }
  return weights;
}

inline double mean_absolute(const Tensor& tensor) {
  const Tensor values = tensor.cast(DType::f64);
  double sum = 0;
  for (const double value : values.values<double>()) sum += std::abs(value);
  return sum / static_cast<double>(values.elements());
}

/// Every kind of layer of the course's CNN in small, with its loss.
inline Graph small_network(DType dtype) {
  Builder b("small", dtype);
  Value x = b.input("input", {1, 2, 6, 6});
  x = b.tanh("tanh", b.batch_norm("bn", b.conv("conv", x, {.out = 4, .kernel = 3, .padding = 1})));
  x = b.flatten("flatten", b.average_pool("pool", x, {.kernel = 2}));
  x = b.dropout("drop", b.tanh("tanh2", b.linear("fc1", x, 8)), 0.4);
  return with_classification_loss(b.finish(b.linear("fc2", x, 3), "logits"));
}

/// A map used three times, a strided shortcut with new channels, one kernel used twice.
inline Graph branching_network(DType dtype) {
  Builder b("branching", dtype);
  const Value input = b.input("input", {1, 2, 6, 6});
  const Value x = b.tanh("stem", b.conv("conv", input, {.out = 2, .kernel = 3, .padding = 1}));
  const Value kernel = b.parameter("shared.weight", {2, 2, 3, 3}, he_normal({2, 2, 3, 3}));
  const Attributes pads{{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  const Value once = b.tanh("t1", b.node("Conv", "once", {x, kernel}, pads));
  const Value twice = b.node("Conv", "twice", {once, kernel}, pads);
  const Value sum = b.add("sum", b.add("inner", twice, x), once);
  const Value down = b.conv("down", sum, {.out = 4, .kernel = 3, .stride = 2, .padding = 1});
  const Value shortcut = b.pad_channels("pad", b.subsample("half", x, 2), 1, 1);
  const Value joined = b.tanh("joined", b.add("add", down, shortcut));
  const Value pooled = b.flatten("flatten", b.global_average_pool("gap", joined));
  return with_classification_loss(b.finish(b.linear("fc", pooled, 3), "logits"));
}

/// Convolutions with all that can be fused to them: norms and activations behind and (as in
/// DenseNet) before, a residual, channels joined; and uses that forbid it.
inline Graph fusible_network(DType dtype) {
  Builder b("fusible", dtype);
  const auto norm_relu = [&](const std::string& name, const Value& x) {
    return b.relu(name + ".relu", b.batch_norm(name + ".bn", x));
  };
  const Value input = b.input("input", {2, 3, 10, 9});
  const Value stem =
      norm_relu("stem", b.conv("stem", input, {.out = 24, .kernel = 3, .padding = 1}));
  // A residual block; `stem` is used twice.
  const Value once =
      norm_relu("once", b.conv("once", stem, {.out = 24, .kernel = 3, .padding = 1}));
  const Value twice = b.batch_norm("twice.bn", b.conv("twice", once, {.out = 24, .kernel = 1}));
  const Value block = b.relu("block", b.add("add", twice, stem));
  // A dense layer: norm and activation first, then joined to its input.
  const Value narrow = b.conv("narrow", norm_relu("before", block), {.out = 16, .kernel = 1});
  const Value grown =
      b.conv("grown", norm_relu("between", narrow), {.out = 8, .kernel = 3, .padding = 1});
  const Value joined = b.concat("joined", {block, grown});
  const Value wide = b.concat("wide", {joined, b.conv("more", joined, {.out = 8, .kernel = 1})});
  const Value last = b.conv("last", norm_relu("end", wide), {.out = 16, .kernel = 3, .padding = 1});
  const Value pooled = b.flatten("flatten", b.global_average_pool("gap", last));
  return with_classification_loss(b.finish(b.linear("fc", pooled, 3), "logits"));
}

}  // namespace striate::testing
