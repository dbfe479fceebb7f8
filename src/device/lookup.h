#pragma once

#include <cstdint>
#include <vector>

#include "striate/device/device.h"

namespace striate {

/// The primitives that only convert, compare and look up, in plain loops for every floating dtype.
/// Every device on this host calls them as they are; each checks its operands.

void lookup_cast(const ConstView& x, const View& out);
void lookup_reduce_max(const ConstView& x, const View& out);
void lookup_top_k(const ConstView& x, int axis, bool largest, bool last, const View& values,
                  const View& indices);
/// Throws BugError where a gather's operands do not fit; of its adjoint, x and out exchanged.
void check_gather(const ConstView& x, const ConstView& indices, int axis, const ConstView& out);
/// The places that the indices along `axis` name, counted from 0. REQUIRES: `indices` is not empty.
/// Throws InputError for one that is not below `size`.
std::vector<std::int64_t> lookup_places(const ConstView& indices, int axis, std::int64_t size);
void lookup_gather(const ConstView& x, const ConstView& indices, int axis, const View& out);
void lookup_scatter_add(const ConstView& x, const ConstView& indices, int axis, const View& out);
void lookup_nll_backward(const ConstView& labels, const ConstView& weight,
                         std::int64_t ignore_index, const ConstView& dloss, const View& dx,
                         bool accumulate);
void lookup_max_pool_positions(const PoolGeometry& g, const ConstView& indices, bool column_major,
                               const View& positions);
/// region_align of `sampling.maximum`.
void lookup_align_max_forward(const RegionGeometry& g, const RegionSampling& sampling,
                              const ConstView& x, const Regions& regions, const View& y,
                              const View& indices);
void lookup_align_max_backward(const RegionGeometry& g, const RegionSampling& sampling,
                               const Regions& regions, const ConstView& dy,
                               const ConstView& indices, const View& dx, bool accumulate);

}  // namespace striate
