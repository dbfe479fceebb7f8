// Long, Shelhamer, Darrell, "Fully convolutional networks for semantic segmentation",
// arXiv:1411.4038: a classifier whose dense layers are convolutions gives a coarse map of scores,
// which transposed convolutions that begin as bilinear interpolation enlarge; the 16s and 8s forms
// first add scores of the maps of stride 16 and 8 (section 4.2, figure 3).
//
// On VGG-16 as the authors' published networks have it: 100 pixels of padding around the picture,
// pooling that rounds up, and the excess cut off; parameters are named as torchvision's vgg16 has
// them, so that its weights, made convolutional, fit.
//
// On ResNet-18, for a processor: the paper's idea on He et al.'s network (arXiv:1512.03385) under
// torchvision's names. Its padding keeps map and picture in step, so nothing but what rounding up
// adds is cut off; a batch norm keeps the scores of the three maps alike in size.

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

// How far the maps are enlarged at last, and the maps whose scores are added on the way.
struct Variant {
  const char* stride;
  int added;
};
constexpr Variant kVariants[] = {{"32s", 0}, {"16s", 1}, {"8s", 2}};

Initial zeros(const Shape&) { return constant_initial(0); }

Value vgg_stage(Builder& b, Value x, int& index, std::int64_t channels, int convolutions) {
  const auto next = [&] { return std::to_string(index++); };
  const Builder::Scope scope(b, "features");
  for (int i = 0; i < convolutions; ++i) {
    const std::int64_t padding = index == 0 ? 100 : 1;
    x = b.conv(next(), x, {.out = channels, .kernel = 3, .padding = padding});
    x = b.relu(next(), x);
  }
  return b.max_pool(next(), x, {.ceil_mode = true});
}

// Scores twice as large, without the border that a kernel of 4 adds, and those of another map added
// where they lie over it.
Value added(Builder& b, const std::string& up, const Value& scores, const std::string& name,
            const Value& map, std::int64_t classes, std::int64_t offset) {
  const Value larger = b.upsample(up, scores, {.factor = 2, .border = true});
  const Value other = b.conv(name, map, {.out = classes, .weights = zeros});
  const Shape& shape = b.shape(larger);
  const Value same = b.cut(name + ".cut", other, offset, offset, shape[2], shape[3]);
  return b.add(name + ".add", larger, same);
}

Graph build_vgg(const std::string& name, const Variant& variant, const ModelSize& size) {
  Builder b(name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  int index = 0;
  x = vgg_stage(b, x, index, 64, 2);
  x = vgg_stage(b, x, index, 128, 2);
  const Value pool3 = x = vgg_stage(b, x, index, 256, 3);
  const Value pool4 = x = vgg_stage(b, x, index, 512, 3);
  x = vgg_stage(b, x, index, 512, 3);
  {
    const Builder::Scope scope(b, "classifier");
    x = b.dropout("2", b.relu("1", b.conv("0", x, {.out = 4096, .kernel = 7})));
    x = b.dropout("5", b.relu("4", b.conv("3", x, {.out = 4096})));
  }
  x = b.conv("score_fr", x, {.out = size.classes, .weights = zeros});
  // What 100 pixels of padding have moved a pixel by, at each stride.
  std::int64_t offset = 19;
  std::int64_t factor = 32;
  if (variant.added > 0) {
    x = added(b, "upscore2", x, "score_pool4", pool4, size.classes, 5);
    offset = 27;
    factor = 16;
  }
  if (variant.added > 1) {
    x = added(b, "upscore_pool4", x, "score_pool3", pool3, size.classes, 9);
    offset = 31;
    factor = 8;
  }
  x = b.upsample("upscore" + std::to_string(factor), x, {.factor = factor, .border = true});
  return b.finish(b.cut("cut", x, offset, offset, size.height, size.width), "logits");
}

Value conv_norm(Builder& b, const std::string& n, const Value& x, std::int64_t out,
                std::int64_t kernel, std::int64_t stride) {
  return b.batch_norm(
      "bn" + n,
      b.conv(
          "conv" + n, x,
          {.out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false}));
}

Value block(Builder& b, const Value& x, std::int64_t out, std::int64_t stride) {
  Value y = b.relu("relu1", conv_norm(b, "1", x, out, 3, stride));
  y = conv_norm(b, "2", y, out, 3, 1);
  Value shortcut = x;
  if (stride != 1 || b.shape(x)[1] != out) {
    shortcut = b.conv("downsample.0", x, {.out = out, .stride = stride, .bias = false});
    shortcut = b.batch_norm("downsample.1", shortcut);
  }
  return b.relu("relu", b.add("add", y, shortcut));
}

Value score(Builder& b, const std::string& name, const Value& map, std::int64_t classes) {
  return b.batch_norm(name + ".bn", b.conv(name, map, {.out = classes, .bias = false}));
}

Graph build_resnet(const std::string& name, const Variant& variant, const ModelSize& size) {
  Builder b(name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  x = b.relu("relu", conv_norm(b, "1", x, 64, 7, 2));
  x = b.max_pool("maxpool", x, {.kernel = 3, .stride = 2, .padding = 1});
  std::vector<Value> maps;  // of stride 4, 8, 16, 32
  for (int stage = 0; stage < 4; ++stage) {
    const Builder::Scope layer(b, "layer" + std::to_string(stage + 1));
    for (int i = 0; i < 2; ++i) {
      const Builder::Scope scope(b, std::to_string(i));
      x = block(b, x, std::int64_t{64} << stage, stage > 0 && i == 0 ? 2 : 1);
    }
    maps.push_back(x);
  }
  x = score(b, "score4", x, size.classes);
  for (int i = 0; i < variant.added; ++i) {
    const Value& map = maps[static_cast<std::size_t>(2 - i)];
    const Shape& shape = b.shape(map);
    const std::string stage = std::to_string(3 - i);
    x = b.upsample("up" + stage, x, {.factor = 2, .height = shape[2], .width = shape[3]});
    x = b.add("add" + stage, x, score(b, "score" + stage, map, size.classes));
  }
  const std::int64_t factor = 32 >> variant.added;
  x = b.upsample("up", x, {.factor = factor, .height = size.height, .width = size.width});
  return b.finish(x, "logits");
}

}  // namespace

void register_model_fcn(ModelRegistry& registry);
void register_model_fcn(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    const std::string name = std::string("fcn") + variant.stride;
    registry.add(
        {.name = name + "_vgg16",
         .doc = "Long et al. 2015, as the authors' network",
         .natural = {.height = 500, .width = 500, .classes = 21},
         .build = [=](const ModelSize& s) { return build_vgg(name + "_vgg16", variant, s); },
         .task = "segmentation"});
    registry.add(
        {.name = name + "_resnet18",
         .doc = "Long et al. 2015 on ResNet-18, for a processor",
         .natural = {.height = 360, .width = 480, .classes = 11},
         .build = [=](const ModelSize& s) { return build_resnet(name + "_resnet18", variant, s); },
         .task = "segmentation"});
  }
}

}  // namespace striate
