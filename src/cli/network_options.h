#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "striate/tasks/networks.h"

namespace striate {

/// "3x224x224" or "8x3x224x224".
struct InputSize {
  ModelSize model;
  std::int64_t batch = 1;

  /// Of the graph's first input; its own where a file's network takes no pictures.
  Shape shape(const Graph& graph) const {
    if (model.channels == 0) return graph.inputs.at(0).shape;
    return input_shape(graph, model, batch);
  }
};

/// What a network is explained for: its own size, or another.
struct SizeOptions {
  std::string input;
  std::int64_t classes = 0;

  void add_to(CLI::App& app);
  /// Throws InputError for what is no size.
  InputSize size_for(const ModelSize& natural) const;
};

}  // namespace striate
