#pragma once

#include "striate/base/threads.h"
#include "striate/device/device.h"

// The cpu device's primitives other than convolution and matrix product, as Device describes them,
// for float32 operands that have already been checked.

namespace striate {

void cpu_max_pool_forward(const Threads& threads, const PoolGeometry& g, const ConstView& x,
                          const View& y, const View& indices);
void cpu_max_pool_backward(const Threads& threads, const PoolGeometry& g, const ConstView& dy,
                           const ConstView& indices, const View& dx, bool accumulate);
void cpu_average_pool_forward(const Threads& threads, const PoolGeometry& g, const ConstView& x,
                              const View& y);
void cpu_average_pool_backward(const Threads& threads, const PoolGeometry& g, const ConstView& dy,
                               const View& dx, bool accumulate);

void cpu_region_max_forward(const Threads& threads, const RegionGeometry& g, const ConstView& x,
                            const Regions& regions, const View& y, const View& indices);
void cpu_region_max_backward(const Threads& threads, const RegionGeometry& g,
                             const Regions& regions, const ConstView& dy, const ConstView& indices,
                             const View& dx, bool accumulate);
/// The mean of the points.
void cpu_region_align_forward(const Threads& threads, const RegionGeometry& g,
                              const RegionSampling& sampling, const ConstView& x,
                              const Regions& regions, const View& y);
void cpu_region_align_backward(const Threads& threads, const RegionGeometry& g,
                               const RegionSampling& sampling, const Regions& regions,
                               const ConstView& dy, const View& dx, bool accumulate);

void cpu_batch_norm_statistics(const Threads& threads, const ConstView& x, const View& mean,
                               const View& variance);
void cpu_batch_norm_apply(const Threads& threads, const ConstView& x, const Device::BatchNorm& norm,
                          const View& y);
void cpu_batch_norm_backward(const Threads& threads, const ConstView& x, const ConstView& dy,
                             const Device::BatchNorm& norm, const Device::BatchNormGradients& out);

void cpu_lrn_forward(const Threads& threads, const LocalNorm& norm, const ConstView& x,
                     const View& y);
void cpu_lrn_backward(const Threads& threads, const LocalNorm& norm, const ConstView& x,
                      const ConstView& dy, const View& dx, bool accumulate);

void cpu_elementwise(const Threads& threads, Function f, std::span<const ConstView> inputs,
                     const View& out, std::span<const double> parameters, bool accumulate);
void cpu_reduce_sum(const Threads& threads, const ConstView& x, const View& out, double scale,
                    bool accumulate);
double cpu_sum_of_squares(const Threads& threads, const ConstView& x);
void cpu_gather(const Threads& threads, const ConstView& x, const ConstView& indices, int axis,
                const View& out);
void cpu_scatter_add(const Threads& threads, const ConstView& x, const ConstView& indices, int axis,
                     const View& out);
void cpu_copy(const Threads& threads, const ConstView& x, const View& out, bool accumulate);
void cpu_fill(const Threads& threads, const View& out, double value);
void cpu_dropout(const Threads& threads, const ConstView& x, const View& out, const View& mask,
                 double ratio, const RandomKey& key, bool accumulate);

void cpu_softmax_forward(const Threads& threads, const ConstView& x, const View& y, bool logarithm);
void cpu_softmax_backward(const Threads& threads, const ConstView& y, const ConstView& dy,
                          const View& dx, bool logarithm, bool accumulate);
double cpu_nll_forward(const Threads& threads, const ConstView& log_probability,
                       const ConstView& labels, const ConstView& weight, std::int64_t ignore_index,
                       const View& loss);
void cpu_softmax_nll_backward(const Threads& threads, const ConstView& log_probability,
                              const ConstView& labels, const ConstView& weight,
                              std::int64_t ignore_index, const ConstView& dloss, const View& dx,
                              bool accumulate);

void cpu_optimizer_step(const Threads& threads, const OptimizerStep& rule, const View& parameter,
                        const ConstView& gradient, std::span<const View> state);

}  // namespace striate
