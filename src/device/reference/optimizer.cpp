#include <algorithm>
#include <array>
#include <cmath>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// One function a rule, on one element: `w` the parameter, `g` its gradient with scale and weight
// decay applied, `s` its state tensors' values in the order of optimizer_state_count.
using State = std::array<double, 3>;

double decay_power(double beta, std::int64_t step) {
  return 1.0 - std::pow(beta, static_cast<double>(step));
}

void sgd(const OptimizerStep& o, double& w, double g, State& s) {
  double direction = g;
  if (o.momentum != 0) {
    s[0] = o.step == 1 ? g : o.momentum * s[0] + (1 - o.dampening) * g;
    direction = o.nesterov ? g + o.momentum * s[0] : s[0];
  }
  w -= o.lr * direction;
}

void adam(const OptimizerStep& o, double& w, double g, State& s) {
  s[0] = o.beta1 * s[0] + (1 - o.beta1) * g;
  s[1] = o.beta2 * s[1] + (1 - o.beta2) * g * g;
  if (o.amsgrad) s[2] = std::max(s[2], s[1]);
  const double square = o.amsgrad ? s[2] : s[1];
  const double deviation = std::sqrt(square) / std::sqrt(decay_power(o.beta2, o.step));
  w -= o.lr / decay_power(o.beta1, o.step) * s[0] / (deviation + o.epsilon);
}

void adagrad(const OptimizerStep& o, double& w, double g, State& s) {
  const double rate = o.lr / (1 + static_cast<double>(o.step - 1) * o.lr_decay);
  s[0] += g * g;
  w -= rate * g / (std::sqrt(s[0]) + o.epsilon);
}

void rmsprop(const OptimizerStep& o, double& w, double g, State& s) {
  double& mean = o.momentum != 0 ? s[2] : s[1];
  s[0] = o.alpha * s[0] + (1 - o.alpha) * g * g;
  double square = s[0];
  if (o.centered) {
    mean = o.alpha * mean + (1 - o.alpha) * g;
    square -= mean * mean;
  }
  double direction = g / (std::sqrt(square) + o.epsilon);
  if (o.momentum != 0) direction = s[1] = o.momentum * s[1] + direction;
  w -= o.lr * direction;
}

void adadelta(const OptimizerStep& o, double& w, double g, State& s) {
  s[0] = o.rho * s[0] + (1 - o.rho) * g * g;
  const double delta = std::sqrt(s[1] + o.epsilon) / std::sqrt(s[0] + o.epsilon) * g;
  s[1] = o.rho * s[1] + (1 - o.rho) * delta * delta;
  w -= o.lr * delta;
}

void update(const OptimizerStep& o, double& w, double g, State& s) {
  using Rule = OptimizerStep::Rule;
  g *= o.grad_scale;
  if (o.rule == Rule::adamw) {
    w *= 1 - o.lr * o.weight_decay;
  } else {
    g += o.weight_decay * w;
  }
  switch (o.rule) {
    case Rule::sgd:
      return sgd(o, w, g, s);
    case Rule::adam:
    case Rule::adamw:
      return adam(o, w, g, s);
    case Rule::adagrad:
      return adagrad(o, w, g, s);
    case Rule::rmsprop:
      return rmsprop(o, w, g, s);
    case Rule::adadelta:
      return adadelta(o, w, g, s);
  }
}

}  // namespace

void ReferenceDevice::optimizer_step(const OptimizerStep& rule, const View& parameter,
                                     const ConstView& gradient, std::span<const View> state) const {
  check_optimizer(rule, parameter, gradient, state);
  with_float(parameter.dtype, "optimizer_step", [&]<class T>(T) {
    const auto parameters = write<T>(parameter);
    const auto gradients = read<T>(gradient);
    std::array<Elements<T>, 3> states;
    for (std::size_t k = 0; k < state.size(); ++k) states[k] = write<T>(state[k]);
    for_each(parameter.shape, [&](const Index& i) {
      double w = static_cast<double>(parameters[i]);
      State s{};
      for (std::size_t k = 0; k < state.size(); ++k) s[k] = static_cast<double>(states[k][i]);
      update(rule, w, static_cast<double>(gradients[i]), s);
      parameters[i] = static_cast<T>(w);
      for (std::size_t k = 0; k < state.size(); ++k) states[k][i] = static_cast<T>(s[k]);
    });
  });
}

}  // namespace striate
