// LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc.
// IEEE 86(11), 1998, section II.B. Departures, as is usual today: plain average pooling and a plain
// tanh in place of the trained subsampling coefficients and the scaled tanh; every map of C3 sees
// all six of S2 instead of table I's selection; a linear output and softmax in place of the
// radial-basis units. The paper's 32x32 input is a 28x28 picture padded by 2, as here. First weights
// are its appendix A's.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

Graph build(const ModelSize& size) {
  Builder b("lenet5");
  const auto conv = [&](const char* name, const Value& x, std::int64_t out, std::int64_t padding) {
    return b.conv(name, x, {.out = out, .kernel = 5, .padding = padding, .weights = lecun_uniform});
  };
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  x = b.tanh("tanh1", conv("c1", x, 6, 2));
  x = b.average_pool("s2", x, {.kernel = 2});
  x = b.tanh("tanh3", conv("c3", x, 16, 0));
  x = b.average_pool("s4", x, {.kernel = 2});
  x = b.flatten("flatten", x);
  x = b.tanh("tanh5", b.linear("c5", x, 120, lecun_uniform));
  x = b.tanh("tanh6", b.linear("f6", x, 84, lecun_uniform));
  return b.finish(b.linear("output", x, size.classes, lecun_uniform), "logits");
}

}  // namespace

void register_model_lenet5(ModelRegistry& registry);
void register_model_lenet5(ModelRegistry& registry) {
  registry.add({.name = "lenet5",
                .doc = "LeCun et al. 1998, with average pooling, tanh and softmax",
                .natural = {.channels = 1, .height = 28, .width = 28, .classes = 10},
                .build = build});
}

}  // namespace striate
