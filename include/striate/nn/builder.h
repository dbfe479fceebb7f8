#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "striate/graph/graph.h"
#include "striate/nn/initialize.h"

namespace striate {

/// A value of the graph being built.
struct Value {
  std::string name;
};

/// Settings of layers, with PyTorch's defaults but for the first weights, which are He's, and for
/// average pooling, which leaves the padding out of the count. `kernel`, `stride` and so on hold
/// for both dimensions.
struct ConvOptions {
  std::int64_t out = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  InitialRule weights = he_normal;
  double first_bias = 0;
};

/// A transposed convolution: maps `factor` times as large by a kernel of twice the factor.
struct UpsampleOptions {
  std::int64_t factor = 2;
  /// What is beyond is cut off at the end; 0: nothing.
  std::int64_t height = 0, width = 0;
  /// Keep what the kernel reaches beyond that, `factor` pixels in all along each side.
  bool border = false;
};

struct LinearOptions {
  std::int64_t out = 0;
  bool bias = true;
  InitialRule weights = he_normal;
  double first_bias = 0;
  /// The weight of another layer, [out, features], instead of one of its own: a softmax tied to its
  /// embedding (Press and Wolf, arXiv:1608.05859).
  Value tied = {};
};

/// Local response normalization as ONNX writes it: alpha is divided by the size.
struct LrnOptions {
  std::int64_t size = 5;
  double alpha = 1e-4, beta = 0.75, bias = 1;
};

struct BatchNormOptions {
  double epsilon = 1e-5;
  /// Share of the new batch in the running statistics, as PyTorch counts it (ONNX: one less this).
  double momentum = 0.1;
};

struct PoolOptions {
  std::int64_t kernel = 2;
  std::int64_t stride = 0;  ///< 0: the kernel
  std::int64_t padding = 0;
  bool ceil_mode = false;
};

/// What models are written with: adds layers to a graph in its training form (batch statistics,
/// dropout at work); `inference_form` in graph/rewrite.h makes the other. Parameters are named by
/// dotted paths: the scopes that are open, the layer, "weight". For one thread at a time. Every
/// layer throws ModelError that names it where its input does not fit; the builder cannot be gone
/// on with then.
class Builder {
 public:
  explicit Builder(std::string graph_name, DType dtype = DType::f32);
  /// Goes on from a graph, whose outputs are so no longer.
  explicit Builder(Graph begun, DType dtype = DType::f32);

  Value input(const std::string& name, const Shape& shape) { return input(name, shape, dtype_); }
  Value input(const std::string& name, const Shape& shape, DType dtype);
  /// Shape of a value, for the input shape the graph was begun with; good as long as the builder.
  const Shape& shape(const Value& value) const;

  /// Any operator: `name` becomes the node's and its first output's, under the open scopes.
  Value node(const std::string& op, const std::string& name, const std::vector<Value>& inputs,
             Attributes attributes = {});
  /// The same for several outputs, named under the open scopes as well; "" is one that is left out.
  std::vector<Value> node(const std::string& op, const std::string& name,
                          const std::vector<Value>& inputs, Attributes attributes,
                          const std::vector<std::string>& outputs);
  Value parameter(const std::string& name, const Shape& shape, const Initial& initial,
                  bool trainable = true);
  Value constant(const std::string& name, Tensor tensor);

  Value conv(const std::string& name, const Value& x, const ConvOptions& options);
  /// Begins as bilinear interpolation; as many maps as come in, no bias.
  Value upsample(const std::string& name, const Value& x, const UpsampleOptions& options);
  /// Bilinear interpolation to this size, pixels' centres kept in proportion (PyTorch's interpolate
  /// with align_corners=False).
  Value resize(const std::string& name, const Value& x, std::int64_t height, std::int64_t width);
  /// The part of each map from row `top` and column `left` on.
  Value cut(const std::string& name, const Value& x, std::int64_t top, std::int64_t left,
            std::int64_t height, std::int64_t width);
  Value batch_norm(const std::string& name, const Value& x, const BatchNormOptions& options = {});
  /// x [N, features] times weight [out, features] transposed, plus bias.
  Value linear(const std::string& name, const Value& x, const LinearOptions& options);
  Value linear(const std::string& name, const Value& x, std::int64_t out,
               InitialRule weights = he_normal) {
    return linear(name, x, {.out = out, .weights = weights});
  }
  Value lrn(const std::string& name, const Value& x, const LrnOptions& options);
  Value max_pool(const std::string& name, const Value& x, const PoolOptions& options = {});
  Value average_pool(const std::string& name, const Value& x, const PoolOptions& options = {});
  /// Means of `out` by `out` equal parts. A map whose sides are no multiples of `out` is an error; one
  /// that is smaller stays as it is.
  Value adaptive_average_pool(const std::string& name, const Value& x, std::int64_t out);
  Value global_average_pool(const std::string& name, const Value& x);
  Value relu(const std::string& name, const Value& x) { return node("Relu", name, {x}); }
  Value tanh(const std::string& name, const Value& x) { return node("Tanh", name, {x}); }
  Value add(const std::string& name, const Value& a, const Value& b) {
    return node("Add", name, {a, b});
  }
  /// Channels of the maps behind one another.
  Value concat(const std::string& name, const std::vector<Value>& maps) {
    return node("Concat", name, maps, {{"axis", std::int64_t{1}}});
  }
  /// N,C,H,W to N, C*H*W.
  Value flatten(const std::string& name, const Value& x) { return node("Flatten", name, {x}); }
  Value dropout(const std::string& name, const Value& x, double ratio = 0.5);
  /// Every `step`-th pixel along both axes.
  Value subsample(const std::string& name, const Value& x, std::int64_t step);
  /// Adds channels of zeros before and behind.
  Value pad_channels(const std::string& name, const Value& x, std::int64_t before,
                     std::int64_t behind);

  /// Opens a scope while it lives, which the builder must outlast: "layer1" then "0" name "layer1.0.…".
  class Scope {
   public:
    Scope(Builder& builder, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Builder& builder_;
    std::size_t length_;
  };

  /// A name under the open scopes.
  std::string path(const std::string& name) const { return prefix_ + name; }
  DType dtype() const { return dtype_; }

  /// One more output of the graph, behind the one that `finish` is given.
  void output(const Value& value) { graph_.outputs.push_back(value.name); }
  /// Scores beside the output, which only training's loss looks at.
  void auxiliary(const Value& scores) { graph_.auxiliary.push_back(scores.name); }

  /// The graph, its value `output` renamed to `output_name`; the builder is empty after it. Throws
  /// ModelError where two things have one name.
  Graph finish(const Value& output, const std::string& output_name);

 private:
  std::string full(const std::string& name) const { return path(name); }

  Graph graph_;
  DType dtype_;
  std::string prefix_;
  ValueInfos infos_;
};

struct LossOptions {
  /// Weights of the classes, one each, by which the mean is taken; none: all the same.
  std::vector<double> class_weights;
  /// The label that does not count; below 0: every one counts.
  std::int64_t ignored = -1;
  /// What the losses of auxiliary scores count.
  double auxiliary = 0.3;
};

/// The training graph of scores N,C or N,C,H,W: `labels` (int64, the same without C) as another input
/// and `loss`, the mean softmax cross-entropy of `logits`, as the first output; other outputs stay behind these two. The
/// losses of
/// auxiliary classifiers count 0.3 each (Szegedy et al., arXiv:1409.4842, section 5).
Graph with_classification_loss(Graph graph, const std::string& logits = "logits",
                               const LossOptions& options = {});

}  // namespace striate
