#pragma once

#include <cstdint>

#include "striate/graph/graph.h"

namespace striate {

/// Adds a node to the graph in the form that its operator has in opset 17, whatever opset it was
/// written for: attributes that became inputs become constants, and old rules are spelled out with
/// more nodes. What later opsets added is left out where it says nothing new. Throws ModelError for a form that has no present one.
void add_upgraded(Graph& graph, Node node, std::int64_t opset);

}  // namespace striate
