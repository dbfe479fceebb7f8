// Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks",
// arXiv:1608.06993: every layer sees all maps before it in its block. Table 1's networks under
// torchvision's names, and two of table 2's for CIFAR (without bottleneck and compression, and
// with both). Batch norm and ReLU stand before each convolution; first weights are He's. A layer's
// maps are joined to those before it one at a time, so that each is written once.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

struct Variant {
  const char* name;
  bool cifar;
  std::int64_t growth, first;
  std::vector<int> layers;
  bool bottleneck;
  double compression;
};

const Variant kVariants[] = {
    {"densenet121", false, 32, 64, {6, 12, 24, 16}, true, 0.5},
    {"densenet161", false, 48, 96, {6, 12, 36, 24}, true, 0.5},
    {"densenet169", false, 32, 64, {6, 12, 32, 32}, true, 0.5},
    {"densenet201", false, 32, 64, {6, 12, 48, 32}, true, 0.5},
    {"densenet40_12", true, 12, 16, {12, 12, 12}, false, 1.0},
    {"densenet_bc100_12", true, 12, 24, {16, 16, 16}, true, 0.5},
};
// A bottleneck's 1x1 convolution gives this many times the growth (section 3).
constexpr std::int64_t kWidth = 4;

Value norm_relu(Builder& b, const std::string& n, const Value& x) {
  return b.relu("relu" + n, b.batch_norm("norm" + n, x));
}

Value layer(Builder& b, const Variant& variant, const Value& x) {
  const ConvOptions grow{.out = variant.growth, .kernel = 3, .padding = 1, .bias = false};
  Value y = norm_relu(b, "1", x);
  if (!variant.bottleneck) return b.conv("conv1", y, grow);
  y = b.conv("conv1", y, {.out = kWidth * variant.growth, .bias = false});
  return b.conv("conv2", norm_relu(b, "2", y), grow);
}

Graph build(const Variant& variant, const ModelSize& size) {
  Builder b(variant.name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  {
    const Builder::Scope features(b, "features");
    if (variant.cifar) {
      x = b.conv("conv0", x, {.out = variant.first, .kernel = 3, .padding = 1, .bias = false});
    } else {
      x = b.conv("conv0", x,
                 {.out = variant.first, .kernel = 7, .stride = 2, .padding = 3, .bias = false});
      x = norm_relu(b, "0", x);
      x = b.max_pool("pool0", x, {.kernel = 3, .stride = 2, .padding = 1});
    }
    for (std::size_t block = 0; block < variant.layers.size(); ++block) {
      const std::string n = std::to_string(block + 1);
      {
        const Builder::Scope scope(b, "denseblock" + n);
        for (int i = 1; i <= variant.layers[block]; ++i) {
          const Builder::Scope inner(b, "denselayer" + std::to_string(i));
          const Value grown = layer(b, variant, x);
          x = b.concat("concat", {x, grown});
        }
      }
      if (block + 1 == variant.layers.size()) break;
      const Builder::Scope scope(b, "transition" + n);
      const auto channels =
          static_cast<std::int64_t>(static_cast<double>(b.shape(x)[1]) * variant.compression);
      x = b.conv("conv", norm_relu(b, "", x), {.out = channels, .bias = false});
      x = b.average_pool("pool", x);
    }
    x = norm_relu(b, std::to_string(variant.layers.size() + 1), x);
  }
  x = b.flatten("flatten", b.global_average_pool("avgpool", x));
  return b.finish(b.linear("classifier", x, size.classes, fan_in_uniform), "logits");
}

}  // namespace

void register_model_densenet(ModelRegistry& registry);
void register_model_densenet(ModelRegistry& registry) {
  const ModelSize small{.channels = 3, .height = 32, .width = 32, .classes = 10};
  for (const Variant& variant : kVariants) {
    registry.add({.name = variant.name,
                  .doc = variant.cifar ? "Huang et al. 2016 for CIFAR"
                                       : "Huang et al. 2016, torchvision's form",
                  .natural = variant.cifar ? small : ModelSize{},
                  .build = [&variant](const ModelSize& size) { return build(variant, size); }});
  }
}

}  // namespace striate
