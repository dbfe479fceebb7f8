#pragma once

#include "device/cpu/conv.h"
#include "striate/base/threads.h"
#include "striate/device/device.h"

namespace striate {

/// The fast device: checks the operands, then hands them to the kernels with its threads.
class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : threads_(options.threads),
        conv_method_(options.winograd ? ConvMethod::fastest : ConvMethod::plain) {}

  std::string_view name() const override { return "cpu"; }
  int threads() const override { return threads_.count(); }

  std::size_t conv_scratch(const ConvGeometry& g, ConvPass pass) const override;
  void conv_forward(const ConvGeometry& g, const ConstView& x, const ConstView& w,
                    const ConvFusion& fusion, const View& y, std::span<std::byte> scratch,
                    std::span<const std::byte> prepared) const override;
  std::size_t conv_prepared(const ConvGeometry& g) const override;
  void conv_prepare(const ConvGeometry& g, const ConstView& w,
                    std::span<std::byte> prepared) const override;
  bool conv_maps_input(const ConvGeometry& g) const override;
  void conv_backward_data(const ConvGeometry& g, const ConstView& dy, const ConstView& w,
                          const View& dx, bool accumulate,
                          std::span<std::byte> scratch) const override;
  void conv_backward_weights(const ConvGeometry& g, const ConstView& x, const ConstView& dy,
                             const View& dw, bool accumulate,
                             std::span<std::byte> scratch) const override;

  std::size_t matmul_scratch(std::int64_t m, std::int64_t n, std::int64_t k) const override;
  void matmul(const ConstView& a, const ConstView& b, const ConstView& bias, const View& c,
              double alpha, bool accumulate, std::span<std::byte> scratch) const override;

  void max_pool_forward(const PoolGeometry& g, const ConstView& x, const View& y,
                        const View& indices) const override;
  void max_pool_backward(const PoolGeometry& g, const ConstView& dy, const ConstView& indices,
                         const View& dx, bool accumulate) const override;
  void average_pool_forward(const PoolGeometry& g, const ConstView& x,
                            const View& y) const override;
  void average_pool_backward(const PoolGeometry& g, const ConstView& dy, const View& dx,
                             bool accumulate) const override;

  void region_max_forward(const RegionGeometry& g, const ConstView& x, const Regions& regions,
                          const View& y, const View& indices) const override;
  void region_max_backward(const RegionGeometry& g, const Regions& regions, const ConstView& dy,
                           const ConstView& indices, const View& dx,
                           bool accumulate) const override;
  void region_align_forward(const RegionGeometry& g, const RegionSampling& sampling,
                            const ConstView& x, const Regions& regions, const View& y,
                            const View& indices) const override;
  void region_align_backward(const RegionGeometry& g, const RegionSampling& sampling,
                             const Regions& regions, const ConstView& dy, const ConstView& indices,
                             const View& dx, bool accumulate) const override;

  void batch_norm_statistics(const ConstView& x, const View& mean,
                             const View& variance) const override;
  void batch_norm_apply(const ConstView& x, const BatchNorm& norm, const View& y) const override;
  void batch_norm_backward(const ConstView& x, const ConstView& dy, const BatchNorm& norm,
                           const BatchNormGradients& out) const override;

  void lrn_forward(const LocalNorm& norm, const ConstView& x, const View& y) const override;
  void lrn_backward(const LocalNorm& norm, const ConstView& x, const ConstView& dy, const View& dx,
                    bool accumulate) const override;

  void elementwise(Function f, std::span<const ConstView> inputs, const View& out,
                   std::span<const double> parameters, bool accumulate) const override;
  void reduce_sum(const ConstView& x, const View& out, double scale,
                  bool accumulate) const override;
  void copy(const ConstView& x, const View& out, bool accumulate) const override;
  void fill(const View& out, double value) const override;
  void on_host(std::span<const ConstView> inputs, std::span<const View> outputs,
               const std::function<void(std::span<const ConstView>, std::span<const View>)>& body)
      const override {
    body(inputs, outputs);
  }
  double sum_of_squares(const ConstView& x) const override;

  void cast(const ConstView& x, const View& out) const override;
  void reduce_max(const ConstView& x, const View& out) const override;
  void top_k(const ConstView& x, int axis, bool largest, bool last, const View& values,
             const View& indices) const override;
  void gather(const ConstView& x, const ConstView& indices, int axis,
              const View& out) const override;
  void scatter_add(const ConstView& x, const ConstView& indices, int axis,
                   const View& out) const override;
  void nll_backward(const ConstView& labels, const ConstView& weight, std::int64_t ignore_index,
                    const ConstView& dloss, const View& dx, bool accumulate) const override;
  void max_pool_positions(const PoolGeometry& g, const ConstView& indices, bool column_major,
                          const View& positions) const override;
  void dropout(const ConstView& x, const View& out, const View& mask, double ratio,
               const RandomKey& key, bool accumulate) const override;

  void softmax_forward(const ConstView& x, const View& y, bool logarithm) const override;
  void softmax_backward(const ConstView& y, const ConstView& dy, const View& dx, bool logarithm,
                        bool accumulate) const override;
  double nll_forward(const ConstView& log_probability, const ConstView& labels,
                     const ConstView& weight, std::int64_t ignore_index,
                     const View& loss) const override;
  void softmax_nll_backward(const ConstView& log_probability, const ConstView& labels,
                            const ConstView& weight, std::int64_t ignore_index,
                            const ConstView& dloss, const View& dx, bool accumulate) const override;

  void optimizer_step(const OptimizerStep& rule, const View& parameter, const ConstView& gradient,
                      std::span<const View> state) const override;

  std::size_t recurrent_scratch(const RecurrentGeometry& g, RecurrentPass pass) const override;
  void recurrent_forward(const RecurrentGeometry& g, const RecurrentInputs& in,
                         const RecurrentOutputs& out, std::span<std::byte> scratch,
                         std::span<const std::byte> prepared) const override;
  std::size_t recurrent_prepared(const RecurrentGeometry& g) const override;
  void recurrent_prepare(const RecurrentGeometry& g, const RecurrentWeights& weights,
                         std::span<std::byte> prepared) const override;
  void recurrent_backward(const RecurrentGeometry& g, const RecurrentInputs& in,
                          const RecurrentGradients& gradients,
                          std::span<std::byte> scratch) const override;

 private:
  Threads threads_;
  ConvMethod conv_method_;
};

}  // namespace striate
