#include "striate/tasks/networks.h"

#include <algorithm>
#include <optional>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/formats/chain.h"
#include "striate/formats/darknet.h"
#include "striate/formats/onnx.h"
#include "striate/graph/rewrite.h"
#include "striate/models/sequence.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/sequence/sequence_model.h"

namespace striate {
namespace {

using Build = std::function<Graph(const ModelSize&)>;

bool has_pixels(const Build& build, ModelSize size, std::int64_t side) {
  size.height = size.width = side;
  try {
    build(size);
  } catch (const OutOfPixels&) {
    return false;
  } catch (const Error&) {
    // Too large for something, or not divisible: pixels are not what it lacks.
  }
  return true;
}

bool works(const Build& build, ModelSize size, std::int64_t side) {
  size.height = size.width = side;
  try {
    build(size);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// The smallest side of a square picture that the network takes. What runs out of pixels does so for
// every smaller picture; sizes that do not divide are then stepped over.
std::optional<std::int64_t> smallest_side(const Build& build, const ModelSize& size) {
  constexpr std::int64_t kMost = 1 << 14;
  constexpr std::int64_t kSteps = 64;
  std::int64_t enough = 1;
  while (enough <= kMost && !has_pixels(build, size, enough)) enough *= 2;
  if (enough > kMost) return std::nullopt;
  std::int64_t least = enough / 2 + 1;
  while (least < enough) {
    const std::int64_t middle = (least + enough) / 2;
    if (has_pixels(build, size, middle)) {
      enough = middle;
    } else {
      least = middle + 1;
    }
  }
  for (std::int64_t side = enough; side < enough + kSteps; ++side) {
    if (works(build, size, side)) return side;
  }
  return std::nullopt;
}

// Says beside the layer that ran out of pixels which picture would have been large enough.
Build with_smallest_size(Build build) {
  return [build = std::move(build)](const ModelSize& size) {
    try {
      return build(size);
    } catch (const OutOfPixels& error) {
      const auto side = smallest_side(build, size);
      if (!side) throw;
      fail<OutOfPixels>("{}; the smallest square input that works is {}x{}x{}", error.what(),
                        size.channels, *side, *side);
    }
  };
}

std::int64_t scores_of(const Graph& graph) { return infer_shapes(graph).at("logits").shape[1]; }

// A network that a text defines: `read` builds it for channels, height, width.
Network from_text(const std::string& name, const char* doc, std::string definition,
                  const Shape& input, const std::function<Graph(const Shape&)>& read) {
  const Build any = with_smallest_size([read](const ModelSize& size) {
    return read({size.channels, size.height, size.width});
  });
  ModelSize natural{.channels = input[1], .height = input[2], .width = input[3]};
  natural.classes = scores_of(any(natural));
  const auto build = [any, name](const ModelSize& size) {
    Graph graph = any(size);
    if (scores_of(graph) != size.classes) {
      fail<InputError>("{}: its last layer gives {} scores, expected one for each of {} classes",
                       name, scores_of(graph), size.classes);
    }
    return graph;
  };
  return {.row = {.name = name, .doc = doc, .natural = natural, .build = build},
          .definition = std::move(definition)};
}

// A detector in darknet's format.
Network from_heads(const std::string& name, const std::string& definition, const Shape& input,
                   std::int64_t classes) {
  const Build build = with_smallest_size([=](const ModelSize& size) {
    if (size.classes != classes) {
      fail<InputError>("{}: it finds objects of {} classes, not of {}", name, classes,
                       size.classes);
    }
    return read_darknet(definition, name, Shape{size.channels, size.height, size.width}).graph;
  });
  return {.row = {.name = name,
                  .doc = "a detector in darknet's format",
                  .natural = {.channels = input[1],
                              .height = input[2],
                              .width = input[3],
                              .classes = classes},
                  .build = build,
                  .task = "detection"},
          .definition = definition};
}

Network from_definition(const std::string& name, const std::string& definition) {
  if (!name.ends_with(".cfg") && is_chain(name)) {
    const Shape input = read_chain_size(name);
    return from_text(name, "a chain of layers", definition, input,
                     [name](const Shape& size) { return read_chain(name, size).graph; });
  }
  const Shape input = darknet_input(definition, name);
  std::vector<DarknetHead> heads;
  try {
    heads = read_darknet(definition, name).heads;
  } catch (const OutOfPixels&) {
    // Below it is said which picture would have been large enough.
  }
  if (!heads.empty()) return from_heads(name, definition, input, heads.front().classes);
  return from_text(
      name, "a network in darknet's format", definition, input,
      [name, definition](const Shape& size) { return read_darknet(definition, name, size).graph; });
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

Network from_registry(const std::string& name) {
  Network network{.row = models().find(name), .definition = {}};
  network.row.build = with_smallest_size(std::move(network.row.build));
  return network;
}

// A model of sequences, as its card describes it.
Network from_sequence(const ModelCard& card) {
  Network network{.row = models().find(card.model), .definition = card.definition};
  const SequenceNetwork described =
      completed(read_definition(card.definition, card.model), card.model);
  network.row.natural.classes = described.answers;
  network.row.build = [described, name = card.model](const ModelSize&) {
    constexpr std::int64_t kSteps = 20;
    return build_sequence(name, described, kSteps, 1);
  };
  return network;
}

// A detector, as its card describes it.
Network from_detector(const ModelCard& card) {
  Network network{.row = models().find(card.model), .definition = card.definition};
  const DetectorNetwork described = read_detector_network(card.definition, card.model);
  network.row.build =
      with_smallest_size([described, build = network.row.build_detector](const ModelSize& size) {
        return build(size, described);
      });
  return network;
}

}  // namespace

Network find_network(const std::string& name) {
  if (name.ends_with(".onnx")) return from_onnx(name);
  const bool is_file = name.ends_with(".cfg");
  if (!is_file && is_chain(name)) return from_definition(name, name);
  if (!is_file) return from_registry(name);
  constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
  const Bytes bytes = read_file(name, kMost);
  return from_definition(name, std::string(bytes.begin(), bytes.end()));
}

Shape input_shape(const Graph& graph, const ModelSize& size, std::int64_t batch) {
  const std::int64_t steps = graph.inputs.at(0).shape[0];
  return {steps > 1 ? steps : batch, size.channels, size.height, size.width};
}

Network network_of(const ModelCard& card) {
  if (card.definition.starts_with("{")) {
    return models().find(card.model).build_detector ? from_detector(card) : from_sequence(card);
  }
  Network network = card.definition.empty() && card.model.ends_with(".onnx") ? from_onnx(card.model)
                    : card.definition.empty() ? from_registry(card.model)
                                              : from_definition(card.model, card.definition);
  if (card.convolutional) {
    network.row.build = [build = std::move(network.row.build)](const ModelSize& size) {
      return convolutional_form(inference_form(build(size)));
    };
  }
  return network;
}

}  // namespace striate
