#pragma once

#include <string>

#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {

/// A classifier cut off where its maps are as a detector wants them, for other layers to go on from.
struct Backbone {
  Builder builder;
  Value map;
};

/// The classifier `backbone` of the registry for pictures of this size, up to its last map of at least
/// `rows` rows. Its parameters keep their names, so that a classifier's file is one to begin from.
/// Throws InputError for another name and for a model that is no classifier, ModelError where it does
/// not fit the size or has no such map.
Backbone begin_backbone(const std::string& graph_name, const std::string& backbone,
                        const ModelSize& size, std::int64_t rows);

}  // namespace striate
