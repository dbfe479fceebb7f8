#include <cmath>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

#ifndef STRIATE_OPTIMIZER_CONSTANTS
#define STRIATE_OPTIMIZER_CONSTANTS
namespace striate {

// What a rule needs in float32, worked out in double once a step.
struct OptimizerConstants {
  float grad_scale, weight_decay, shrink;  // shrink: adamw's factor on the parameter
  float lr, momentum, fresh;               // fresh: weight of the new gradient in the momentum
  float beta1, new1, beta2, new2;          // new1 = 1 - beta1, …
  float root, epsilon;                     // root: sqrt(1 - beta2^step)
  bool nesterov, amsgrad, centered, first, has_momentum;
};

}  // namespace striate
#endif  // STRIATE_OPTIMIZER_CONSTANTS

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/optimizer.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// decay * old + fresh * value.
template <class D, class V>
HWY_INLINE V blend(D d, float decay, V old, float fresh, V value) {
  return hn::MulAdd(hn::Set(d, fresh), value, hn::Mul(hn::Set(d, decay), old));
}

// Calls rule(w, g, load, store, i) for every vector: g with scale and weight decay applied. The
// rule returns the new parameter.
template <class Rule>
HWY_INLINE void each_parameter(const Row& r, const OptimizerConstants& c, Rule&& rule) {
  const hn::ScalableTag<float> d;
  const auto step = static_cast<std::size_t>(r.step[1]);
  for_lanes(d, r.n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
    auto w = load(r.at[0] + i);
    auto g = hn::Mul(load(r.at[1] + i * step), hn::Set(d, c.grad_scale));
    g = hn::MulAdd(hn::Set(d, c.weight_decay), w, g);
    w = hn::Mul(w, hn::Set(d, c.shrink));
    store(rule(w, g, load, store, i), r.at[0] + i);
  });
}

void sgd_row(const Row& r, const OptimizerConstants& c) {
  const hn::ScalableTag<float> d;
  each_parameter(r, c, [&](auto w, auto g, auto load, auto store, std::size_t i) HWY_ATTR {
    auto direction = g;
    if (c.has_momentum) {
      auto buffer = c.first ? g : blend(d, c.momentum, load(r.at[2] + i), c.fresh, g);
      store(buffer, r.at[2] + i);
      direction = c.nesterov ? hn::MulAdd(hn::Set(d, c.momentum), buffer, g) : buffer;
    }
    return hn::NegMulAdd(hn::Set(d, c.lr), direction, w);
  });
}

void adam_row(const Row& r, const OptimizerConstants& c) {
  const hn::ScalableTag<float> d;
  each_parameter(r, c, [&](auto w, auto g, auto load, auto store, std::size_t i) HWY_ATTR {
    const auto mean = blend(d, c.beta1, load(r.at[2] + i), c.new1, g);
    auto square = blend(d, c.beta2, load(r.at[3] + i), c.new2, hn::Mul(g, g));
    store(mean, r.at[2] + i);
    store(square, r.at[3] + i);
    if (c.amsgrad) {
      square = hn::Max(square, load(r.at[4] + i));
      store(square, r.at[4] + i);
    }
    const auto deviation = hn::Div(hn::Sqrt(square), hn::Set(d, c.root));
    const auto move = hn::Div(mean, hn::Add(deviation, hn::Set(d, c.epsilon)));
    return hn::NegMulAdd(hn::Set(d, c.lr), move, w);
  });
}

void adagrad_row(const Row& r, const OptimizerConstants& c) {
  const hn::ScalableTag<float> d;
  each_parameter(r, c, [&](auto w, auto g, auto load, auto store, std::size_t i) HWY_ATTR {
    const auto sum = hn::MulAdd(g, g, load(r.at[2] + i));
    store(sum, r.at[2] + i);
    const auto move = hn::Div(g, hn::Add(hn::Sqrt(sum), hn::Set(d, c.epsilon)));
    return hn::NegMulAdd(hn::Set(d, c.lr), move, w);
  });
}

void rmsprop_row(const Row& r, const OptimizerConstants& c) {
  const hn::ScalableTag<float> d;
  float* buffer = r.at[3];
  float* gradients = c.has_momentum ? r.at[4] : r.at[3];
  each_parameter(r, c, [&](auto w, auto g, auto load, auto store, std::size_t i) HWY_ATTR {
    auto square = blend(d, c.beta2, load(r.at[2] + i), c.new2, hn::Mul(g, g));
    store(square, r.at[2] + i);
    if (c.centered) {
      const auto mean = blend(d, c.beta2, load(gradients + i), c.new2, g);
      store(mean, gradients + i);
      square = hn::NegMulAdd(mean, mean, square);
    }
    auto move = hn::Div(g, hn::Add(hn::Sqrt(square), hn::Set(d, c.epsilon)));
    if (c.has_momentum) {
      move = hn::MulAdd(hn::Set(d, c.momentum), load(buffer + i), move);
      store(move, buffer + i);
    }
    return hn::NegMulAdd(hn::Set(d, c.lr), move, w);
  });
}

void adadelta_row(const Row& r, const OptimizerConstants& c) {
  const hn::ScalableTag<float> d;
  const auto epsilon = hn::Set(d, c.epsilon);
  each_parameter(r, c, [&](auto w, auto g, auto load, auto store, std::size_t i) HWY_ATTR {
    const auto square = blend(d, c.beta2, load(r.at[2] + i), c.new2, hn::Mul(g, g));
    const auto moved = load(r.at[3] + i);
    const auto ratio =
        hn::Div(hn::Sqrt(hn::Add(moved, epsilon)), hn::Sqrt(hn::Add(square, epsilon)));
    const auto move = hn::Mul(ratio, g);
    store(square, r.at[2] + i);
    store(blend(d, c.beta2, moved, c.new2, hn::Mul(move, move)), r.at[3] + i);
    return hn::NegMulAdd(hn::Set(d, c.lr), move, w);
  });
}

void optimizer_row(OptimizerStep::Rule rule, const Row& row, const OptimizerConstants& c) {
  using Rule = OptimizerStep::Rule;
  switch (rule) {
    case Rule::sgd:
      return sgd_row(row, c);
    case Rule::adam:
    case Rule::adamw:
      return adam_row(row, c);
    case Rule::adagrad:
      return adagrad_row(row, c);
    case Rule::rmsprop:
      return rmsprop_row(row, c);
    case Rule::adadelta:
      return adadelta_row(row, c);
  }
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(optimizer_row);

OptimizerConstants constants_of(const OptimizerStep& o) {
  using Rule = OptimizerStep::Rule;
  const bool adam = o.rule == Rule::adam || o.rule == Rule::adamw;
  const bool decoupled = o.rule == Rule::adamw;
  const auto steps = static_cast<double>(o.step);
  // The mean of squares decays by beta2, alpha or rho.
  const double decay = adam ? o.beta2 : o.rule == Rule::rmsprop ? o.alpha : o.rho;
  double lr = o.lr;
  if (adam) lr /= 1 - std::pow(o.beta1, steps);
  if (o.rule == Rule::adagrad) lr /= 1 + (steps - 1) * o.lr_decay;
  const auto f = [](double value) { return static_cast<float>(value); };
  return {.grad_scale = f(o.grad_scale),
          .weight_decay = f(decoupled ? 0 : o.weight_decay),
          .shrink = f(decoupled ? 1 - o.lr * o.weight_decay : 1),
          .lr = f(lr),
          .momentum = f(o.momentum),
          .fresh = f(1 - o.dampening),
          .beta1 = f(o.beta1),
          .new1 = f(1 - o.beta1),
          .beta2 = f(decay),
          .new2 = f(1 - decay),
          .root = f(std::sqrt(1 - std::pow(o.beta2, steps))),
          .epsilon = f(o.epsilon),
          .nesterov = o.nesterov,
          .amsgrad = o.amsgrad,
          .centered = o.centered,
          .first = o.step == 1,
          .has_momentum = o.momentum != 0};
}

}  // namespace

void cpu_optimizer_step(const Threads& threads, const OptimizerStep& rule, const View& parameter,
                        const ConstView& gradient, std::span<const View> state) {
  std::array<RowOperand, kMaxOperands> operands{RowOperand::out(parameter, true),
                                                RowOperand::in(gradient)};
  for (std::size_t k = 0; k < state.size(); ++k) operands[k + 2] = RowOperand::out(state[k], true);
  const OptimizerConstants constants = constants_of(rule);
  const auto kernel = HWY_DYNAMIC_DISPATCH(optimizer_row);
  for_each_row(threads, parameter.shape, std::span(operands).first(state.size() + 2), [&](Row row) {
    for (std::int64_t i = 0; i < row.rows; ++i, row.next()) {
      kernel(rule.rule, row, constants);
    }
  });
}

}  // namespace striate
#endif  // HWY_ONCE
