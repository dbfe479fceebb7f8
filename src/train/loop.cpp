#include "striate/train/loop.h"

#include <chrono>
#include <cmath>
#include <memory>

#include "striate/base/suggest.h"
#include "striate/train/schedule.h"
#include "train/fields_json.h"

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check_same_run(const TrainOptions& begun, const TrainOptions& now) {
  const auto before = fields_to_json(begun);
  const auto after = fields_to_json(now);
  for (const auto& [name, value] : before.items()) {
    // These say how long to go on, not how.
    if (name == "epochs" || name == "early_stop" || after[name] == value) continue;
    fail<InputError>("the run was begun with {} = {}, it cannot go on with {}", name, value.dump(),
                     after[name].dump());
  }
}

class Trainer {
 public:
  Trainer(const Program& program, TrainState& state, BatchSource& source,
          const TrainOptions& options, const TrainHooks& hooks, const std::string& loss)
      : program_(program),
        state_(state),
        source_(source),
        options_(options),
        hooks_(hooks),
        loss_(loss),
        optimizer_(options.optimizer),
        schedule_(parse_schedule(options.schedule, options.warmup)),
        steps_(source.steps()) {
    if (steps_ < 1) fail<InputError>("there is nothing to train on: no batch of samples");
    if (state.global_step > 0) check_same_run(state.options, options);
    // A step past the last: the epoch is still to be validated.
    if (state.step < 0 || state.step > steps_ ||
        state.global_step != state.epoch * steps_ + state.step) {
      fail<InputError>(
          "the run stands at epoch {}, step {}, {} steps in all, and an epoch now has {}: these "
          "are not the samples or the batch size it was begun with",
          state.epoch, state.step, state.global_step, steps_);
    }
    state.options = options;
    optimizer_.resume(program.graph(), state.optimizer, state.global_step);
  }

  TrainEnd run() {
    while (state_.epoch < options_.epochs) {
      if (stops_early()) return TrainEnd::early_stop;
      if (!run_epoch()) return TrainEnd::stopped;
    }
    return TrainEnd::finished;
  }

 private:
  double rate(std::int64_t global_step) const {
    return optimizer_.options().lr * schedule_.factor(global_step, steps_, options_.epochs);
  }

  bool stop_asked() const { return hooks_.stop != nullptr && hooks_.stop->load(); }

  bool stops_early() const {
    return options_.early_stop > 0 && state_.best_epoch > 0 &&
           state_.epoch - state_.best_epoch >= options_.early_stop;
  }

  // False where a stop was asked for before the epoch's end.
  bool run_epoch() {
    if (stop_asked()) return false;
    const Clock::time_point start = Clock::now();
    std::int64_t samples = 0;
    StepReport report{.epoch = state_.epoch + 1, .steps = steps_};
    if (state_.step < steps_) source_.start(options_.seed, report.epoch, state_.step);
    for (std::int64_t step = state_.step; step < steps_; ++step) {
      const TrainBatch batch = source_.next();
      report.step = step + 1;
      report.global_step = state_.global_step + 1;
      run_step(batch, report);
      samples += batch.samples;
      report.samples_per_second = static_cast<double>(samples) / seconds_since(start);
      if (hooks_.on_step) hooks_.on_step(report, *workspace_, batch);
      // After the last step the epoch is closed first: its samples are all seen.
      if (stop_asked() && step + 1 < steps_) return false;
    }
    const double seconds = seconds_since(start);
    return finish_epoch({.epoch = report.epoch,
                         .global_step = state_.global_step,
                         .lr = rate(state_.global_step - 1),
                         .seconds = seconds,
                         .samples_per_second = static_cast<double>(samples) / seconds});
  }

  void run_step(const TrainBatch& batch, StepReport& report) {
    Shapes shapes;
    Inputs inputs;
    for (const auto& [name, tensor] : batch.inputs) {
      shapes[name] = tensor.shape();
      inputs[name] = tensor.view();
    }
    const std::shared_ptr<const Plan> plan = program_.plan(shapes);
    if (!workspace_ || &workspace_->plan() != plan.get()) {
      workspace_.reset();  // one at a time: it may be most of the memory there is
      workspace_ = std::make_unique<Workspace>(plan);
    }
    const RunKey key{.seed = static_cast<std::uint64_t>(options_.seed),
                     .step = static_cast<std::uint64_t>(report.global_step)};
    report.lr = rate(state_.global_step);
    plan->forward(*workspace_, inputs, state_.weights, key);
    report.loss = read_loss();
    if (!std::isfinite(report.loss)) diverged("loss", report.loss, report, inputs, key);
    const std::int64_t right = hooks_.count_right ? hooks_.count_right(*workspace_, batch) : 0;
    plan->backward(*workspace_, inputs, state_.weights, key);
    report.gradient_norm = optimizer_.step(*program_.device(), program_.graph(), state_.weights,
                                           *workspace_, report.lr);
    if (!std::isfinite(report.gradient_norm)) {
      diverged("gradient's norm", report.gradient_norm, report, inputs, key);
    }
    losses_.push_back(report.loss);
    if (losses_.size() > kRemembered) losses_.erase(losses_.begin());
    plan->update_state(*workspace_, state_.weights);
    // Shared tensors: only new ones must be taken over.
    if (state_.optimizer.size() != optimizer_.state().size()) {
      state_.optimizer = optimizer_.state();
    }
    state_.step = report.step;
    state_.global_step = report.global_step;
    state_.loss_sum += report.loss * static_cast<double>(batch.samples);
    state_.samples += batch.samples;
    state_.right += right;
  }

  double read_loss() const {
    const Tensor value = workspace_->fetch(loss_);
    if (value.elements() != 1 || !is_float(value.dtype())) {
      fail<ModelError>("{}: the loss {} should be one number, it is {} {}", program_.graph().name,
                       loss_, name_of(value.dtype()), value.shape().str());
    }
    return value.cast(DType::f64).data<double>()[0];
  }

  [[noreturn]] void diverged(std::string_view what, double value, const StepReport& report,
                             const Inputs& inputs, const RunKey& key) {
    workspace_.reset();  // the search has one of its own
    Diagnosis why =
        diagnose(program_, inputs, state_.weights, key, {report.global_step, report.lr, losses_});
    std::string text = fmt::format("epoch {}, step {} of {}: the {} is {}", report.epoch,
                                   report.step, report.steps, what,
                                   std::isnan(value) ? "not a number" : fmt::format("{}", value));
    if (!why.layer.empty()) text += ", first seen in " + why.str();
    throw DivergedError(text, report, std::move(why));
  }

  // False where validation was stopped: the epoch then stands after its last step.
  bool finish_epoch(EpochReport report) {
    report.loss = state_.loss_sum / static_cast<double>(state_.samples);
    if (hooks_.count_right) {
      report.top1 = static_cast<double>(state_.right) / static_cast<double>(state_.samples);
    }
    const Clock::time_point start = Clock::now();
    if (hooks_.validate) {
      try {
        report.scores = hooks_.validate(state_.weights);
      } catch (const Cancelled&) {
        return false;
      }
      const double score = best_score_of(report.scores);
      // NaN is never better; the first of equals stays.
      report.improved = state_.best_epoch == 0 ? !std::isnan(score) : score > state_.best_score;
      if (report.improved) {
        state_.best_epoch = report.epoch;
        state_.best_score = score;
      }
    }
    report.validation_seconds = seconds_since(start);
    report.best_epoch = state_.best_epoch;
    report.best_score = state_.best_score;
    state_.epoch = report.epoch;
    state_.step = 0;
    state_.loss_sum = 0;
    state_.samples = 0;
    state_.right = 0;
    if (hooks_.on_epoch) hooks_.on_epoch(report, state_);
    return true;
  }

  double best_score_of(const Scores& scores) const {
    const auto found = scores.find(options_.best_by);
    if (found != scores.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [name, value] : scores) known.push_back(name);
    fail<InputError>("best_by: validation gives no {}{}", options_.best_by,
                     suggestion(options_.best_by, known));
  }

  // Losses of the last steps, for a diagnosis.
  static constexpr std::size_t kRemembered = 20;
  std::vector<double> losses_;
  const Program& program_;
  TrainState& state_;
  BatchSource& source_;
  const TrainOptions options_;
  const TrainHooks& hooks_;
  const std::string& loss_;
  Optimizer optimizer_;
  Schedule schedule_;
  std::int64_t steps_;
  std::unique_ptr<Workspace> workspace_;
};

void at_least(std::string_view name, std::int64_t value, std::int64_t least) {
  if (value < least) fail<InputError>("{}: expected at least {}, got {}", name, least, value);
}

}  // namespace

void check(const TrainOptions& options) {
  at_least("epochs", options.epochs, 0);
  at_least("batch", options.batch, 1);
  at_least("seed", options.seed, 0);
  at_least("early_stop", options.early_stop, 0);
  [[maybe_unused]] const Optimizer refuses(options.optimizer);
  parse_schedule(options.schedule, options.warmup);
}

TrainEnd train(const Program& program, TrainState& state, BatchSource& source,
               const TrainOptions& options, const TrainHooks& hooks, const std::string& loss) {
  check(options);
  return Trainer(program, state, source, options, hooks, loss).run();
}

}  // namespace striate
