#include "device/reference/reference_device.h"

#include "device/lookup.h"

namespace striate {

std::unique_ptr<Device> make_reference_device() { return std::make_unique<ReferenceDevice>(); }

std::unique_ptr<Device> make_counting_device(std::shared_ptr<WorkCount> count) {
  return std::make_unique<ReferenceDevice>(std::move(count));
}

void ReferenceDevice::cast(const ConstView& x, const View& out) const { lookup_cast(x, out); }
void ReferenceDevice::reduce_max(const ConstView& x, const View& out) const {
  lookup_reduce_max(x, out);
}
void ReferenceDevice::top_k(const ConstView& x, int axis, bool largest, bool last,
                            const View& values, const View& indices) const {
  lookup_top_k(x, axis, largest, last, values, indices);
}
void ReferenceDevice::gather(const ConstView& x, const ConstView& indices, int axis,
                             const View& out) const {
  lookup_gather(x, indices, axis, out);
}
void ReferenceDevice::scatter_add(const ConstView& x, const ConstView& indices, int axis,
                                  const View& out) const {
  lookup_scatter_add(x, indices, axis, out);
}
void ReferenceDevice::nll_backward(const ConstView& labels, const ConstView& weight,
                                   std::int64_t ignore_index, const ConstView& dloss,
                                   const View& dx, bool accumulate) const {
  lookup_nll_backward(labels, weight, ignore_index, dloss, dx, accumulate);
}
void ReferenceDevice::max_pool_positions(const PoolGeometry& g, const ConstView& indices,
                                         bool column_major, const View& positions) const {
  lookup_max_pool_positions(g, indices, column_major, positions);
}

}  // namespace striate
