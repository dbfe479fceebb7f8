#include "striate/train/loop.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/train/metrics.h"
#include "train/toy.h"

namespace striate {
namespace {

using testing::HasSubstr;

template <class E, class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

TEST(TrainLoop, LearnsAndReports) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  toy::Clouds source;
  std::vector<StepReport> steps;
  std::vector<EpochReport> epochs;
  ClassMetrics metrics(3);
  const TrainHooks hooks{
      .on_step =
          [&](const StepReport& report, const Workspace& workspace, const TrainBatch& batch) {
            steps.push_back(report);
            if (report.epoch == 4) {
              const auto labels = batch.inputs.find("labels")->second.values<std::int64_t>();
              metrics.add(workspace.fetch("logits"), labels);
            }
          },
      .on_epoch =
          [&](const EpochReport& report, const TrainState& at) {
            epochs.push_back(report);
            EXPECT_EQ(at.epoch, report.epoch);
            EXPECT_EQ(at.step, 0);
          },
  };
  EXPECT_EQ(train(*program, state, source, toy::options(), hooks), TrainEnd::finished);
  ASSERT_EQ(steps.size(), 28U);
  ASSERT_EQ(epochs.size(), 4U);
  EXPECT_EQ(steps[8].epoch, 2);
  EXPECT_EQ(steps[8].step, 2);
  EXPECT_EQ(steps[8].steps, 7);
  EXPECT_EQ(steps[8].global_step, 9);
  EXPECT_GT(steps[8].samples_per_second, 0);
  // Warm-up over round(3.5) = 4 steps, then down to nearly nothing.
  EXPECT_DOUBLE_EQ(steps[0].lr, 0.025);
  EXPECT_DOUBLE_EQ(steps[3].lr, 0.1);
  EXPECT_LT(steps[27].lr, 1e-3);
  EXPECT_EQ(epochs[3].lr, steps[27].lr);
  // The mean over samples: six batches of eight and one of four.
  double mean = 0;
  for (std::size_t i = 0; i < 7; ++i) mean += steps[i].loss * (i < 6 ? 8 : 4) / 52;
  EXPECT_NEAR(epochs[0].loss, mean, 1e-12);
  EXPECT_GT(epochs[0].loss, 2 * epochs[3].loss);
  EXPECT_GT(metrics.top1(), 0.75);  // under dropout; chance is a third
  EXPECT_EQ(metrics.count(), 52);
  EXPECT_EQ(state.epoch, 4);
  EXPECT_EQ(state.global_step, 28);
  // Running statistics were carried over.
  EXPECT_NE(state.weights.at("bn.running_mean").data<float>()[0], 0);
}

// One step of plain SGD is w - lr * gradient, the gradient taken from the program directly.
TEST(TrainLoop, TakesThePlansStep) {
  const auto program = toy::program(toy::plain_graph());
  TrainState state = toy::state(*program);
  const Weights before = state.weights.clone();
  TrainOptions options = toy::options();
  options.epochs = 1;
  options.optimizer = {.name = "sgd", .lr = 0.5};
  options.schedule = "constant";
  options.warmup = 0;
  toy::Clouds source(8);
  train(*program, state, source, options);

  toy::Clouds again(8);
  again.start(options.seed, 1, 0);
  const TrainBatch batch = again.next();
  Inputs inputs;
  for (const auto& [name, tensor] : batch.inputs) inputs[name] = tensor.view();
  const auto plan = program->plan({{"x", {8, 4}}, {"labels", {8}}});
  Workspace workspace(plan);
  plan->forward(workspace, inputs, before);
  plan->backward(workspace, inputs, before);
  for (const Parameter& parameter : program->graph().parameters) {
    const float* gradient = workspace.gradient(parameter.name).as<float>();
    for (std::int64_t i = 0; i < parameter.shape.elements(); ++i) {
      EXPECT_NEAR(state.weights.at(parameter.name).data<float>()[i],
                  before.at(parameter.name).data<float>()[i] - 0.5F * gradient[i], 1e-6)
          << parameter.name << ' ' << i;
    }
  }
}

TEST(TrainLoop, SameOptionsSameBits) {
  const auto run = [](std::int64_t seed) {
    const auto program = toy::program();
    TrainState state = toy::state(*program);
    toy::Clouds source;
    TrainOptions options = toy::options();
    options.seed = seed;
    train(*program, state, source, options);
    return toy::bits(state);
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(TrainLoop, StopsAfterTheStepAndGoesOnWithTheSameBits) {
  const auto program = toy::program();
  TrainState whole = toy::state(*program);
  toy::Clouds source;
  std::vector<double> losses;
  const TrainHooks count{.on_epoch = [&](const EpochReport& report, const TrainState&) {
    losses.push_back(report.loss);
  }};
  train(*program, whole, source, toy::options(), count);

  for (const std::int64_t stop_at : {1, 3, 7, 10, 14, 27}) {
    const auto other = toy::program();
    TrainState state = toy::state(*other);
    toy::Clouds first;
    std::atomic<bool> stop = false;
    std::vector<double> resumed_losses;
    TrainHooks hooks = {
        .on_step =
            [&](const StepReport& report, const Workspace&, const TrainBatch&) {
              if (report.global_step == stop_at) stop = true;
            },
        .on_epoch = [&](const EpochReport& report,
                        const TrainState&) { resumed_losses.push_back(report.loss); },
        .stop = &stop};
    EXPECT_EQ(train(*other, state, first, toy::options(), hooks), TrainEnd::stopped);
    EXPECT_EQ(state.global_step, stop_at);
    EXPECT_EQ(state.epoch, stop_at / 7);
    hooks.stop = nullptr;
    toy::Clouds second;
    EXPECT_EQ(train(*other, state, second, toy::options(), hooks), TrainEnd::finished);
    EXPECT_EQ(second.starts[0], (toy::Clouds::Start{stop_at / 7 + 1, stop_at % 7}));
    EXPECT_EQ(toy::bits(state), toy::bits(whole)) << stop_at;
    EXPECT_EQ(resumed_losses, losses) << stop_at;
  }
}

// Three of each batch, over two epochs of seven steps, stopped in the middle of the second.
TEST(TrainLoop, CountsWhatWasRight) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  TrainOptions options = toy::options();
  options.epochs = 2;
  std::atomic<bool> stop = false;
  std::vector<double> top1;
  TrainHooks hooks{
      .count_right = [](const Workspace&, const TrainBatch&) -> std::int64_t { return 3; },
      .on_step = [&](const StepReport& report, const Workspace&,
                     const TrainBatch&) { stop = report.global_step == 9; },
      .on_epoch = [&](const EpochReport& report,
                      const TrainState&) { top1.push_back(report.top1); },
      .stop = &stop};
  toy::Clouds clouds;
  EXPECT_EQ(train(*program, state, clouds, options, hooks, "loss"), TrainEnd::stopped);
  EXPECT_EQ(state.right, 6);
  stop = false;
  hooks.on_step = {};
  EXPECT_EQ(train(*program, state, clouds, options, hooks, "loss"), TrainEnd::finished);
  EXPECT_EQ(top1, (std::vector<double>{21.0 / 52, 21.0 / 52}));
}

TEST(TrainLoop, KeepsTheBestEpochAndStopsEarly) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  toy::Clouds source;
  TrainOptions options = toy::options();
  options.epochs = 9;
  options.early_stop = 2;
  // NaN first; then a best that an equal one does not replace.
  const std::vector<double> scores = {NAN, 0.5, 0.75, 0.75, NAN, 0.9, 1.0};
  std::vector<bool> improved;
  const TrainHooks hooks{.validate =
                             [&](const Weights& weights) {
                               EXPECT_TRUE(weights.contains("fc1.weight"));
                               return Scores{{"top1", scores.at(improved.size())}, {"loss", 1.5}};
                             },
                         .on_epoch =
                             [&](const EpochReport& report, const TrainState&) {
                               improved.push_back(report.improved);
                               EXPECT_EQ(report.scores.at("loss"), 1.5);
                             }};
  EXPECT_EQ(train(*program, state, source, options, hooks), TrainEnd::early_stop);
  EXPECT_EQ(improved, (std::vector<bool>{false, true, true, false, false}));
  EXPECT_EQ(state.best_epoch, 3);
  EXPECT_EQ(state.best_score, 0.75);
  // It stays stopped, and goes on where more patience is given.
  EXPECT_EQ(train(*program, state, source, options, hooks), TrainEnd::early_stop);
  options.early_stop = 0;
  options.epochs = 7;
  EXPECT_EQ(train(*program, state, source, options, hooks), TrainEnd::finished);
  EXPECT_EQ(state.best_epoch, 7);
}

TEST(TrainLoop, StopsWhereTheLossIsNoNumber) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  toy::Clouds source;
  source.scale = 1e38;
  try {
    train(*program, state, source, toy::options());
    FAIL() << "expected a DivergedError";
  } catch (const DivergedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("epoch 1, step "));
    EXPECT_EQ(error.diagnosis.layer, "fc1");
    EXPECT_FALSE(std::isfinite(error.at.loss));
    EXPECT_EQ(state.global_step, error.at.global_step - 1);
  }
  for (const auto& [name, tensor] : state.weights) {
    for (const float v : tensor.values<float>()) EXPECT_TRUE(std::isfinite(v)) << name;
  }
}

TEST(TrainLoop, AnExceptionOutOfAHookLeavesAStateToGoOnFrom) {
  const auto program = toy::program();
  TrainState whole = toy::state(*program);
  toy::Clouds source;
  const auto fine = [](const Weights&) { return Scores{{"top1", 0.5}}; };
  train(*program, whole, source, toy::options(), {.validate = fine});

  TrainState state = toy::state(*program);
  const TrainHooks bad{.validate = [](const Weights&) -> Scores { throw InputError("no disk"); }};
  EXPECT_THROW(train(*program, state, source, toy::options(), bad), InputError);
  EXPECT_EQ(state.step, 7);
  EXPECT_EQ(train(*program, state, source, toy::options(), {.validate = fine}), TrainEnd::finished);
  EXPECT_EQ(toy::bits(state), toy::bits(whole));
  EXPECT_EQ(state.best_epoch, 1);
}

TEST(TrainLoop, RefusesWhatDoesNotFitTogether) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  toy::Clouds source;
  const auto refuses = [&](const TrainOptions& options, BatchSource& from) {
    return error_of<InputError>([&] { train(*program, state, from, options); });
  };
  TrainOptions options = toy::options();
  options.schedule = "cosne";
  EXPECT_THAT(refuses(options, source), HasSubstr("did you mean \"cosine\"?"));
  options = toy::options();
  options.batch = 0;
  EXPECT_THAT(refuses(options, source), HasSubstr("batch: expected at least 1"));
  toy::Clouds nothing(0);
  EXPECT_THAT(refuses(toy::options(), nothing), HasSubstr("nothing to train on"));
  const TrainHooks other{.validate = [](const Weights&) { return Scores{{"top5", 1}}; }};
  EXPECT_THAT(error_of<InputError>([&] {
                TrainState fresh = toy::state(*program);
                train(*program, fresh, source, toy::options(), other);
              }),
              HasSubstr("did you mean \"top5\"?"));

  train(*program, state, source, toy::options());
  options = toy::options();
  options.optimizer.lr = 0.2;
  EXPECT_THAT(refuses(options, source), HasSubstr("begun with lr = 0.1, it cannot go on with 0.2"));
  options = toy::options();
  options.epochs = 9;
  toy::Clouds fewer(40);
  EXPECT_THAT(refuses(options, fewer), HasSubstr("an epoch now has 5"));
}

TEST(TrainLoop, NamesALossThatIsNotOneNumber) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  toy::Clouds source;
  EXPECT_THAT(
      error_of<ModelError>([&] { train(*program, state, source, toy::options(), {}, "logits"); }),
      HasSubstr("the loss logits should be one number"));
}

}  // namespace
}  // namespace striate
