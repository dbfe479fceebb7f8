#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "striate/graph/graph.h"

namespace striate {

/// The weights a graph needs, picked from a file's tensors (converted between float32 and float64
/// where they differ). Batch norms' num_batches_tracked, which PyTorch writes, are passed over.
/// Throws InputError naming `file` and everything that is missing, left over or of another shape (how
/// many of each, and the first sixteen names); `meant` is asked then which model the tensors are
/// likely of.
Weights pick_weights(const Graph& graph, const Weights& tensors, std::string_view file,
                     const std::function<std::string()>& meant = {});

}  // namespace striate
