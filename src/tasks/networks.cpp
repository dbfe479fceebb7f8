#include "striate/tasks/networks.h"

#include <algorithm>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/formats/darknet.h"
#include "striate/formats/onnx.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

std::int64_t scores_of(const DarknetNetwork& network) {
  return infer_shapes(network.graph).at("logits").shape[1];
}

Network from_definition(const std::string& name, std::string definition) {
  const DarknetNetwork natural = read_darknet(definition, name);
  Network network{.row = {.name = name,
                          .doc = "a network in darknet's format",
                          .natural = {.channels = natural.input[1],
                                      .height = natural.input[2],
                                      .width = natural.input[3],
                                      .classes = scores_of(natural)},
                          .build = {}},
                  .definition = std::move(definition)};
  network.row.build = [name, text = network.definition](const ModelSize& size) {
    DarknetNetwork built = read_darknet(text, name, Shape{size.channels, size.height, size.width});
    if (scores_of(built) != size.classes) {
      fail<InputError>("{}: its last layer gives {} scores, expected one for each of {} classes",
                       name, scores_of(built), size.classes);
    }
    return std::move(built.graph);
  };
  return network;
}

// The graph's input and output under the names that models have.
void name_as_models_do(Graph& graph) {
  const auto rename = [&](std::string from, const std::string& to) {
    if (from == to) return;
    rename_value(graph, to, to + ".of_the_file");
    rename_value(graph, from, to);
  };
  rename(graph.inputs[0].name, "input");
  rename(graph.outputs[0], "logits");
}

Network from_onnx(const std::string& name) {
  auto model = std::make_shared<OnnxModel>(load_onnx(name));
  if (model->graph.inputs.empty() || model->graph.outputs.empty()) {
    fail<InputError>("{}: expected a network with an input and an output", name);
  }
  name_as_models_do(model->graph);
  const Shape& input = model->graph.inputs[0].shape;
  const bool pictures = input.rank() == 4;
  const Shape output = infer_shapes(model->graph).at("logits").shape;
  Network network{.row = {.name = name,
                          .doc = "a network in an ONNX file",
                          .natural = {.channels = pictures ? input[1] : 0,
                                      .height = pictures ? input[2] : 0,
                                      .width = pictures ? input[3] : 0,
                                      .classes = output.rank() == 2 ? output[1] : 0},
                          .build = {}},
                  .definition = {}};
  network.row.build = [name, model, classes = network.row.natural.classes](const ModelSize& size) {
    if (size.classes != classes) {
      fail<InputError>("{}: it gives {} scores, expected one for each of {} classes", name, classes,
                       size.classes);
    }
    Graph graph = model->graph;
    Shape& shape = graph.inputs[0].shape;
    if (shape.rank() == 4) shape = {1, size.channels, size.height, size.width};
    return graph;
  };
  return network;
}

}  // namespace

Network find_network(const std::string& name) {
  if (name.ends_with(".onnx")) return from_onnx(name);
  if (!name.ends_with(".cfg")) return {.row = models().find(name), .definition = {}};
  constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
  const Bytes bytes = read_file(name, kMost);
  return from_definition(name, std::string(bytes.begin(), bytes.end()));
}

Network network_of(const ModelCard& card) {
  if (card.definition.empty() && card.model.ends_with(".onnx")) return from_onnx(card.model);
  if (card.definition.empty()) return {.row = models().find(card.model), .definition = {}};
  return from_definition(card.model, card.definition);
}

}  // namespace striate
