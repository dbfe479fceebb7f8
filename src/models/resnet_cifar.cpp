// He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv:1512.03385, section
// 4.2: 3x3 convolutions, n blocks of two for each map size {32, 16, 8} with {16, 32, 64} channels,
// 6n + 2 layers. Shortcuts are the paper's option A: every second pixel, and zeros for the new
// channels, so they have no parameters. Batch norm after each convolution, He's initialization.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

Value conv_norm(Builder& b, const std::string& n, const Value& x, std::int64_t out,
                std::int64_t stride) {
  const Value y = b.conv("conv" + n, x,
                         {.out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false});
  return b.batch_norm("bn" + n, y);
}

Value block(Builder& b, const Value& x, std::int64_t out, std::int64_t stride) {
  Value y = b.relu("relu1", conv_norm(b, "1", x, out, stride));
  y = conv_norm(b, "2", y, out, 1);
  Value shortcut = x;
  if (stride != 1) shortcut = b.subsample("shortcut.subsample", shortcut, stride);
  const std::int64_t more = out - b.shape(x)[1];
  if (more != 0) shortcut = b.pad_channels("shortcut.pad", shortcut, more / 2, more - more / 2);
  return b.relu("relu2", b.add("add", y, shortcut));
}

Graph build(const std::string& name, std::int64_t n, const ModelSize& size) {
  Builder b(name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  x = b.relu("relu", conv_norm(b, "1", x, 16, 1));
  for (std::int64_t stage = 0; stage < 3; ++stage) {
    const Builder::Scope layer(b, "layer" + std::to_string(stage + 1));
    for (std::int64_t i = 0; i < n; ++i) {
      const Builder::Scope scope(b, std::to_string(i));
      x = block(b, x, 16 << stage, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = b.flatten("flatten", b.global_average_pool("avgpool", x));
  return b.finish(b.linear("fc", x, size.classes), "logits");
}

struct Variant {
  const char* name;
  std::int64_t n;
};
constexpr Variant kVariants[] = {{"resnet20", 3}};

}  // namespace

void register_model_resnet_cifar(ModelRegistry& registry);
void register_model_resnet_cifar(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    registry.add({.name = variant.name,
                  .doc = "He et al. 2015 for CIFAR, parameter-free shortcuts",
                  .natural = {.channels = 3, .height = 32, .width = 32, .classes = 10},
                  .build = [variant](const ModelSize& size) {
                    return build(variant.name, variant.n, size);
                  }});
  }
}

}  // namespace striate
