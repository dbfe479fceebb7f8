#pragma once

#include <string>
#include <vector>

#include "striate/graph/graph.h"

namespace striate {

/// The tensors with those that PyTorch's nn.RNN, nn.LSTM and nn.GRU name (NAME.weight_ih_l0,
/// weight_hh_l0, bias_ih_l0, bias_hh_l0, and _reverse) as the gate by gate parameters of the graph's
/// layers of that name (nn/recurrent.h): cut into gates, whose order differs, and where the layer
/// has one bias a gate, the two added up. A module by itself, whose tensors have no NAME, is that of
/// the graph's only recurrent layers. What fits no layer stays as it is. `notes` gets a line for each
/// kind of change. Throws InputError naming `file` for a gru that resets before the product, which
/// PyTorch's does not.
Weights with_gates_apart(const Graph& graph, const Weights& tensors, std::string_view file,
                         std::vector<std::string>& notes);

}  // namespace striate
