#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/error.h"
#include "striate/device/device.h"
#include "striate/graph/graph.h"

namespace striate {

/// Values by graph input's name. The memory must stay as it is until the run that reads it ends
/// (for training: until backward returns).
using Inputs = std::map<std::string, ConstView, std::less<>>;

/// Keys the random draws of one run (dropout).
struct RunKey {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
};

/// A run was asked to stop before its end. Its workspace can be used again.
class Cancelled : public Error {
 public:
  using Error::Error;
};

/// What a run is given beside its values.
struct RunOptions {
  RunKey key;
  /// Looked at before each node; once set, the run throws Cancelled.
  const std::atomic<bool>* cancel = nullptr;
  /// Called after each node with its name, its operator and what it wrote: outputs going forward,
  /// input gradients going backward. The views are good during the call.
  std::function<void(std::string_view node, std::string_view op, std::span<const ConstView>)>
      observe = nullptr;
};

class Workspace;

/// Weights as one plan reads them, with the work on them that every run has in common done once:
/// packed and transformed, batch norms folded. Runs with it give the same bits, sooner. It keeps of
/// the weights what the runs still read, sharing their memory. Immutable: any number of runs may
/// share one.
class Prepared {
 public:
  /// Bytes it takes beside the weights it keeps.
  std::size_t bytes() const { return bytes_; }

 private:
  friend class Plan;
  const void* plan_ = nullptr;
  Weights weights_;
  std::size_t bytes_ = 0;
  std::shared_ptr<std::byte[]> memory_;
};

/// A graph compiled for given input shapes on a device: which operators run in which order, how
/// each value lies in memory, and which values share memory because their lifetimes do not meet.
/// Immutable: several threads may run one plan at once, each with its own Workspace.
class Plan {
 public:
  /// `differentiate` names the outputs whose gradients will be given to `backward`; with none, the
  /// plan keeps nothing for a backward pass. Gradients are computed for every trainable parameter
  /// and for the inputs in `input_gradients`. The plan keeps the device, copies what it needs of
  /// the graph, and shares the graph's constants. Throws ModelError.
  struct Options {
    std::vector<std::string> differentiate;
    std::vector<std::string> input_gradients;
    /// Whether the plan runs the graph as `fuse_for_…` in graph/rewrite.h make it.
    bool fuse = true;
  };
  static std::shared_ptr<const Plan> compile(const Graph& graph,
                                             std::shared_ptr<const Device> device,
                                             const Shapes& input_shapes, const Options& options);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Computes the outputs (and the values of state updates). Throws ModelError when an input or a
  /// parameter is missing or has another dtype or shape than was planned.
  void forward(Workspace& workspace, const Inputs& inputs, const Weights& weights,
               const RunOptions& options) const;
  void forward(Workspace& workspace, const Inputs& inputs, const Weights& weights,
               RunKey key = {}) const {
    forward(workspace, inputs, weights, RunOptions{.key = key});
  }
  /// The same with weights that `prepare` of this plan made.
  void forward(Workspace& workspace, const Inputs& inputs, const Prepared& weights,
               const RunOptions& options = {}) const;
  /// Throws ModelError as `forward` does.
  std::shared_ptr<const Prepared> prepare(const Weights& weights) const;
  /// Computes the gradients of sum(output * given) for the outputs that were to be differentiated;
  /// one that is not given counts as 1. Follows `forward` on the same workspace, with the same
  /// inputs, weights and key; once for each forward. Throws ModelError as `forward` does.
  void backward(Workspace& workspace, const Inputs& inputs, const Weights& weights,
                const RunOptions& options, const Inputs& output_gradients = {}) const;
  void backward(Workspace& workspace, const Inputs& inputs, const Weights& weights, RunKey key = {},
                const Inputs& output_gradients = {}) const {
    backward(workspace, inputs, weights, RunOptions{.key = key}, output_gradients);
  }
  /// Carries the graph's state updates (running statistics) into the weights after `forward`: into
  /// the tensors they hold, which other copies of the weights share.
  void update_state(const Workspace& workspace, Weights& weights) const;

  /// Bytes one workspace takes.
  std::size_t workspace_bytes() const;
  const Device& device() const;

  struct Impl;

 private:
  friend class Workspace;
  void run(Workspace& workspace, const Inputs& inputs, const Weights& weights,
           const RunOptions& options, const Prepared* prepared) const;
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The memory of one run of a plan, to be used by one thread at a time. Views stay valid until the
/// next forward or backward on it. It keeps its plan.
class Workspace {
 public:
  explicit Workspace(std::shared_ptr<const Plan> plan);

  const Plan& plan() const { return *plan_; }
  /// An output after `forward`, indexed N,C,H,W whatever its layout. Throws ModelError for another
  /// name.
  ConstView output(std::string_view name) const;
  /// A dense row-major copy of an output.
  Tensor fetch(std::string_view name) const;
  /// The gradient of a trainable parameter or chosen input after `backward`; a null view where no
  /// differentiated output depends on it.
  ConstView gradient(std::string_view name) const;

 private:
  friend class Plan;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<std::byte[]> memory_;
};

/// A graph on a device with its plans, compiled when a set of input shapes is first seen and kept as
/// long as it lives. Any number of threads may call it.
class Program {
 public:
  Program(Graph graph, std::shared_ptr<const Device> device, Plan::Options options = {});

  const Graph& graph() const { return graph_; }
  const std::shared_ptr<const Device>& device() const { return device_; }
  /// The plan for these input shapes; those not named are the graph's. Throws ModelError.
  std::shared_ptr<const Plan> plan(const Shapes& input_shapes = {}) const;
  /// Runs the graph forward and returns a dense copy of one output. Throws ModelError.
  Tensor run(const Inputs& inputs, const Weights& weights, std::string_view output) const;

 private:
  Graph graph_;
  std::shared_ptr<const Device> device_;
  Plan::Options options_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Plan>> plans_;
};

}  // namespace striate
