#include "striate/tasks/networks.h"

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/formats/darknet.h"

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

}  // namespace

Network find_network(const std::string& name) {
  if (!name.ends_with(".cfg")) return {.row = models().find(name), .definition = {}};
  constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
  const Bytes bytes = read_file(name, kMost);
  return from_definition(name, std::string(bytes.begin(), bytes.end()));
}

Network network_of(const ModelCard& card) {
  if (card.definition.empty()) return {.row = models().find(card.model), .definition = {}};
  return from_definition(card.model, card.definition);
}

}  // namespace striate
