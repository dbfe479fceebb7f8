#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "striate/graph/plan.h"
#include "striate/tasks/networks.h"

namespace striate {

struct BenchmarkOptions {
  std::int64_t batch = 1;
  int threads = 0;        ///< the device's, so that its peak is measured on as many
  bool training = false;  ///< whole steps of SGD with momentum instead of inference
  bool layers = false;    ///< each layer by itself too
  double seconds = 2;     ///< to measure for, at least; at least five runs
  const std::atomic<bool>* cancel = nullptr;
};

/// One node of the plan: what stands between two of them was fused away.
struct LayerTime {
  std::string name, op;
  double forward = 0, backward = 0;  ///< seconds, median over runs
  std::int64_t macs = 0;             ///< of the plain algorithm, both passes
  std::int64_t bytes = 0;            ///< inputs, weights and outputs of the forward pass, once each

  double seconds() const { return forward + backward; }
  /// GFLOP/s, two operations a multiply-add; 0 where there are none.
  double rate() const { return seconds() > 0 ? 2e-9 * static_cast<double>(macs) / seconds() : 0; }
};

struct Benchmark {
  double seconds = 0;  ///< of one run or step, median
  int runs = 0;
  double images_per_second = 0;
  std::int64_t macs = 0;  ///< of a run or step, the plain algorithm's
  double optimizer = 0;   ///< seconds of a step's update
  double peak = 0;        ///< GFLOP/s of multiply-adds in registers alone, on as many threads
  std::size_t workspace_bytes = 0;
  std::vector<LayerTime> layers;

  double rate() const { return seconds > 0 ? 2e-9 * static_cast<double>(macs) / seconds : 0; }
};

/// Times a network with first weights on random pictures. Throws ModelError where it does not fit
/// the size, Cancelled once `cancel` is set.
Benchmark benchmark(const ModelRow& model, const ModelSize& size,
                    const std::shared_ptr<const Device>& device, const BenchmarkOptions& options);

}  // namespace striate
