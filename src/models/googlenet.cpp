// Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842, table 1, with its two
// auxiliary classifiers, which only training sees (their losses count 0.3 each).
// - `googlenet`: torchvision's: batch norm, 3x3 where the paper has 5x5, poolings that round up.
//   The auxiliary classifiers average 5x5 pixels as the paper's do.
// - `googlenet_paper`: 5x5 convolutions, biases, local response normalization, no batch norm.
// The paper says nothing of first weights; these are He's (arXiv:1502.01852).

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

// Table 1's columns; "pool" stands before 4a and 5a.
struct Row {
  const char* name;
  std::int64_t one, three_reduce, three, five_reduce, five, pool;
};
constexpr Row kRows[] = {{"3a", 64, 96, 128, 16, 32, 32},     {"3b", 128, 128, 192, 32, 96, 64},
                         {"4a", 192, 96, 208, 16, 48, 64},    {"4b", 160, 112, 224, 24, 64, 64},
                         {"4c", 128, 128, 256, 24, 64, 64},   {"4d", 112, 144, 288, 32, 64, 64},
                         {"4e", 256, 160, 320, 32, 128, 128}, {"5a", 256, 160, 320, 32, 128, 128},
                         {"5b", 384, 192, 384, 48, 128, 128}};

struct Form {
  const char* name;
  bool torchvision;
};
constexpr Form kForms[] = {{"googlenet", true}, {"googlenet_paper", false}};

class Net {
 public:
  Net(const Form& form, const ModelSize& size) : b_(form.name), form_(form), size_(size) {}

  Graph build() {
    Value x = b_.input("input", {1, size_.channels, size_.height, size_.width});
    x = pool("maxpool1", conv("conv1", x, {.out = 64, .kernel = 7, .stride = 2, .padding = 3}));
    x = norm("norm1", x);
    x = conv("conv2", x, {.out = 64});
    x = norm("norm2", conv("conv3", x, {.out = 192, .kernel = 3, .padding = 1}));
    x = pool("maxpool2", x);
    for (const Row& row : kRows) {
      const std::string name = row.name;
      if (name == "4a") x = pool("maxpool3", x);
      if (name == "5a") x = pool("maxpool4", x, form_.torchvision ? 2 : 3);
      x = inception(row, x);
      if (name == "4a") auxiliary("aux1", x);
      if (name == "4d") auxiliary("aux2", x);
    }
    x = b_.flatten("flatten", b_.global_average_pool("avgpool", x));
    x = b_.dropout("dropout", x, form_.torchvision ? 0.2 : 0.4);
    return b_.finish(b_.linear("fc", x, size_.classes), "logits");
  }

 private:
  Value conv(const std::string& name, const Value& x, ConvOptions options) {
    if (!form_.torchvision) return b_.relu(name + ".relu", b_.conv(name, x, options));
    const Builder::Scope scope(b_, name);
    options.bias = false;
    return b_.relu("relu", b_.batch_norm("bn", b_.conv("conv", x, options), {.epsilon = 1e-3}));
  }

  Value pool(const std::string& name, const Value& x, std::int64_t kernel = 3) {
    return b_.max_pool(name, x, {.kernel = kernel, .stride = 2, .ceil_mode = true});
  }

  Value norm(const std::string& name, const Value& x) {
    if (form_.torchvision) return x;
    return b_.lrn(name, x, {.size = 5, .alpha = 1e-4, .beta = 0.75, .bias = 1});
  }

  Value inception(const Row& row, const Value& x) {
    const Builder::Scope scope(b_, "inception" + std::string(row.name));
    const std::int64_t kernel = form_.torchvision ? 3 : 5;
    const Value one = conv("branch1", x, {.out = row.one});
    Value three = conv("branch2.0", x, {.out = row.three_reduce});
    three = conv("branch2.1", three, {.out = row.three, .kernel = 3, .padding = 1});
    Value five = conv("branch3.0", x, {.out = row.five_reduce});
    five = conv("branch3.1", five, {.out = row.five, .kernel = kernel, .padding = kernel / 2});
    Value pooled =
        b_.max_pool("branch4.0", x, {.kernel = 3, .stride = 1, .padding = 1, .ceil_mode = true});
    pooled = conv("branch4.1", pooled, {.out = row.pool});
    return b_.concat("concat", {one, three, five, pooled});
  }

  void auxiliary(const std::string& name, const Value& x) {
    const Builder::Scope scope(b_, name);
    Value y = b_.average_pool("pool", x, {.kernel = 5, .stride = 3});
    y = b_.flatten("flatten", conv("conv", y, {.out = 128}));
    y = b_.dropout("dropout", b_.relu("relu", b_.linear("fc1", y, 1024)), 0.7);
    b_.auxiliary(b_.linear("fc2", y, size_.classes));
  }

  Builder b_;
  const Form& form_;
  ModelSize size_;
};

}  // namespace

void register_model_googlenet(ModelRegistry& registry);
void register_model_googlenet(ModelRegistry& registry) {
  for (const Form& form : kForms) {
    registry.add({.name = form.name,
                  .doc = form.torchvision ? "Szegedy et al. 2014, torchvision's form"
                                          : "Szegedy et al. 2014, as printed: 5x5, LRN",
                  .natural = {},
                  .build = [&form](const ModelSize& size) { return Net(form, size).build(); }});
  }
}

}  // namespace striate
