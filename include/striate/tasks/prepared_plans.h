#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "striate/graph/plan.h"

namespace striate {

/// One set of weights as each of several plans reads them, made when a plan first asks and kept for
/// those that asked last. Any number of threads may call it.
class PreparedPlans {
 public:
  explicit PreparedPlans(std::size_t kept = 8) : kept_(kept) {}

  /// Must always be given the same weights. Throws ModelError as Plan::prepare does.
  std::shared_ptr<const Prepared> of(const std::shared_ptr<const Plan>& plan,
                                     const Weights& weights);

 private:
  using Entry = std::pair<std::shared_ptr<const Plan>, std::shared_ptr<const Prepared>>;

  std::size_t kept_;
  std::mutex mutex_;
  std::vector<Entry> latest_;  // the last used comes last
};

}  // namespace striate
