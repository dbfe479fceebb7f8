#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "striate/graph/graph.h"

namespace striate {

/// The weights a graph needs, picked from a file's tensors (converted between float32 and float64
/// where they differ). Batch norms' num_batches_tracked, which PyTorch writes, are passed over, and
/// the weights of its nn.RNN, nn.LSTM and nn.GRU are cut into the gates of the layers of their name
/// (two biases of a gate add up where the layer has one); `notes` is told what was changed.
/// Throws InputError naming `file` and everything that is missing, left over or of another shape (how
/// many of each, and the first sixteen names); `meant` is asked then which model the tensors are
/// likely of.
Weights pick_weights(const Graph& graph, const Weights& tensors, std::string_view file,
                     const std::function<std::string()>& meant = {},
                     std::vector<std::string>* notes = nullptr);

/// The parameters of a classifier's last layers with weights: those that its scores, and its
/// auxiliary scores, come from with nothing trained between.
std::vector<std::string> head_parameters(const Graph& graph);

/// What became of a file's weights.
struct LoadReport {
  struct Replaced {
    std::string name;
    Shape file, model;
  };
  std::vector<std::string> loaded;
  std::vector<Replaced> replaced;      ///< of the head, begun anew
  std::vector<std::string> missing;    ///< the file has none: begun anew
  std::vector<std::string> left_over;  ///< the model has none
  std::vector<std::string> notes;      ///< what was changed to fit
};

/// Begins from another training: puts into `weights`, which are the graph's first ones, what a file
/// has of them. `head` names the parameters of the head, which is begun anew where `new_head` says so
/// or its shape is another. Throws
/// InputError naming `file` where any other tensor has another shape, or nothing fits.
LoadReport begin_from(const Graph& graph, const Weights& tensors, std::string_view file,
                      const std::vector<std::string>& head, bool new_head, Weights& weights);
/// The same for a classifier: head_parameters.
LoadReport begin_from(const Graph& graph, const Weights& tensors, std::string_view file,
                      bool new_head, Weights& weights);

}  // namespace striate
