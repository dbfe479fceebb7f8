// He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv:1512.03385, section
// 4.2: 3x3 convolutions, n blocks of two for each map size {32, 16, 8} with {16, 32, 64} channels,
// 6n + 2 layers, batch norm after each convolution, He's weights.
// - `resnet…`: shortcuts of the paper's option A: every second pixel, and zeros for new channels.
// - `resnet…_projected`: its option B: a strided 1x1 convolution where the shape changes.
// - `plain…`: no shortcuts (the paper's comparison).
// - `preact_resnet…`: batch norm and ReLU before each convolution (He et al., "Identity mappings in
//   deep residual networks", arXiv:1603.05027, figure 4e), projected where the shape changes.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

enum class Shortcut : std::uint8_t { padded, projected, none, preactivated };

Value conv(Builder& b, const std::string& name, const Value& x, std::int64_t out,
           std::int64_t stride) {
  return b.conv(name, x, {.out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false});
}

Value conv_norm(Builder& b, const std::string& n, const Value& x, std::int64_t out,
                std::int64_t stride) {
  return b.batch_norm("bn" + n, conv(b, "conv" + n, x, out, stride));
}

Value block(Builder& b, Shortcut kind, const Value& x, std::int64_t out, std::int64_t stride) {
  Value y = b.relu("relu1", conv_norm(b, "1", x, out, stride));
  y = conv_norm(b, "2", y, out, 1);
  if (kind == Shortcut::none) return b.relu("relu2", y);
  Value shortcut = x;
  const std::int64_t more = out - b.shape(x)[1];
  if (kind == Shortcut::padded) {
    if (stride != 1) shortcut = b.subsample("shortcut.subsample", shortcut, stride);
    if (more != 0) shortcut = b.pad_channels("shortcut.pad", shortcut, more / 2, more - more / 2);
  } else if (stride != 1 || more != 0) {
    shortcut = b.conv("downsample.0", x, {.out = out, .stride = stride, .bias = false});
    shortcut = b.batch_norm("downsample.1", shortcut);
  }
  return b.relu("relu2", b.add("add", y, shortcut));
}

Value preactivated_block(Builder& b, const Value& x, std::int64_t out, std::int64_t stride) {
  const Value first = b.relu("relu1", b.batch_norm("bn1", x));
  Value y = conv(b, "conv1", first, out, stride);
  y = conv(b, "conv2", b.relu("relu2", b.batch_norm("bn2", y)), out, 1);
  const bool same = stride == 1 && b.shape(x)[1] == out;
  const Value shortcut =
      same ? x : b.conv("downsample.0", first, {.out = out, .stride = stride, .bias = false});
  return b.add("add", y, shortcut);
}

Graph build(const std::string& name, Shortcut kind, std::int64_t n, const ModelSize& size) {
  Builder b(name);
  const bool preactivated = kind == Shortcut::preactivated;
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  x = preactivated ? conv(b, "conv1", x, 16, 1) : b.relu("relu", conv_norm(b, "1", x, 16, 1));
  for (std::int64_t stage = 0; stage < 3; ++stage) {
    const Builder::Scope layer(b, "layer" + std::to_string(stage + 1));
    for (std::int64_t i = 0; i < n; ++i) {
      const Builder::Scope scope(b, std::to_string(i));
      const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      x = preactivated ? preactivated_block(b, x, 16 << stage, stride)
                       : block(b, kind, x, 16 << stage, stride);
    }
  }
  if (preactivated) x = b.relu("relu", b.batch_norm("bn", x));
  x = b.flatten("flatten", b.global_average_pool("avgpool", x));
  return b.finish(b.linear("fc", x, size.classes), "logits");
}

struct Family {
  const char* prefix;
  const char* suffix;
  const char* doc;
  Shortcut kind;
};
constexpr Family kFamilies[] = {
    {"resnet", "", "He et al. 2015 for CIFAR, parameter-free shortcuts", Shortcut::padded},
    {"resnet", "_projected", "He et al. 2015 for CIFAR, projected shortcuts", Shortcut::projected},
    {"preact_resnet", "", "He et al. 2016 for CIFAR, batch norm before", Shortcut::preactivated},
    {"plain", "", "He et al. 2015 for CIFAR, without shortcuts", Shortcut::none}};
constexpr std::int64_t kDepths[] = {20, 32, 44, 56, 110};

}  // namespace

void register_model_resnet_cifar(ModelRegistry& registry);
void register_model_resnet_cifar(ModelRegistry& registry) {
  for (const Family& family : kFamilies) {
    for (const std::int64_t depth : kDepths) {
      // The paper's plain networks end at 56.
      if (family.kind == Shortcut::none && depth > 56) continue;
      const std::string name = family.prefix + std::to_string(depth) + family.suffix;
      registry.add({.name = name,
                    .doc = family.doc,
                    .natural = {.channels = 3, .height = 32, .width = 32, .classes = 10},
                    .build = [=](const ModelSize& size) {
                      return build(name, family.kind, (depth - 2) / 6, size);
                    }});
    }
  }
}

}  // namespace striate
