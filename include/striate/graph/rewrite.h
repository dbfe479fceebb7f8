#pragma once

#include "striate/graph/graph.h"

namespace striate {

/// The graph as it is used after training: batch norms take their running statistics, dropouts are
/// gone, nothing updates state, and what no output needs is dropped. Value and parameter names
/// stay.
Graph inference_form(Graph graph);

/// Drops nodes, parameters, constants and inputs that no output and no state update needs.
void prune(Graph& graph);

}  // namespace striate
