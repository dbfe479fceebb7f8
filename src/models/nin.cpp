// Lin, Chen, Yan, "Network in network", arXiv:1312.4400: three convolutions, each followed by two
// of 1x1, and the mean of the last maps as scores. The widths are those of the authors' published
// network for CIFAR-10. First weights are He's; the paper's (normal, 0.05) are close to them.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

Graph build(const ModelSize& size) {
  Builder b("nin_cifar");
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  const auto mlpconv = [&](const std::string& n, std::int64_t kernel, std::int64_t first,
                           std::int64_t second, std::int64_t third) {
    x = b.relu("relu" + n,
               b.conv("conv" + n, x, {.out = first, .kernel = kernel, .padding = kernel / 2}));
    x = b.relu("relu" + n + "a", b.conv("cccp" + n + "a", x, {.out = second}));
    x = b.relu("relu" + n + "b", b.conv("cccp" + n + "b", x, {.out = third}));
  };
  mlpconv("1", 5, 192, 160, 96);
  x = b.dropout("drop1", b.max_pool("pool1", x, {.kernel = 3, .stride = 2, .ceil_mode = true}));
  mlpconv("2", 5, 192, 192, 192);
  x = b.dropout("drop2", b.average_pool("pool2", x, {.kernel = 3, .stride = 2, .ceil_mode = true}));
  mlpconv("3", 3, 192, 192, size.classes);
  return b.finish(b.flatten("flatten", b.global_average_pool("avgpool", x)), "logits");
}

}  // namespace

void register_model_nin(ModelRegistry& registry);
void register_model_nin(ModelRegistry& registry) {
  registry.add({.name = "nin_cifar",
                .doc = "Lin et al. 2013: 1x1 convolutions, no dense layer",
                .natural = {.channels = 3, .height = 32, .width = 32, .classes = 10},
                .build = build});
}

}  // namespace striate
