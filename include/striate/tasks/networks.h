#pragma once

#include <string>

#include "striate/models/registry.h"
#include "striate/nn/model_card.h"

namespace striate {

/// A network by name: a model of the registry, an ONNX file, or one that a text defines (a darknet
/// file, a chain), which then travels with the weights.
struct Network {
  ModelRow row;
  std::string definition;  ///< the text; empty for a model of the registry
};

/// `name` is a model's name, the path of a file that ends in .cfg or .onnx, or a chain of layers
/// (formats/chain.h). Throws InputError naming the nearest model, or the file and line. What is no
/// model takes any picture size, but has the classes that its last layer has: building it for others
/// is an InputError. An ONNX file's first input and output are called `input` and `logits`; where it
/// takes no pictures, the natural size is zeros. Building a network for a picture that is too small
/// throws OutOfPixels with the layer where it ran out of them and the smallest square input that
/// works.
Network find_network(const std::string& name);

/// The network that a card's weights are for. Throws InputError for a name that is not known, or a
/// definition that cannot be read.
Network network_of(const ModelCard& card);

/// Of the first input for so many pictures. A network whose rows are the steps of one sequence takes as
/// many as it has, whatever the batch.
Shape input_shape(const Graph& graph, const ModelSize& size, std::int64_t batch);

}  // namespace striate
