#include <bit>
#include <cstring>

#include "striate/base/error.h"
#include "striate/formats/darknet.h"

namespace striate {
namespace {

static_assert(std::endian::native == std::endian::little, "darknet's files are little-endian");

// Parameters in the order in which darknet writes them: layer by layer; a convolution's weights last,
// a dense layer's before those of its norm; an [rnn]'s three layers one after another; of gates those
// that read the state first.
std::vector<const Parameter*> in_darknet_order(const Graph& graph) {
  std::vector<const Parameter*> order;
  std::string done;
  for (const Parameter& parameter : graph.parameters) {
    const std::string layer = parameter.name.substr(0, parameter.name.find('.') + 1);
    if (!layer.starts_with("layer")) {
      fail<InputError>("{}: darknet has weights for networks of .cfg files alone", graph.name);
    }
    if (layer == done) continue;
    done = layer;
    for (const char* of : {"", "input.", "self.", "output."}) {
      const std::string part = layer + of;
      const bool dense = graph.find_parameter(part + "fc.weight") != nullptr;
      for (const char* name :
           {"conv.bias", "fc.bias", "bn.bias", dense ? "fc.weight" : "", "bn.weight",
            "bn.running_mean", "bn.running_var", dense ? "" : "conv.weight"}) {
        const Parameter* found = graph.find_parameter(part + name);
        if (found != nullptr) order.push_back(found);
      }
    }
    for (const char* side : {"_hh", "_ih"}) {
      for (const char* gate :
           {"lstm.0.input.", "lstm.0.forget.", "lstm.0.output.", "lstm.0.candidate.",
            "gru.0.update.", "gru.0.reset.", "gru.0.candidate."}) {
        for (const char* name : {"bias", "weight"}) {
          const Parameter* found = graph.find_parameter(layer + gate + name + side);
          if (found != nullptr) order.push_back(found);
        }
      }
    }
  }
  invariant(order.size() == graph.parameters.size(), "a darknet layer has other parameters");
  return order;
}

// [in][out] as [out][in].
void transpose(Tensor& weight) {
  const std::int64_t rows = weight.shape()[0];
  const std::int64_t columns = weight.shape()[1];
  const Tensor from = weight.clone();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      weight.data<float>()[r * columns + c] = from.data<float>()[c * rows + r];
    }
  }
}

}  // namespace

Weights read_darknet_weights(std::span<const std::uint8_t> bytes, const Graph& graph,
                             std::string_view name) {
  std::int32_t version[3] = {};
  if (bytes.size() < sizeof(version)) fail<InputError>("{}: these are no weights of darknet", name);
  std::memcpy(version, bytes.data(), sizeof(version));
  const auto [major, minor, revision] = version;
  constexpr std::int32_t kMost = 2000;
  if (major < 0 || minor < 0 || major > kMost || minor > kMost) {
    fail<InputError>("{}: these are no weights of darknet: version {}.{}", name, major, minor);
  }
  // The count of pictures seen has had eight bytes since 0.2; above 1000 says "transposed".
  const bool transposed = major > 1000 || minor > 1000;
  const bool wide = major * 10 + minor >= 2 && !transposed;
  std::size_t at = sizeof(version) + (wide ? 8 : 4);
  if (bytes.size() < at) fail<InputError>("{}: these are no weights of darknet", name);
  Weights weights;
  for (const Parameter* parameter : in_darknet_order(graph)) {
    const auto wanted = static_cast<std::size_t>(parameter->shape.elements()) * sizeof(float);
    if (wanted > bytes.size() - at) {
      fail<InputError>("{}: it ends before {} of {}: expected {} bytes more, got {}", name,
                       parameter->name, graph.name, wanted, bytes.size() - at);
    }
    Tensor tensor(DType::f32, parameter->shape);
    if (wanted != 0) std::memcpy(tensor.raw().data(), bytes.data() + at, wanted);
    if (transposed && parameter->name.ends_with("fc.weight")) transpose(tensor);
    at += wanted;
    weights[parameter->name] = std::move(tensor);
  }
  if (at != bytes.size()) {
    fail<InputError>("{}: {} bytes are left over behind the last layer of {}", name,
                     bytes.size() - at, graph.name);
  }
  return weights;
}

Bytes write_darknet_weights(const Graph& graph, const Weights& weights) {
  // Version 0.2.0, no pictures seen.
  const std::int32_t head[5] = {0, 2, 0, 0, 0};
  const auto* raw = reinterpret_cast<const std::uint8_t*>(head);
  Bytes bytes(raw, raw + sizeof(head));
  for (const Parameter* parameter : in_darknet_order(graph)) {
    const Tensor& tensor = weights.at(parameter->name);
    if (tensor.dtype() != DType::f32 || tensor.shape() != parameter->shape) {
      fail<ModelError>("{}: expected float32 {}, got {} {}", parameter->name,
                       parameter->shape.str(), name_of(tensor.dtype()), tensor.shape().str());
    }
    const auto* from = reinterpret_cast<const std::uint8_t*>(tensor.raw().data());
    bytes.insert(bytes.end(), from, from + tensor.bytes());
  }
  return bytes;
}

}  // namespace striate
