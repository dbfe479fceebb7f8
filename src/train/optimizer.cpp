#include "striate/train/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "striate/base/suggest.h"

namespace striate {
namespace {

using Rule = OptimizerStep::Rule;

struct RuleRow {
  std::string_view name;
  Rule rule;
  double lr, weight_decay, epsilon;
};

constexpr std::array<RuleRow, 6> kRules = {{
    {"sgd", Rule::sgd, 0.1, 0, 0},
    {"adam", Rule::adam, 1e-3, 0, 1e-8},
    {"adamw", Rule::adamw, 1e-3, 1e-2, 1e-8},
    {"adagrad", Rule::adagrad, 1e-2, 0, 1e-10},
    {"rmsprop", Rule::rmsprop, 1e-2, 0, 1e-8},
    {"adadelta", Rule::adadelta, 1, 0, 1e-6},
}};

const RuleRow& find_rule(const std::string& name) {
  const auto* found =
      std::find_if(kRules.begin(), kRules.end(), [&](const auto& row) { return row.name == name; });
  if (found != kRules.end()) return *found;
  fail<InputError>("unknown optimizer {}{}", name, suggestion(name, optimizer_names()));
}

// The rule's state tensors in the device's order, by PyTorch's names.
std::vector<std::string> slot_names(const OptimizerStep& rule) {
  switch (rule.rule) {
    case Rule::sgd:
      if (rule.momentum != 0) return {"momentum_buffer"};
      return {};
    case Rule::adam:
    case Rule::adamw:
      if (rule.amsgrad) return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
      return {"exp_avg", "exp_avg_sq"};
    case Rule::adagrad:
      return {"sum"};
    case Rule::rmsprop: {
      std::vector<std::string> slots = {"square_avg"};
      if (rule.momentum != 0) slots.emplace_back("momentum_buffer");
      if (rule.centered) slots.emplace_back("grad_avg");
      return slots;
    }
    case Rule::adadelta:
      return {"square_avg", "acc_delta"};
  }
  throw BugError("slot_names: unknown rule");
}

// A knob that the rule would silently ignore is a mistake of whoever turned it.
void check_knobs(const OptimizerOptions& o, Rule rule) {
  const bool is_adam = rule == Rule::adam || rule == Rule::adamw;
  const auto only = [&](bool turned, bool has, std::string_view knob, std::string_view owners) {
    if (turned && !has) fail<InputError>("{} has no {}: it belongs to {}", o.name, knob, owners);
  };
  only(o.momentum != 0, rule == Rule::sgd || rule == Rule::rmsprop, "momentum", "sgd and rmsprop");
  only(o.dampening != 0, rule == Rule::sgd, "dampening", "sgd");
  only(o.nesterov, rule == Rule::sgd, "nesterov", "sgd");
  only(o.amsgrad, is_adam, "amsgrad", "adam and adamw");
  only(o.centered, rule == Rule::rmsprop, "centered", "rmsprop");
  only(o.lr_decay != 0, rule == Rule::adagrad, "lr_decay", "adagrad");
  if (o.nesterov && (o.momentum <= 0 || o.dampening != 0)) {
    fail<InputError>("nesterov needs a momentum above 0 and no dampening");
  }
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_range(std::string_view name, double value, double end) {
  if (value >= 0 && value < end) return;  // false for NaN
  fail<InputError>(
      "{}: expected a number {}, got {}", name,
      std::isinf(end) ? std::string("of at least 0") : fmt::format("from 0 to less than {}", end),
      value);
}

void check_values(const OptimizerOptions& o) {
  check_range("lr", o.lr, kInfinity);
  check_range("weight_decay", o.weight_decay, kInfinity);
  check_range("momentum", o.momentum, kInfinity);
  check_range("dampening", o.dampening, kInfinity);
  check_range("epsilon", o.epsilon, kInfinity);
  check_range("lr_decay", o.lr_decay, kInfinity);
  check_range("clip_norm", o.clip_norm, kInfinity);
  check_range("beta1", o.beta1, 1);
  check_range("beta2", o.beta2, 1);
  check_range("alpha", o.alpha, 1);
  check_range("rho", o.rho, 1);
}

}  // namespace

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const RuleRow& row : kRules) names.emplace_back(row.name);
  return names;
}

Optimizer::Optimizer(const OptimizerOptions& options) : options_(options) {
  const RuleRow& row = find_rule(options.name);
  if (options_.lr == kRuleDefault) options_.lr = row.lr;
  if (options_.weight_decay == kRuleDefault) options_.weight_decay = row.weight_decay;
  if (options_.epsilon == kRuleDefault) options_.epsilon = row.epsilon;
  check_values(options_);
  check_knobs(options_, row.rule);
  rule_ = {.rule = row.rule,
           .weight_decay = options_.weight_decay,
           .momentum = options_.momentum,
           .dampening = options_.dampening,
           .nesterov = options_.nesterov,
           .beta1 = options_.beta1,
           .beta2 = options_.beta2,
           .alpha = options_.alpha,
           .rho = options_.rho,
           .epsilon = options_.epsilon,
           .lr_decay = options_.lr_decay,
           .amsgrad = options_.amsgrad,
           .centered = options_.centered};
  slots_ = slot_names(rule_);
  invariant(static_cast<int>(slots_.size()) == optimizer_state_count(rule_),
            "an optimizer's slots are not those of the device");
}

Tensor& Optimizer::slot_tensor(const std::string& slot, const Parameter& parameter) {
  Tensor& tensor = state_[slot + '/' + parameter.name];
  if (tensor.empty()) tensor = Tensor(parameter.dtype, parameter.shape);
  return tensor;
}

double Optimizer::gradient_norm(const Device& device, const Graph& graph,
                                const GradientOf& gradient_of) const {
  double squares = 0;
  for (const Parameter& parameter : graph.parameters) {
    if (!parameter.trainable) continue;
    const ConstView gradient = gradient_of(parameter.name);
    if (gradient) squares += device.sum_of_squares(gradient);
  }
  return std::sqrt(squares);
}

double Optimizer::step(const Device& device, const Graph& graph, Weights& weights,
                       const GradientOf& gradient_of, double lr) {
  OptimizerStep rule = rule_;
  const double norm = gradient_norm(device, graph, gradient_of);
  if (!std::isfinite(norm)) return norm;
  if (options_.clip_norm > 0) {
    // The 1e-6 is that of torch.nn.utils.clip_grad_norm_.
    rule.grad_scale = std::min(1.0, options_.clip_norm / (norm + 1e-6));
  }
  rule.lr = lr;
  rule.step = ++steps_;
  std::vector<View> state;
  for (const Parameter& parameter : graph.parameters) {
    if (!parameter.trainable) continue;
    const ConstView gradient = gradient_of(parameter.name);
    if (!gradient) continue;
    const bool decays = options_.decay_vectors || parameter.shape.rank() > 1;
    rule.weight_decay = decays ? options_.weight_decay : 0;
    state.clear();
    for (const std::string& slot : slots_) state.push_back(slot_tensor(slot, parameter).view());
    device.optimizer_step(rule, weights.at(parameter.name).view(), gradient, state);
  }
  return norm;
}

double Optimizer::step(const Device& device, const Graph& graph, Weights& weights,
                       const Workspace& workspace, double lr) {
  return step(
      device, graph, weights,
      [&](std::string_view parameter) { return workspace.gradient(parameter); }, lr);
}

void Optimizer::resume(const Graph& graph, const Weights& state, std::int64_t steps) {
  if (steps < 0) fail<InputError>("optimizer state: a negative number of steps, {}", steps);
  for (const auto& [name, tensor] : state) {
    const std::size_t slash = name.find('/');
    const bool known =
        slash != std::string::npos &&
        std::find(slots_.begin(), slots_.end(), name.substr(0, slash)) != slots_.end();
    const Parameter* parameter = known ? graph.find_parameter(name.substr(slash + 1)) : nullptr;
    if (parameter == nullptr || !parameter->trainable) {
      fail<InputError>("optimizer state {}: {} on {} has none of that name", name, options_.name,
                       graph.name);
    }
    if (tensor.dtype() != parameter->dtype || !(tensor.shape() == parameter->shape)) {
      fail<InputError>("optimizer state {}: expected {} {}, got {} {}", name,
                       name_of(parameter->dtype), parameter->shape.str(), name_of(tensor.dtype()),
                       tensor.shape().str());
    }
  }
  // A parameter that no loss depends on never had state, but a slot of it means all of them.
  for (const Parameter& parameter : graph.parameters) {
    const auto has = [&](const std::string& slot) {
      return state.contains(slot + '/' + parameter.name);
    };
    if (std::none_of(slots_.begin(), slots_.end(), has)) continue;
    for (const std::string& slot : slots_) {
      if (!has(slot)) fail<InputError>("optimizer state {}/{} is missing", slot, parameter.name);
    }
  }
  if (steps > 0 && !slots_.empty() && state.size() == 0) {
    fail<InputError>("optimizer state of {} is missing", options_.name);
  }
  state_ = state;
  steps_ = steps;
}

}  // namespace striate
