// Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks",
// NIPS 2012, in three forms:
// - `alexnet`: torchvision's, which is the one tower of Krizhevsky, "One weird trick for
//   parallelizing convolutional neural networks", arXiv:1404.5997. First weights are PyTorch's.
// - `alexnet_paper`: 227x227 pictures, the two towers as two groups, local response normalization,
//   overlapping pooling (section 3.5). First weights are normal with deviation 0.01 and biases of
//   one in the second, fourth and fifth convolution and the hidden dense layers (section 5).
// - `alexnet_lecture`: what is counted where the last pooling is forgotten: weights alone, and a
//   first dense layer on 13x13 pixels.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

Graph build_torchvision(const ModelSize& size) {
  Builder b("alexnet");
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  {
    const Builder::Scope scope(b, "features");
    const auto conv = [&](const std::string& n, const std::string& relu, ConvOptions options) {
      options.weights = fan_in_uniform;
      x = b.relu(relu, b.conv(n, x, options));
    };
    const auto pool = [&](const std::string& n) {
      x = b.max_pool(n, x, {.kernel = 3, .stride = 2});
    };
    conv("0", "1", {.out = 64, .kernel = 11, .stride = 4, .padding = 2});
    pool("2");
    conv("3", "4", {.out = 192, .kernel = 5, .padding = 2});
    pool("5");
    conv("6", "7", {.out = 384, .kernel = 3, .padding = 1});
    conv("8", "9", {.out = 256, .kernel = 3, .padding = 1});
    conv("10", "11", {.out = 256, .kernel = 3, .padding = 1});
    pool("12");
  }
  x = b.flatten("flatten", b.adaptive_average_pool("avgpool", x, 6));
  const Builder::Scope scope(b, "classifier");
  x = b.dropout("0", x);
  x = b.relu("2", b.linear("1", x, 4096, fan_in_uniform));
  x = b.dropout("3", x);
  x = b.relu("5", b.linear("4", x, 4096, fan_in_uniform));
  return b.finish(b.linear("6", x, size.classes, fan_in_uniform), "logits");
}

Initial small_normal(const Shape&) { return {.kind = Initial::Kind::normal, .a = 0, .b = 0.01}; }

struct Form {
  const char* name;
  bool normalizes, last_pool, bias;
};

Graph build_towers(const Form& form, const ModelSize& size) {
  Builder b(form.name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  const auto conv = [&](const std::string& n, ConvOptions options, double bias) {
    options.weights = small_normal;
    options.bias = form.bias;
    options.first_bias = bias;
    x = b.relu("relu" + n, b.conv("conv" + n, x, options));
  };
  const auto norm = [&](const std::string& n) {
    if (!form.normalizes) return;
    x = b.lrn("norm" + n, x, {.size = 5, .alpha = 5e-4, .beta = 0.75, .bias = 2});
  };
  const auto pool = [&](const std::string& n) {
    x = b.max_pool("pool" + n, x, {.kernel = 3, .stride = 2});
  };
  const auto dense = [&](const std::string& n, std::int64_t out, double bias) {
    x = b.linear("fc" + n, x,
                 {.out = out, .bias = form.bias, .weights = small_normal, .first_bias = bias});
  };
  conv("1", {.out = 96, .kernel = 11, .stride = 4}, 0);
  norm("1");
  pool("1");
  conv("2", {.out = 256, .kernel = 5, .padding = 2, .groups = 2}, 1);
  norm("2");
  pool("2");
  conv("3", {.out = 384, .kernel = 3, .padding = 1}, 0);
  conv("4", {.out = 384, .kernel = 3, .padding = 1, .groups = 2}, 1);
  conv("5", {.out = 256, .kernel = 3, .padding = 1, .groups = 2}, 1);
  if (form.last_pool) pool("5");
  x = b.flatten("flatten", x);
  dense("6", 4096, 1);
  x = b.dropout("drop6", b.relu("relu6", x));
  dense("7", 4096, 1);
  x = b.dropout("drop7", b.relu("relu7", x));
  dense("8", size.classes, 0);
  return b.finish(x, "logits");
}

constexpr Form kForms[] = {{"alexnet_paper", true, true, true},
                           {"alexnet_lecture", false, false, false}};

}  // namespace

void register_model_alexnet(ModelRegistry& registry);
void register_model_alexnet(ModelRegistry& registry) {
  registry.add({.name = "alexnet",
                .doc = "Krizhevsky 2014, torchvision's form",
                .natural = {},
                .build = build_torchvision});
  const ModelSize larger{.height = 227, .width = 227};
  for (const Form& form : kForms) {
    registry.add({.name = form.name,
                  .doc = form.last_pool ? "Krizhevsky et al. 2012: two towers, LRN"
                                        : "AlexNet as lectures count it: 13x13 into a dense layer",
                  .natural = larger,
                  .build = [form](const ModelSize& size) { return build_towers(form, size); }});
  }
}

}  // namespace striate
