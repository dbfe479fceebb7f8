#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "striate/data/loader.h"
#include "tasks/detection/region_cache.h"

namespace striate {

// Selective search's regions on their way to a training graph: they are objects without a class, so that
// whatever changes a picture moves them with it.

/// The dataset's examples, the regions of each behind its objects.
std::shared_ptr<const Dataset> with_regions(std::shared_ptr<const Dataset> dataset,
                                            std::shared_ptr<const RegionCache> regions);

/// The training inputs `objects` and `proposals`, `count` rows a picture, of a batch of such examples.
void region_inputs(const Batch& batch, std::int64_t count,
                   std::map<std::string, Tensor, std::less<>>& inputs);

}  // namespace striate
