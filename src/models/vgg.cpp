// Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition",
// arXiv:1409.1556, table 1, and the same with batch norm, under torchvision's names. The paper
// trains the deep ones from the weights of a shallow one; here all begin with He's weights
// (arXiv:1502.01852), the dense layers with a deviation of 0.01.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

// Convolutions of each of the five stages; a max pooling follows each.
struct Variant {
  const char* name;
  int convolutions[5];
};
constexpr Variant kVariants[] = {{"vgg11", {1, 1, 2, 2, 2}},
                                 {"vgg13", {2, 2, 2, 2, 2}},
                                 {"vgg16", {2, 2, 3, 3, 3}},
                                 {"vgg19", {2, 2, 4, 4, 4}}};

Initial small_normal(const Shape&) { return {.kind = Initial::Kind::normal, .a = 0, .b = 0.01}; }

Graph build(const std::string& name, const Variant& variant, bool norm, const ModelSize& size) {
  Builder b(name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  {
    const Builder::Scope scope(b, "features");
    int index = 0;
    const auto next = [&] { return std::to_string(index++); };
    std::int64_t channels = 64;
    for (const int convolutions : variant.convolutions) {
      for (int i = 0; i < convolutions; ++i) {
        x = b.conv(next(), x, {.out = channels, .kernel = 3, .padding = 1});
        if (norm) x = b.batch_norm(next(), x);
        x = b.relu(next(), x);
      }
      x = b.max_pool(next(), x);
      channels = std::min<std::int64_t>(2 * channels, 512);
    }
  }
  x = b.flatten("flatten", b.adaptive_average_pool("avgpool", x, 7));
  const Builder::Scope scope(b, "classifier");
  x = b.dropout("2", b.relu("1", b.linear("0", x, 4096, small_normal)));
  x = b.dropout("5", b.relu("4", b.linear("3", x, 4096, small_normal)));
  return b.finish(b.linear("6", x, size.classes, small_normal), "logits");
}

}  // namespace

void register_model_vgg(ModelRegistry& registry);
void register_model_vgg(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    for (const bool norm : {false, true}) {
      const std::string name = variant.name + std::string(norm ? "_bn" : "");
      registry.add(
          {.name = name,
           .doc = norm ? "Simonyan, Zisserman 2014, with batch norm" : "Simonyan, Zisserman 2014",
           .natural = {},
           .build = [=](const ModelSize& size) { return build(name, variant, norm, size); }});
    }
  }
}

}  // namespace striate
