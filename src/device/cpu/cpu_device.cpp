#include "device/cpu/cpu_device.h"

#include "device/check.h"
#include "device/cpu/matmul.h"
#include "device/cpu/primitives.h"
#include "device/cpu/recurrent.h"
#include "device/lookup.h"

namespace striate {
namespace {

void require_f32(const ConstView& view, const char* primitive) {
  if (view.dtype == DType::f32) return;
  fail<ModelError>("{}: the cpu device computes in float32, got {}", primitive,
                   name_of(view.dtype));
}

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

std::unique_ptr<Device> make_cpu_device(int threads) {
  return make_cpu_device(CpuOptions{.threads = threads});
}

std::size_t CpuDevice::conv_scratch(const ConvGeometry& g, ConvPass pass) const {
  return cpu_conv_scratch(threads_, g, pass, conv_method_);
}

void CpuDevice::conv_forward(const ConvGeometry& g, const ConstView& x, const ConstView& w,
                             const ConvFusion& fusion, const View& y, std::span<std::byte> scratch,
                             std::span<const std::byte> prepared) const {
  require_f32(x, "conv_forward");
  check_conv(g, x, w, y);
  check_conv_fusion(g, fusion, y);
  cpu_conv_forward(threads_, g, x, w, fusion, y, scratch, conv_method_, prepared);
}

std::size_t CpuDevice::conv_prepared(const ConvGeometry& g) const {
  return cpu_conv_prepared(g, conv_method_);
}

void CpuDevice::conv_prepare(const ConvGeometry& g, const ConstView& w,
                             std::span<std::byte> prepared) const {
  require_f32(w, "conv_prepare");
  cpu_conv_prepare(threads_, g, w, prepared, conv_method_);
}

bool CpuDevice::conv_maps_input(const ConvGeometry& g) const {
  return cpu_conv_maps_input(g, conv_method_);
}

void CpuDevice::conv_backward_data(const ConvGeometry& g, const ConstView& dy, const ConstView& w,
                                   const View& dx, bool accumulate,
                                   std::span<std::byte> scratch) const {
  require_f32(dy, "conv_backward_data");
  check_conv(g, dx, w, dy);
  cpu_conv_backward_data(threads_, g, dy, w, dx, accumulate, scratch, conv_method_);
}

void CpuDevice::conv_backward_weights(const ConvGeometry& g, const ConstView& x,
                                      const ConstView& dy, const View& dw, bool accumulate,
                                      std::span<std::byte> scratch) const {
  require_f32(x, "conv_backward_weights");
  check_conv(g, x, dw, dy);
  cpu_conv_backward_weights(threads_, g, x, dy, dw, accumulate, scratch, conv_method_);
}

std::size_t CpuDevice::matmul_scratch(std::int64_t m, std::int64_t n, std::int64_t k) const {
  return cpu_matmul_scratch(threads_, m, n, k);
}

void CpuDevice::matmul(const ConstView& a, const ConstView& b, const ConstView& bias, const View& c,
                       double alpha, bool accumulate, std::span<std::byte> scratch) const {
  require_f32(a, "matmul");
  check_matmul(a, b, bias, c);
  cpu_matmul(threads_, a, b, bias, c, alpha, accumulate, scratch);
}

void CpuDevice::max_pool_forward(const PoolGeometry& g, const ConstView& x, const View& y,
                                 const View& indices) const {
  require_f32(x, "max_pool_forward");
  check_pool(g, x, y, indices);
  cpu_max_pool_forward(threads_, g, x, y, indices);
}

void CpuDevice::max_pool_backward(const PoolGeometry& g, const ConstView& dy,
                                  const ConstView& indices, const View& dx, bool accumulate) const {
  require_f32(dy, "max_pool_backward");
  check_pool(g, dx, dy, indices);
  invariant(static_cast<bool>(indices), "max_pool_backward: the indices are absent");
  cpu_max_pool_backward(threads_, g, dy, indices, dx, accumulate);
}

void CpuDevice::region_max_forward(const RegionGeometry& g, const ConstView& x,
                                   const Regions& regions, const View& y,
                                   const View& indices) const {
  require_f32(x, "region_max_forward");
  check_regions(g, regions, x, y, indices);
  cpu_region_max_forward(threads_, g, x, regions, y, indices);
}

void CpuDevice::region_max_backward(const RegionGeometry& g, const Regions& regions,
                                    const ConstView& dy, const ConstView& indices, const View& dx,
                                    bool accumulate) const {
  require_f32(dy, "region_max_backward");
  check_regions(g, regions, dx, dy, indices);
  invariant(static_cast<bool>(indices), "region_max_backward: the indices are absent");
  cpu_region_max_backward(threads_, g, regions, dy, indices, dx, accumulate);
}

void CpuDevice::region_align_forward(const RegionGeometry& g, const RegionSampling& sampling,
                                     const ConstView& x, const Regions& regions, const View& y,
                                     const View& indices) const {
  require_f32(x, "region_align_forward");
  check_regions(g, regions, x, y, indices);
  if (sampling.maximum) return lookup_align_max_forward(g, sampling, x, regions, y, indices);
  cpu_region_align_forward(threads_, g, sampling, x, regions, y);
}

void CpuDevice::region_align_backward(const RegionGeometry& g, const RegionSampling& sampling,
                                      const Regions& regions, const ConstView& dy,
                                      const ConstView& indices, const View& dx,
                                      bool accumulate) const {
  require_f32(dy, "region_align_backward");
  check_regions(g, regions, dx, dy, indices);
  if (sampling.maximum) {
    return lookup_align_max_backward(g, sampling, regions, dy, indices, dx, accumulate);
  }
  cpu_region_align_backward(threads_, g, sampling, regions, dy, dx, accumulate);
}

void CpuDevice::average_pool_forward(const PoolGeometry& g, const ConstView& x,
                                     const View& y) const {
  require_f32(x, "average_pool_forward");
  check_pool(g, x, y, {});
  cpu_average_pool_forward(threads_, g, x, y);
}

void CpuDevice::average_pool_backward(const PoolGeometry& g, const ConstView& dy, const View& dx,
                                      bool accumulate) const {
  require_f32(dy, "average_pool_backward");
  check_pool(g, dx, dy, {});
  cpu_average_pool_backward(threads_, g, dy, dx, accumulate);
}

void CpuDevice::batch_norm_statistics(const ConstView& x, const View& mean,
                                      const View& variance) const {
  require_f32(x, "batch_norm_statistics");
  check_channels(x, mean, "batch norm mean");
  check_channels(x, variance, "batch norm variance");
  cpu_batch_norm_statistics(threads_, x, mean, variance);
}

void CpuDevice::batch_norm_apply(const ConstView& x, const BatchNorm& norm, const View& y) const {
  require_f32(x, "batch_norm_apply");
  require_same(y, x, "batch norm output");
  check_batch_norm(x, norm);
  cpu_batch_norm_apply(threads_, x, norm, y);
}

void CpuDevice::batch_norm_backward(const ConstView& x, const ConstView& dy, const BatchNorm& norm,
                                    const BatchNormGradients& out) const {
  require_f32(x, "batch_norm_backward");
  require_same(dy, x, "batch norm gradient");
  if (out.dx) require_same(out.dx, x, "batch norm gradient");
  check_batch_norm(x, norm);
  cpu_batch_norm_backward(threads_, x, dy, norm, out);
}

void CpuDevice::lrn_forward(const LocalNorm& norm, const ConstView& x, const View& y) const {
  require_f32(x, "lrn_forward");
  require_same(y, x, "local norm output");
  cpu_lrn_forward(threads_, norm, x, y);
}

void CpuDevice::lrn_backward(const LocalNorm& norm, const ConstView& x, const ConstView& dy,
                             const View& dx, bool accumulate) const {
  require_f32(x, "lrn_backward");
  require_same(dy, x, "local norm gradient");
  require_same(dx, x, "local norm gradient");
  cpu_lrn_backward(threads_, norm, x, dy, dx, accumulate);
}

void CpuDevice::elementwise(Function f, std::span<const ConstView> inputs, const View& out,
                            std::span<const double> parameters, bool accumulate) const {
  require_f32(out, "elementwise");
  check_elementwise(f, inputs, out, parameters);
  cpu_elementwise(threads_, f, inputs, out, parameters, accumulate);
}

void CpuDevice::reduce_sum(const ConstView& x, const View& out, double scale,
                           bool accumulate) const {
  require_f32(x, "reduce_sum");
  check_reduce(x, out);
  cpu_reduce_sum(threads_, x, out, scale, accumulate);
}

void CpuDevice::copy(const ConstView& x, const View& out, bool accumulate) const {
  if (is_float(x.dtype)) require_f32(x, "copy");
  if (is_float(out.dtype)) require_f32(out, "copy");
  check_copy(x, out, accumulate);
  cpu_copy(threads_, x, out, accumulate);
}

void CpuDevice::fill(const View& out, double value) const {
  if (is_float(out.dtype)) require_f32(out, "fill");
  cpu_fill(threads_, out, value);
}

double CpuDevice::sum_of_squares(const ConstView& x) const {
  require_f32(x, "sum_of_squares");
  return cpu_sum_of_squares(threads_, x);
}

void CpuDevice::dropout(const ConstView& x, const View& out, const View& mask, double ratio,
                        const RandomKey& key, bool accumulate) const {
  require_f32(x, "dropout");
  check_dropout(x, out, mask);
  cpu_dropout(threads_, x, out, mask, ratio, key, accumulate);
}

void CpuDevice::softmax_forward(const ConstView& x, const View& y, bool logarithm) const {
  require_f32(x, "softmax_forward");
  require_same(y, x, "softmax");
  cpu_softmax_forward(threads_, x, y, logarithm);
}

void CpuDevice::softmax_backward(const ConstView& y, const ConstView& dy, const View& dx,
                                 bool logarithm, bool accumulate) const {
  require_f32(y, "softmax_backward");
  require_same(dy, y, "softmax gradient");
  require_same(dx, y, "softmax gradient");
  cpu_softmax_backward(threads_, y, dy, dx, logarithm, accumulate);
}

double CpuDevice::nll_forward(const ConstView& log_probability, const ConstView& labels,
                              const ConstView& weight, std::int64_t ignore_index,
                              const View& loss) const {
  require_f32(log_probability, "nll_forward");
  check_nll(log_probability, labels, weight, loss);
  return cpu_nll_forward(threads_, log_probability, labels, weight, ignore_index, loss);
}

void CpuDevice::softmax_nll_backward(const ConstView& log_probability, const ConstView& labels,
                                     const ConstView& weight, std::int64_t ignore_index,
                                     const ConstView& dloss, const View& dx,
                                     bool accumulate) const {
  require_f32(log_probability, "softmax_nll_backward");
  check_nll(log_probability, labels, weight, dloss);
  require_same(dx, log_probability, "nll gradient");
  cpu_softmax_nll_backward(threads_, log_probability, labels, weight, ignore_index, dloss, dx,
                           accumulate);
}

void CpuDevice::optimizer_step(const OptimizerStep& rule, const View& parameter,
                               const ConstView& gradient, std::span<const View> state) const {
  require_f32(parameter, "optimizer_step");
  check_optimizer(rule, parameter, gradient, state);
  cpu_optimizer_step(threads_, rule, parameter, gradient, state);
}

void CpuDevice::cast(const ConstView& x, const View& out) const { lookup_cast(x, out); }
void CpuDevice::reduce_max(const ConstView& x, const View& out) const { lookup_reduce_max(x, out); }
void CpuDevice::top_k(const ConstView& x, int axis, bool largest, bool last, const View& values,
                      const View& indices) const {
  lookup_top_k(x, axis, largest, last, values, indices);
}
void CpuDevice::gather(const ConstView& x, const ConstView& indices, int axis,
                       const View& out) const {
  cpu_gather(threads_, x, indices, axis, out);
}
void CpuDevice::scatter_add(const ConstView& x, const ConstView& indices, int axis,
                            const View& out) const {
  cpu_scatter_add(threads_, x, indices, axis, out);
}
void CpuDevice::nll_backward(const ConstView& labels, const ConstView& weight,
                             std::int64_t ignore_index, const ConstView& dloss, const View& dx,
                             bool accumulate) const {
  lookup_nll_backward(labels, weight, ignore_index, dloss, dx, accumulate);
}
void CpuDevice::max_pool_positions(const PoolGeometry& g, const ConstView& indices,
                                   bool column_major, const View& positions) const {
  lookup_max_pool_positions(g, indices, column_major, positions);
}

std::size_t CpuDevice::recurrent_scratch(const RecurrentGeometry& g, RecurrentPass pass) const {
  return cpu_recurrent_scratch(threads_, g, pass);
}

void CpuDevice::recurrent_forward(const RecurrentGeometry& g, const RecurrentInputs& in,
                                  const RecurrentOutputs& out, std::span<std::byte> scratch,
                                  std::span<const std::byte> prepared) const {
  require_f32(in.x, "recurrent_forward");
  check_recurrent(g, in, out);
  cpu_recurrent_forward(threads_, g, in, out, scratch, prepared);
}

std::size_t CpuDevice::recurrent_prepared(const RecurrentGeometry& g) const {
  return cpu_recurrent_prepared(g);
}

void CpuDevice::recurrent_prepare(const RecurrentGeometry& g, const RecurrentWeights& weights,
                                  std::span<std::byte> prepared) const {
  require_f32(weights.w[0], "recurrent_prepare");
  cpu_recurrent_prepare(threads_, g, weights, prepared);
}

void CpuDevice::recurrent_backward(const RecurrentGeometry& g, const RecurrentInputs& in,
                                   const RecurrentGradients& gradients,
                                   std::span<std::byte> scratch) const {
  require_f32(in.x, "recurrent_backward");
  check_recurrent(g, in, gradients);
  cpu_recurrent_backward(threads_, g, in, gradients, scratch);
}

}  // namespace striate
