#include <gtest/gtest.h>

#include "device/compare.h"

namespace striate {
namespace {

using namespace striate::testing;
using Rule = OptimizerStep::Rule;

struct NamedStep {
  const char* name;
  OptimizerStep step;
  // The parameter after three steps on gradients 0.5, -0.25, 1.0 from 1.0, worked out by the
  // formulas of PyTorch 1.13's documentation with Python floats.
  double after_three;
};

class Optimizer : public ::testing::TestWithParam<NamedStep> {};

const NamedStep kSteps[] = {
    {"sgd", {.rule = Rule::sgd, .lr = 0.1}, 0.875},
    {"sgd_decay", {.rule = Rule::sgd, .lr = 0.1, .weight_decay = 0.01}, 0.872077949},
    {"sgd_momentum",
     {.rule = Rule::sgd, .lr = 0.1, .weight_decay = 0.01, .momentum = 0.9},
     0.8065597489999999},
    {"sgd_dampening", {.rule = Rule::sgd, .lr = 0.1, .momentum = 0.9, .dampening = 0.3}, 0.82775},
    {"sgd_nesterov",
     {.rule = Rule::sgd, .lr = 0.1, .weight_decay = 0.01, .momentum = 0.9, .nesterov = true},
     0.6981892081909999},
    {"adam", {.rule = Rule::adam, .lr = 0.1, .epsilon = 1e-08}, 0.8075551396770898},
    {"adam_decay",
     {.rule = Rule::adam,
      .lr = 0.1,
      .weight_decay = 0.1,
      .beta1 = 0.8,
      .beta2 = 0.99,
      .epsilon = 1e-06},
     0.7834750114263012},
    {"adam_amsgrad",
     {.rule = Rule::adam, .lr = 0.1, .beta2 = 0.5, .epsilon = 1e-08, .amsgrad = true},
     0.8191385924479415},
    {"adamw",
     {.rule = Rule::adamw, .lr = 0.1, .weight_decay = 0.1, .epsilon = 1e-08},
     0.7801104766702113},
    {"adagrad", {.rule = Rule::adagrad, .lr = 0.1, .epsilon = 1e-10}, 0.8574342034752178},
    {"adagrad_decay",
     {.rule = Rule::adagrad, .lr = 0.1, .weight_decay = 0.01, .epsilon = 1e-10, .lr_decay = 0.1},
     0.8660955910605713},
    {"rmsprop", {.rule = Rule::rmsprop, .lr = 0.01, .epsilon = 1e-08}, 0.8574273783928595},
    {"rmsprop_momentum",
     {.rule = Rule::rmsprop, .lr = 0.01, .weight_decay = 0.01, .momentum = 0.9, .epsilon = 1e-08},
     0.7230457967380477},
    {"rmsprop_centered",
     {.rule = Rule::rmsprop, .lr = 0.01, .alpha = 0.9, .epsilon = 0.001, .centered = true},
     0.9518494060481107},
    {"rmsprop_all",
     {.rule = Rule::rmsprop,
      .lr = 0.01,
      .weight_decay = 0.01,
      .momentum = 0.5,
      .alpha = 0.9,
      .epsilon = 0.001,
      .centered = true},
     0.9333369727091851},
    {"adadelta", {.rule = Rule::adadelta, .lr = 1.0, .epsilon = 1e-06}, 0.9946161569990815},
    {"adadelta_decay",
     {.rule = Rule::adadelta, .lr = 0.5, .weight_decay = 0.01, .rho = 0.8, .epsilon = 1e-06},
     0.9980981489233741},
};

INSTANTIATE_TEST_SUITE_P(EveryRule, Optimizer, ::testing::ValuesIn(kSteps),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Optimizer, ThreeStepsByHand) {
  OptimizerStep step = GetParam().step;
  Tensor w = Tensor::of<double>({1}, std::vector<double>{1.0});
  std::vector<Tensor> tensors;
  std::vector<View> state;
  for (int k = 0; k < optimizer_state_count(step); ++k) {
    tensors.emplace_back(DType::f64, Shape{1});
    state.push_back(tensors.back().view());
  }
  for (const double gradient : {0.5, -0.25, 1.0}) {
    const Tensor g = Tensor::of<double>({1}, std::vector<double>{gradient});
    reference().optimizer_step(step, w.view(), g.view(), state);
    ++step.step;
  }
  EXPECT_NEAR(w.data<double>()[0], GetParam().after_three, 1e-14);
}

TEST_P(Optimizer, AgreesWithTheReferenceOverSomeSteps) {
  for (const Shape& shape :
       {Shape{}, Shape{7, 19}, Shape{64, 3, 3, 3}, Shape{0, 4}, Shape{20011}}) {
    OptimizerStep step = GetParam().step;
    step.grad_scale = 0.5;
    Random random = case_random(1);
    Value w(shape);
    w.randomize(random);
    std::vector<Value> values(static_cast<std::size_t>(optimizer_state_count(step)), Value(shape));
    for (step.step = 1; step.step <= 5; ++step.step) {
      Value gradient(shape);
      gradient.randomize(random);
      on_both([&](const Device& device) {
        std::vector<View> state;
        for (Value& value : values) state.push_back(value.on(device));
        device.optimizer_step(step, w.on(device), gradient.on(device), state);
      });
    }
    // Centred rmsprop subtracts nearly equal squares, and where the decay nearly cancels a gradient
    // the adaptive rules divide what is left by its own size: wide bounds.
    const double epsilons = step.centered || step.weight_decay != 0 ? 4096 : 64;
    w.expect_close(epsilons, 1);
    for (const Value& value : values) value.expect_close(epsilons, 1);
  }
}

TEST(Optimizer, RefusesTheWrongNumberOfStates) {
  Tensor w(DType::f32, {3});
  const OptimizerStep step{.rule = Rule::adam, .lr = 0.1};
  EXPECT_THROW(cpu().optimizer_step(step, w.view(), w.view(), {}), BugError);
}

TEST(ThreadsOptimizer, SameBitsForAnyThreadCount) {
  expect_same_bits([&](const Device& device) {
    Random random = case_random(2);
    Value w(Shape{90001}), g(Shape{90001}), mean(Shape{90001}), square(Shape{90001});
    w.randomize(random);
    g.randomize(random);
    const View state[] = {mean.on(device), square.on(device)};
    device.optimizer_step({.rule = Rule::adam, .lr = 0.1}, w.on(device), g.on(device), state);
    return w.bytes();
  });
}

}  // namespace
}  // namespace striate
