#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "striate/base/threads.h"
#include "striate/boxes/box.h"
#include "striate/codec/image.h"

namespace striate {

/// Selective search's regions of the pictures of one dataset, each searched once and kept in
/// memory. Several threads may call it.
class RegionCache {
 public:
  RegionCache(std::int64_t pictures, std::int64_t most);

  /// In pixels of the picture, which is example `index` of the dataset, the most promising first.
  const std::vector<Box>& regions(std::int64_t index, const Image& picture) const;

 private:
  struct Entry {
    std::once_flag once;
    std::vector<Box> boxes;
  };
  std::int64_t most_;
  Threads threads_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace striate
