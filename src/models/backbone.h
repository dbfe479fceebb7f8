#pragma once

#include <string>

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {

/// A classifier cut off where its maps are as a detector wants them, for other layers to go on from.
struct Backbone {
  Builder builder;
  Value map;
  std::int64_t stride = 1;  ///< pixels of the picture for one of the map
};

/// The classifier `backbone` of the registry for pictures of this size, up to its last map of at least
/// `rows` rows. With `stride`, no map is coarser than that: windows that would make it so step by one
/// pixel, and those behind them reach as much further ("à trous": Chen et al., arXiv:1412.7062, section
/// 3.1), so that the weights fit all the same. Its parameters keep their names, so that a classifier's file is one to begin from.
/// Throws InputError for another name and for a model that is no classifier, ModelError where it does
/// not fit the size or has no such map.
Backbone begin_backbone(const std::string& graph_name, const std::string& backbone,
                        const ModelSize& size, std::int64_t rows, std::int64_t stride = 0);

}  // namespace striate
