// He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv:1512.03385, table 1,
// under torchvision's names, with He's weights. torchvision's bottleneck halves the map in its 3x3
// convolution; the paper's, `…_paper` here, in the 1x1 before it: less work, fewer pixels seen.
// resnet18_half has half of every layer's channels: what a detector can be trained on in minutes.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

struct Variant {
  const char* name;
  bool bottleneck;
  int blocks[4];
  std::int64_t width = 64;  // channels of the first stage
};
constexpr Variant kVariants[] = {
    {"resnet18", false, {2, 2, 2, 2}},  {"resnet18_half", false, {2, 2, 2, 2}, 32},
    {"resnet34", false, {3, 4, 6, 3}},  {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}}, {"resnet152", true, {3, 8, 36, 3}}};
constexpr std::int64_t kExpansion = 4;

Value conv_norm(Builder& b, const std::string& n, const Value& x, std::int64_t out,
                std::int64_t kernel, std::int64_t stride) {
  return b.batch_norm(
      "bn" + n,
      b.conv(
          "conv" + n, x,
          {.out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false}));
}

Value block(Builder& b, const Value& x, const Variant& variant, bool paper, std::int64_t width,
            std::int64_t stride) {
  Value y;
  std::int64_t out = width;
  if (variant.bottleneck) {
    out *= kExpansion;
    y = b.relu("relu1", conv_norm(b, "1", x, width, 1, paper ? stride : 1));
    y = b.relu("relu2", conv_norm(b, "2", y, width, 3, paper ? 1 : stride));
    y = conv_norm(b, "3", y, out, 1, 1);
  } else {
    y = b.relu("relu1", conv_norm(b, "1", x, width, 3, stride));
    y = conv_norm(b, "2", y, out, 3, 1);
  }
  Value shortcut = x;
  if (stride != 1 || b.shape(x)[1] != out) {
    shortcut = b.conv("downsample.0", x, {.out = out, .stride = stride, .bias = false});
    shortcut = b.batch_norm("downsample.1", shortcut);
  }
  return b.relu("relu", b.add("add", y, shortcut));
}

Graph build(const std::string& name, const Variant& variant, bool paper, const ModelSize& size) {
  Builder b(name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  x = b.relu("relu", conv_norm(b, "1", x, variant.width, 7, 2));
  x = b.max_pool("maxpool", x, {.kernel = 3, .stride = 2, .padding = 1});
  for (int stage = 0; stage < 4; ++stage) {
    const Builder::Scope layer(b, "layer" + std::to_string(stage + 1));
    for (int i = 0; i < variant.blocks[stage]; ++i) {
      const Builder::Scope scope(b, std::to_string(i));
      x = block(b, x, variant, paper, variant.width << stage, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = b.flatten("flatten", b.global_average_pool("avgpool", x));
  return b.finish(b.linear("fc", x, size.classes, fan_in_uniform), "logits");
}

}  // namespace

void register_model_resnet(ModelRegistry& registry);
void register_model_resnet(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    for (const bool paper : {false, true}) {
      if (paper && !variant.bottleneck) continue;
      const std::string name = variant.name + std::string(paper ? "_paper" : "");
      registry.add(
          {.name = name,
           .doc = paper                 ? "He et al. 2015, stride in the 1x1 convolution"
                  : variant.width == 64 ? "He et al. 2015, torchvision's form"
                                        : "He et al. 2015, half of the channels",
           .natural = {},
           .build = [=](const ModelSize& size) { return build(name, variant, paper, size); }});
    }
  }
}

}  // namespace striate
