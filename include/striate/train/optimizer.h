#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/fields.h"
#include "striate/device/device.h"
#include "striate/graph/plan.h"

namespace striate {

/// "What the rule takes where nothing is said": see the table at OptimizerOptions.
inline constexpr double kRuleDefault = -1;

/// Which optimizer, and its knobs. The rules are those of PyTorch 1.13's optimizers of the same
/// names, g the gradient (scaled by clipping, plus weight_decay * w except for adamw), t the step:
///
/// - sgd: buf = momentum * buf + (1 - dampening) * g (buf = g at t = 1); w -= lr * buf, with
///   nesterov lr * (g + momentum * buf).
/// - adam (Kingma and Ba, arXiv:1412.6980): means of g and g² with beta1 and beta2, both corrected
///   for their start at zero; w -= lr * mean / (sqrt(square) + epsilon). amsgrad divides by the
///   largest mean square so far.
/// - adamw (Loshchilov and Hutter, arXiv:1711.05101): adam, and w -= lr * weight_decay * w.
/// - adagrad: sum += g²; w -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + epsilon).
/// - rmsprop: mean square with alpha; w -= lr * g / (sqrt(square) + epsilon), through a buffer with
///   momentum; centered takes the squared mean off the mean square first.
/// - adadelta (Zeiler, arXiv:1212.5701): w -= lr * g * sqrt(mean square of updates + epsilon) /
///   sqrt(mean square of g + epsilon), both with rho.
///
/// | rule     | lr    | weight_decay | epsilon |
/// |----------|-------|--------------|---------|
/// | sgd      | 0.1   | 0            |         |
/// | adam     | 0.001 | 0            | 1e-8    |
/// | adamw    | 0.001 | 0.01         | 1e-8    |
/// | adagrad  | 0.01  | 0            | 1e-10   |
/// | rmsprop  | 0.01  | 0            | 1e-8    |
/// | adadelta | 1     | 0            | 1e-6    |
struct OptimizerOptions {
  std::string name = "sgd";
  double lr = kRuleDefault;
  double weight_decay = kRuleDefault;
  bool decay_vectors = true;
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double alpha = 0.99;
  double rho = 0.9;
  double epsilon = kRuleDefault;
  double lr_decay = 0;
  bool amsgrad = false;
  bool centered = false;
  double clip_norm = 0;

  STRIATE_FIELDS(
      visit("optimizer", name, "sgd, adam, adamw, adagrad, rmsprop or adadelta");
      visit("lr", lr, "learning rate; -1: the optimizer's own");
      visit("weight_decay", weight_decay, "pull of the weights to zero; -1: the optimizer's own");
      visit("decay_vectors", decay_vectors, "weight decay on biases and normalization scales too");
      visit("momentum", momentum, "sgd, rmsprop: share of the last direction that is kept");
      visit("dampening", dampening, "sgd: share of the gradient kept out of the momentum");
      visit("nesterov", nesterov, "sgd: look ahead along the momentum");
      visit("beta1", beta1, "adam, adamw: memory of the mean gradient");
      visit("beta2", beta2, "adam, adamw: memory of the mean square");
      visit("alpha", alpha, "rmsprop: memory of the mean square");
      visit("rho", rho, "adadelta: memory of both mean squares");
      visit("epsilon", epsilon, "added to what is divided by; -1: the optimizer's own");
      visit("lr_decay", lr_decay, "adagrad: decay of the learning rate with each step");
      visit("amsgrad", amsgrad, "adam, adamw: divide by the largest mean square so far");
      visit("centered", centered, "rmsprop: divide by the variance instead of the mean square");
      visit("clip_norm", clip_norm,
            "longest gradient, over all parameters together; longer ones are shortened; 0: any");)
};

/// The optimizers' names, for help texts.
std::vector<std::string> optimizer_names();

/// Steps a graph's trainable parameters along their gradients and keeps what the rule remembers of
/// earlier steps. For one thread at a time. The result does not depend on the device's threads.
class Optimizer {
 public:
  /// A parameter's gradient; a null view where it has none (it is then left as it is).
  using GradientOf = std::function<ConstView(std::string_view parameter)>;

  /// Throws InputError for an unknown name, a value out of range, or a knob the rule does not have.
  explicit Optimizer(const OptimizerOptions& options);

  /// The options with the rule's defaults filled in.
  const OptimizerOptions& options() const { return options_; }
  /// How many tensors of a parameter's shape the rule remembers for it.
  std::int64_t tensors_a_parameter() const { return static_cast<std::int64_t>(slots_.size()); }
  /// Steps taken so far.
  std::int64_t steps() const { return steps_; }

  /// One step in place on the weights with learning rate `lr`. Returns the gradients' norm over all
  /// parameters before clipping. Where it is not finite nothing is changed. The weights' tensors are
  /// written where they lie: copies that share them change too. Throws ModelError where the
  /// weights lack a parameter that has a gradient.
  double step(const Device& device, const Graph& graph, Weights& weights,
              const GradientOf& gradient_of, double lr);
  /// The same with the gradients of a plan's last backward pass.
  double step(const Device& device, const Graph& graph, Weights& weights,
              const Workspace& workspace, double lr);

  /// What the rule remembers, by slot and parameter in PyTorch's words: "exp_avg/conv1.weight". The
  /// tensors are the optimizer's own: the next step changes them.
  const Weights& state() const { return state_; }
  /// Goes on after `steps` steps with this state, whose tensors become the optimizer's. Throws
  /// InputError unless it is the state of this rule for this graph's parameters.
  void resume(const Graph& graph, const Weights& state, std::int64_t steps);

 private:
  Tensor& slot_tensor(const std::string& slot, const Parameter& parameter);
  double gradient_norm(const Device& device, const Graph& graph,
                       const GradientOf& gradient_of) const;

  OptimizerOptions options_;
  OptimizerStep rule_;
  std::vector<std::string> slots_;
  Weights state_;
  std::int64_t steps_ = 0;
};

}  // namespace striate
