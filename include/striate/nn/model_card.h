#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "striate/nn/preprocessing.h"

namespace striate {

/// What travels with a network's weights, so that a file alone can be used: stored as strings in
/// the metadata of a safetensors file.
struct ModelCard {
  std::string model;           ///< a name of the model registry, or of the file of its definition
  std::string definition;      ///< the network itself, where it is none of the registry
  bool convolutional = false;  ///< its dense layers are convolutions: graph/rewrite.h
  std::vector<std::string> classes;  ///< by label
  std::vector<std::string> symbols;  ///< by number, where it reads sequences of them
  Preprocessing preprocessing;
};

using Metadata = std::map<std::string, std::string>;

Metadata to_metadata(const ModelCard& card);

/// Reads what to_metadata wrote; what is absent stays empty (weights may come from elsewhere).
/// Throws InputError naming `file` for content that cannot be meant.
ModelCard model_card(const Metadata& metadata, std::string_view file);

}  // namespace striate
