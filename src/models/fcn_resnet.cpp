// torchvision's fcn_resnet50 and fcn_resnet101: He et al.'s networks (arXiv:1512.03385) whose last
// two stages keep the map at an eighth of the picture and dilate their 3x3 convolutions by 2 and 4
// instead (Chen et al., arXiv:1706.05587, section 3.1), a head of two convolutions, and bilinear
// interpolation to the picture's size. The auxiliary head scores the third stage's map.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

struct Variant {
  const char* name;
  int blocks[4];
};
constexpr Variant kVariants[] = {{"fcn_resnet50", {3, 4, 6, 3}}, {"fcn_resnet101", {3, 4, 23, 3}}};
constexpr std::int64_t kExpansion = 4;

Value conv_norm(Builder& b, const std::string& n, const Value& x, const ConvOptions& options) {
  return b.batch_norm("bn" + n, b.conv("conv" + n, x, options));
}

Value block(Builder& b, const Value& x, std::int64_t width, std::int64_t stride,
            std::int64_t dilation) {
  Value y = b.relu("relu1", conv_norm(b, "1", x, {.out = width, .bias = false}));
  y = b.relu("relu2", conv_norm(b, "2", y,
                                {.out = width,
                                 .kernel = 3,
                                 .stride = stride,
                                 .padding = dilation,
                                 .dilation = dilation,
                                 .bias = false}));
  y = conv_norm(b, "3", y, {.out = kExpansion * width, .bias = false});
  Value shortcut = x;
  if (stride != 1 || b.shape(x)[1] != kExpansion * width) {
    shortcut =
        b.conv("downsample.0", x, {.out = kExpansion * width, .stride = stride, .bias = false});
    shortcut = b.batch_norm("downsample.1", shortcut);
  }
  return b.relu("relu", b.add("add", y, shortcut));
}

// torchvision's FCNHead: a quarter of the maps, then one for each class.
Value head(Builder& b, const std::string& name, const Value& x, std::int64_t classes) {
  const Builder::Scope scope(b, name);
  const std::int64_t inner = b.shape(x)[1] / 4;
  Value y = b.conv("0", x, {.out = inner, .kernel = 3, .padding = 1, .bias = false});
  y = b.dropout("3", b.relu("2", b.batch_norm("1", y)), 0.1);
  return b.conv("4", y, {.out = classes, .weights = fan_in_uniform});
}

Graph build(const Variant& variant, const ModelSize& size) {
  Builder b(variant.name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  Value third;
  {
    const Builder::Scope backbone(b, "backbone");
    x = conv_norm(b, "1", x, {.out = 64, .kernel = 7, .stride = 2, .padding = 3, .bias = false});
    x = b.max_pool("maxpool", b.relu("relu", x), {.kernel = 3, .stride = 2, .padding = 1});
    for (int stage = 0; stage < 4; ++stage) {
      const Builder::Scope layer(b, "layer" + std::to_string(stage + 1));
      for (int i = 0; i < variant.blocks[stage]; ++i) {
        const Builder::Scope scope(b, std::to_string(i));
        const std::int64_t stride = stage == 1 && i == 0 ? 2 : 1;
        // A stage's first block has the dilation of the stage before.
        const int doubled = std::max(0, i == 0 ? stage - 2 : stage - 1);
        x = block(b, x, std::int64_t{64} << stage, stride, std::int64_t{1} << doubled);
      }
      if (stage == 2) third = x;
    }
  }
  const Value scores = head(b, "classifier", x, size.classes);
  const Value beside = head(b, "aux_classifier", third, size.classes);
  b.auxiliary(b.resize("aux", beside, size.height, size.width));
  return b.finish(b.resize("out", scores, size.height, size.width), "logits");
}

}  // namespace

void register_model_fcn_resnet(ModelRegistry& registry);
void register_model_fcn_resnet(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    registry.add({.name = variant.name,
                  .doc = "Long et al. 2015 on a dilated ResNet, torchvision's form",
                  .natural = {.height = 520, .width = 520, .classes = 21},
                  .build = [&variant](const ModelSize& size) { return build(variant, size); },
                  .task = "segmentation"});
  }
}

}  // namespace striate
