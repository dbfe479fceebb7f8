#include "tasks/detection/region_cache.h"

#include "striate/boxes/selective_search.h"

namespace striate {

RegionCache::RegionCache(std::int64_t pictures, std::int64_t most) : most_(most) {
  for (std::int64_t i = 0; i < pictures; ++i) entries_.push_back(std::make_unique<Entry>());
}

const std::vector<Box>& RegionCache::regions(std::int64_t index, const Image& picture) const {
  Entry& entry = *entries_.at(static_cast<std::size_t>(index));
  std::call_once(entry.once,
                 [&] { entry.boxes = selective_search(picture, {.most = most_}, &threads_); });
  return entry.boxes;
}

}  // namespace striate
