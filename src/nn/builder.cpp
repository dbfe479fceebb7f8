#include "striate/nn/builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

Tensor int_tensor(const Ints& values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

Builder::Builder(std::string graph_name, DType dtype) : dtype_(dtype) {
  graph_.name = std::move(graph_name);
}

Builder::Builder(Graph begun, DType dtype)
    : graph_(std::move(begun)), dtype_(dtype), infos_(infer_shapes(graph_)) {
  graph_.outputs.clear();
}

Builder::Scope::Scope(Builder& builder, std::string_view name)
    : builder_(builder), length_(builder.prefix_.size()) {
  builder_.prefix_ += name;
  builder_.prefix_ += '.';
}

Builder::Scope::~Scope() { builder_.prefix_.resize(length_); }

Value Builder::input(const std::string& name, const Shape& shape, DType dtype) {
  graph_.inputs.push_back({.name = name, .dtype = dtype, .shape = shape});
  infos_[name] = {.dtype = dtype, .shape = shape};
  return {name};
}

const Shape& Builder::shape(const Value& value) const { return infos_.at(value.name).shape; }

Value Builder::parameter(const std::string& name, const Shape& shape, const Initial& initial,
                         bool trainable) {
  graph_.parameters.push_back({.name = full(name),
                               .dtype = dtype_,
                               .shape = shape,
                               .trainable = trainable,
                               .initial = initial});
  infos_[full(name)] = {.dtype = dtype_, .shape = shape};
  return {full(name)};
}

Value Builder::constant(const std::string& name, Tensor tensor) {
  infos_[full(name)] = {.dtype = tensor.dtype(),
                        .shape = tensor.shape(),
                        .constant = std::make_shared<const Tensor>(tensor)};
  graph_.constants[full(name)] = std::move(tensor);
  return {full(name)};
}

Value Builder::node(const std::string& op, const std::string& name,
                    const std::vector<Value>& inputs, Attributes attributes) {
  return node(op, name, inputs, std::move(attributes), {name})[0];
}

std::vector<Value> Builder::node(const std::string& op, const std::string& name,
                                 const std::vector<Value>& inputs, Attributes attributes,
                                 const std::vector<std::string>& outputs) {
  Node node{.name = full(name), .op = op, .attributes = std::move(attributes)};
  for (const Value& input : inputs) node.inputs.push_back(input.name);
  while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
  std::vector<Value> values;
  for (const std::string& output : outputs) {
    values.push_back({output.empty() ? "" : full(output)});
    node.outputs.push_back(values.back().name);
  }
  while (!node.outputs.empty() && node.outputs.back().empty()) node.outputs.pop_back();
  try {
    const auto made = operators().find(op).make(node.attributes);
    const std::vector<ValueInfo> inferred = made->infer(operands(node.inputs, infos_));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty()) infos_[node.outputs[i]] = inferred.at(i);
    }
  } catch (const OutOfPixels& error) {
    fail<OutOfPixels>("{} ({}): {}", node.name, op, error.what());
  } catch (const ModelError& error) {
    fail<ModelError>("{} ({}): {}", node.name, op, error.what());
  }
  graph_.nodes.push_back(std::move(node));
  return values;
}

Value Builder::conv(const std::string& name, const Value& x, const ConvOptions& options) {
  const std::int64_t in = shape(x)[1];
  if (options.groups < 1 || in % options.groups != 0) {
    fail<ModelError>("{} (Conv): {} channels cannot be split into {} groups", full(name), in,
                     options.groups);
  }
  const Shape weight{options.out, in / options.groups, options.kernel, options.kernel};
  std::vector<Value> inputs{x, parameter(name + ".weight", weight, options.weights(weight))};
  if (options.bias) {
    inputs.push_back(
        parameter(name + ".bias", {options.out}, constant_initial(options.first_bias)));
  }
  const std::int64_t p = options.padding;
  return node("Conv", name, inputs,
              {{"kernel_shape", Ints{options.kernel, options.kernel}},
               {"strides", Ints{options.stride, options.stride}},
               {"pads", Ints{p, p, p, p}},
               {"dilations", Ints{options.dilation, options.dilation}},
               {"group", options.groups}});
}

Value Builder::upsample(const std::string& name, const Value& x, const UpsampleOptions& options) {
  const std::int64_t f = options.factor;
  const std::int64_t kernel = 2 * f - f % 2;
  const std::int64_t channels = shape(x)[1];
  const std::int64_t begin = options.border ? 0 : f / 2;
  const auto end = [&](int axis, std::int64_t wanted) {
    if (options.border) return std::int64_t{0};
    const std::int64_t whole = shape(x)[axis] * f;
    if (wanted > whole) {
      fail<ModelError>("{} (ConvTranspose): {} times {} is less than the {} asked for", full(name),
                       f, shape(x)[axis], wanted);
    }
    return kernel - f - begin + (wanted == 0 ? 0 : whole - wanted);
  };
  const Value weight =
      parameter(name + ".weight", {channels, channels, kernel, kernel}, bilinear_initial());
  return node("ConvTranspose", name, {x, weight},
              {{"kernel_shape", Ints{kernel, kernel}},
               {"strides", Ints{f, f}},
               {"pads", Ints{begin, begin, end(2, options.height), end(3, options.width)}}});
}

Value Builder::resize(const std::string& name, const Value& x, std::int64_t height,
                      std::int64_t width) {
  // By factors and not by sizes, which would fix the batch's: the least that gives the size.
  const auto factor = [](std::int64_t from, std::int64_t to) {
    auto scale = static_cast<float>(to) / static_cast<float>(from);
    while (std::floor(static_cast<double>(from) * static_cast<double>(scale)) <
           static_cast<double>(to)) {
      scale = std::nextafter(scale, 2 * scale);
    }
    return scale;
  };
  const float scales[] = {1, 1, factor(shape(x)[2], height), factor(shape(x)[3], width)};
  return node("Resize", name, {x, {}, constant(name + ".scales", Tensor::of<float>({4}, scales))},
              {{"mode", std::string("linear")},
               {"coordinate_transformation_mode", std::string("pytorch_half_pixel")}});
}

Value Builder::cut(const std::string& name, const Value& x, std::int64_t top, std::int64_t left,
                   std::int64_t height, std::int64_t width) {
  return node("Slice", name,
              {x, constant(name + ".starts", int_tensor({top, left})),
               constant(name + ".ends", int_tensor({top + height, left + width})),
               constant(name + ".axes", int_tensor({2, 3}))});
}

Value Builder::batch_norm(const std::string& name, const Value& x,
                          const BatchNormOptions& options) {
  const Shape channels{shape(x)[1]};
  const Value weight = parameter(name + ".weight", channels, constant_initial(1));
  const Value bias = parameter(name + ".bias", channels, constant_initial(0));
  const Value mean = parameter(name + ".running_mean", channels, constant_initial(0), false);
  const Value variance = parameter(name + ".running_var", channels, constant_initial(1), false);
  Value y = node("BatchNormalization", name, {x, weight, bias, mean, variance},
                 {{"epsilon", options.epsilon},
                  {"momentum", 1.0 - options.momentum},
                  {"training_mode", std::int64_t{1}}});
  for (const Value& statistic : {mean, variance}) {
    const std::string next = statistic.name + ".next";
    graph_.nodes.back().outputs.push_back(next);
    graph_.updates.push_back({.parameter = statistic.name, .value = next});
    infos_[next] = {.dtype = dtype_, .shape = channels};
  }
  return y;
}

Value Builder::linear(const std::string& name, const Value& x, const LinearOptions& options) {
  const Shape weight{options.out, shape(x)[1]};
  std::vector<Value> inputs{x, options.tied};
  if (options.tied.name.empty()) {
    inputs[1] = parameter(name + ".weight", weight, options.weights(weight));
  } else if (shape(options.tied) != weight) {
    fail<ModelError>("{} (Gemm): expected a tied weight {}, got {}", full(name), weight.str(),
                     shape(options.tied).str());
  }
  if (options.bias) {
    const Initial first = constant_initial(options.first_bias);
    inputs.push_back(parameter(name + ".bias", {options.out}, first));
  }
  return node("Gemm", name, inputs, {{"transB", std::int64_t{1}}});
}

Value Builder::lrn(const std::string& name, const Value& x, const LrnOptions& options) {
  return node("LRN", name, {x},
              {{"size", options.size},
               {"alpha", options.alpha},
               {"beta", options.beta},
               {"bias", options.bias}});
}

namespace {

Attributes pool_attributes(const PoolOptions& options) {
  const std::int64_t stride = options.stride == 0 ? options.kernel : options.stride;
  const std::int64_t p = options.padding;
  return {{"kernel_shape", Ints{options.kernel, options.kernel}},
          {"strides", Ints{stride, stride}},
          {"pads", Ints{p, p, p, p}},
          {"ceil_mode", static_cast<std::int64_t>(options.ceil_mode)}};
}

}  // namespace

Value Builder::max_pool(const std::string& name, const Value& x, const PoolOptions& options) {
  return node("MaxPool", name, {x}, pool_attributes(options));
}

Value Builder::average_pool(const std::string& name, const Value& x, const PoolOptions& options) {
  return node("AveragePool", name, {x}, pool_attributes(options));
}

Value Builder::adaptive_average_pool(const std::string& name, const Value& x, std::int64_t out) {
  const std::int64_t h = shape(x)[2];
  const std::int64_t w = shape(x)[3];
  if (h <= out && w <= out) return x;
  if (h % out != 0 || w % out != 0) {
    fail<ModelError>(
        "{} (AveragePool): a map of {}x{} cannot be cut into {}x{} equal parts; sizes "
        "that make it {} times as large as another can",
        full(name), h, w, out, out, out);
  }
  return node("AveragePool", name, {x},
              {{"kernel_shape", Ints{h / out, w / out}}, {"strides", Ints{h / out, w / out}}});
}

Value Builder::global_average_pool(const std::string& name, const Value& x) {
  return node("GlobalAveragePool", name, {x});
}

Value Builder::dropout(const std::string& name, const Value& x, double ratio) {
  const float share = static_cast<float>(ratio);
  const bool training = true;
  return node("Dropout", name,
              {x, constant(name + ".ratio", Tensor::of<float>({}, {&share, 1})),
               constant(name + ".training", Tensor::of<bool>({}, {&training, 1}))});
}

Value Builder::subsample(const std::string& name, const Value& x, std::int64_t step) {
  constexpr std::int64_t kEnd = std::int64_t{1} << 40;
  return node("Slice", name,
              {x, constant(name + ".starts", int_tensor({0, 0})),
               constant(name + ".ends", int_tensor({kEnd, kEnd})),
               constant(name + ".axes", int_tensor({2, 3})),
               constant(name + ".steps", int_tensor({step, step}))});
}

Value Builder::pad_channels(const std::string& name, const Value& x, std::int64_t before,
                            std::int64_t behind) {
  return node("Pad", name,
              {x, constant(name + ".pads", int_tensor({0, before, 0, 0, 0, behind, 0, 0}))});
}

Graph Builder::finish(const Value& output, const std::string& output_name) {
  for (Node& node : graph_.nodes) {
    for (std::string& name : node.inputs) {
      if (name == output.name) name = output_name;
    }
    for (std::string& name : node.outputs) {
      if (name == output.name) name = output_name;
    }
  }
  std::replace(graph_.outputs.begin(), graph_.outputs.end(), output.name, output_name);
  graph_.outputs.insert(graph_.outputs.begin(), output_name);
  check(graph_);
  return std::move(graph_);
}

Graph with_classification_loss(Graph graph, const std::string& logits, const LossOptions& options) {
  const ValueInfos infos = infer_shapes(graph);
  Shape labels;
  const Shape& scores = infos.at(logits).shape;
  for (int axis = 0; axis < scores.rank(); ++axis) {
    if (axis != 1) labels.push_back(scores[axis]);
  }
  graph.inputs.push_back({.name = "labels", .dtype = DType::i64, .shape = labels});
  const auto add_node = [&](const std::string& op, const std::string& name,
                            const std::vector<std::string>& inputs, Attributes attributes = {}) {
    graph.nodes.push_back({.name = name,
                           .op = op,
                           .attributes = std::move(attributes),
                           .inputs = inputs,
                           .outputs = {name}});
    return name;
  };
  const DType dtype = infos.at(logits).dtype;
  std::vector<std::string> beside{"labels"};
  if (!options.class_weights.empty()) {
    beside.emplace_back("loss.class_weights");
    graph.constants[beside.back()] =
        Tensor::of<double>({static_cast<std::int64_t>(options.class_weights.size())},
                           options.class_weights)
            .cast(dtype);
  }
  Attributes attributes{{"reduction", std::string("mean")}};
  if (options.ignored >= 0) attributes["ignore_index"] = options.ignored;
  const auto add_loss = [&](const std::string& name, const std::string& of) {
    std::vector<std::string> inputs{of};
    inputs.insert(inputs.end(), beside.begin(), beside.end());
    return add_node("SoftmaxCrossEntropyLoss", name, inputs, attributes);
  };
  if (graph.auxiliary.empty()) {
    add_loss("loss", logits);
  } else {
    graph.constants["loss.share"] = Tensor::of<double>({}, {{options.auxiliary}}).cast(dtype);
    std::vector<std::string> terms{add_loss("loss.main", logits)};
    for (const std::string& output : graph.auxiliary) {
      const std::string loss = add_loss("loss." + output, output);
      terms.push_back(add_node("Mul", loss + ".share", {loss, "loss.share"}));
    }
    add_node("Sum", "loss", terms);
  }
  std::erase(graph.outputs, logits);
  graph.outputs.insert(graph.outputs.begin(), {"loss", logits});
  graph.auxiliary.clear();
  check(graph);
  return graph;
}

}  // namespace striate
