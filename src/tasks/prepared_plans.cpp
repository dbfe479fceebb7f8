#include "striate/tasks/prepared_plans.h"

#include <algorithm>

namespace striate {

std::shared_ptr<const Prepared> PreparedPlans::of(const std::shared_ptr<const Plan>& plan,
                                                  const Weights& weights) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(latest_.begin(), latest_.end(),
                                  [&](const Entry& entry) { return entry.first == plan; });
  if (found != latest_.end()) {
    std::rotate(found, found + 1, latest_.end());
  } else {
    auto prepared = plan->prepare(weights);
    if (latest_.size() == kept_) latest_.erase(latest_.begin());
    latest_.emplace_back(plan, std::move(prepared));
  }
  return latest_.back().second;
}

}  // namespace striate
