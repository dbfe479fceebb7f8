#include <algorithm>
#include <numeric>

#include "graph/plan_impl.h"
#include "striate/base/memory.h"

namespace striate {

// Greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
// arXiv:2001.03288, section 5.2): the largest buffer first, each at the lowest gap that is wide
// enough between the buffers it lives with.
std::size_t place(std::vector<PlanBuffer>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].bytes > buffers[b].bytes;
  });
  std::vector<const PlanBuffer*> placed;  // by offset
  std::size_t total = 0;
  for (const std::size_t index : order) {
    PlanBuffer& buffer = buffers[index];
    if (buffer.source != Source::workspace || buffer.bytes == 0) continue;
    const std::size_t bytes = align_up(buffer.bytes);
    std::size_t offset = 0;
    for (const PlanBuffer* other : placed) {
      if (other->last < buffer.first || other->first > buffer.last) continue;
      if (other->offset >= offset + bytes) break;
      offset = std::max(offset, other->offset + align_up(other->bytes));
    }
    buffer.offset = offset;
    total = std::max(total, offset + bytes);
    const auto at = std::upper_bound(
        placed.begin(), placed.end(), offset,
        [](std::size_t value, const PlanBuffer* other) { return value < other->offset; });
    placed.insert(at, &buffer);
  }
  return total;
}

}  // namespace striate
