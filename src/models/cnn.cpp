// The course's assignment: a network for 28x28 grey pictures. Two times convolution, batch
// normalization, ReLU and 2x2 max pooling, then three dense layers with dropout:
// 1x28x28 -> 32x14x14 -> 64x7x7 = 3136 -> 1024 -> 128 -> 10. The dense layers start small: He's
// variance, doubled by two dropouts, makes the first logits so large that the first epoch goes into
// unlearning them.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

Graph build(const ModelSize& size) {
  Builder b("cnn");
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  std::int64_t channels = 32;
  for (const std::string n : {"1", "2"}) {
    // The batch norm's shift makes the convolution's bias superfluous.
    x = b.conv("conv" + n, x, {.out = channels, .kernel = 3, .padding = 1, .bias = false});
    x = b.batch_norm("bn" + n, x);
    x = b.relu("relu" + n, x);
    x = b.max_pool("pool" + n, x, {.kernel = 2});
    channels *= 2;
  }
  x = b.flatten("flatten", x);
  x = b.relu("relu3", b.linear("fc1", x, 1024, fan_in_uniform));
  x = b.dropout("drop1", x, 0.3);
  x = b.relu("relu4", b.linear("fc2", x, 128, fan_in_uniform));
  x = b.dropout("drop2", x, 0.3);
  return b.finish(b.linear("fc3", x, size.classes, fan_in_uniform), "logits");
}

}  // namespace

void register_model_cnn(ModelRegistry& registry);
void register_model_cnn(ModelRegistry& registry) {
  registry.add({.name = "cnn",
                .doc = "the course's assignment: two convolutions, three dense layers",
                .natural = {.channels = 1, .height = 28, .width = 28, .classes = 10},
                .build = build});
}

}  // namespace striate
