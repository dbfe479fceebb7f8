#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "striate/graph/graph.h"
#include "striate/models/registry.h"
#include "striate/nn/model_card.h"

namespace striate {

/// A file of weights in any of the formats: .safetensors, .pth .pt .th (PyTorch), .onnx and
/// .weights (darknet). Under other names PyTorch's files are known by their first bytes, and the rest
/// is taken for safetensors.
struct ModelFile {
  Weights weights;
  Metadata metadata;           ///< as nn/model_card.h reads it; PyTorch and darknet have none
  std::optional<Graph> graph;  ///< the network, where the file holds one (ONNX)
};

/// `network` is what the weights are for: darknet's files do not say which tensor is which. Throws
/// InputError.
ModelFile load_model_file(const std::filesystem::path& path, const Graph* network = nullptr);

/// The same for a model that is to be used: a training's checkpoint is an InputError that names what to
/// take instead.
ModelFile load_trained_file(const std::filesystem::path& path, const Graph* network = nullptr);

/// Writes the weights in the format of the path's ending; for ONNX and darknet `file.graph` must be
/// the network, in inference form for ONNX. Throws InputError for another ending and for what the
/// format cannot hold.
void save_model_file(const std::filesystem::path& path, const ModelFile& file);

/// The model of the registry that tensors are most likely of, by their names and shapes.
struct LikelyModel {
  std::string name;    ///< empty where none is near
  bool exact = false;  ///< nothing missing, nothing left over, but for the count of classes
  ModelSize size;      ///< natural, with the classes that the last layer has
};
LikelyModel likely_model(const Weights& tensors);

/// pick_weights of nn/load.h for a network in its training form; auxiliary parameters, which
/// inference does not use, may be there or not. Where the tensors do not fit, the message also names
/// the model of the registry that they are likely of.
Weights pick_weights_for(const Graph& training, const Weights& tensors, std::string_view file,
                         std::vector<std::string>* notes = nullptr);

/// Gives a card of pictures what it lacks, the size from its model and numbers for names of classes
/// from the head that the tensors have; then pick_weights_for its network. `likely` is
/// likely_model(tensors) where the card came without classes. Throws InputError naming `file`.
Weights fit_card(ModelCard& card, const LikelyModel& likely, const Weights& tensors,
                 const std::string& file);

}  // namespace striate
