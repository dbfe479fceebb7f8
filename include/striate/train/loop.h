#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "striate/base/error.h"
#include "striate/base/fields.h"
#include "striate/graph/plan.h"
#include "striate/train/diagnosis.h"
#include "striate/train/optimizer.h"

namespace striate {

/// What a training run depends on beside its graph, its data and its first weights.
struct TrainOptions {
  std::int64_t epochs = 10;
  std::int64_t batch = 64;
  OptimizerOptions optimizer;
  std::string schedule = "constant";
  double warmup = 0;
  std::int64_t seed = 1;
  std::int64_t early_stop = 0;
  std::string best_by = "top1";

  STRIATE_FIELDS(visit("epochs", epochs, "passes over the training samples");
                 visit("batch", batch, "samples in a step; -1, to `striate train`: the task's own");
                 optimizer.fields(visit);
                 visit("schedule", schedule,
                       "constant, cosine[:MIN], step:30,60:0.1 or every:30:0.1");
                 visit("warmup", warmup, "epochs in which the learning rate rises to its value");
                 visit("seed", seed, "number that every random draw follows from");
                 visit("early_stop", early_stop,
                       "stop after so many epochs without a better one; 0: never");
                 visit("best_by", best_by,
                       "validation score that the best epoch has most of; none: the task's own");)
};

/// Throws InputError for values that cannot be trained with.
void check(const TrainOptions& options);

/// A training run at the end of a step: all that is needed to go on with the same bits. Tensors in
/// it are shared with the run and change with its next step.
struct TrainState {
  Weights weights;
  Weights optimizer;             ///< Optimizer::state
  std::int64_t epoch = 0;        ///< epochs finished
  std::int64_t step = 0;         ///< steps finished of the epoch begun
  std::int64_t global_step = 0;  ///< steps in all
  double loss_sum = 0;           ///< of the epoch begun, over `samples`
  std::int64_t samples = 0;
  std::int64_t right = 0;       ///< of these, as TrainHooks::count_right counts
  std::int64_t best_epoch = 0;  ///< 0: none was validated yet
  double best_score = 0;
  TrainOptions options;

  STRIATE_FIELDS(visit("epoch", epoch, ""); visit("step", step, "");
                 visit("global_step", global_step, ""); visit("loss_sum", loss_sum, "");
                 visit("samples", samples, ""); visit("right", right, "");
                 visit("best_epoch", best_epoch, ""); visit("best_score", best_score, "");)
};

/// The tensors of one step, by graph input.
struct TrainBatch {
  std::map<std::string, Tensor, std::less<>> inputs;
  std::int64_t samples = 0;
};

/// Where the loop gets its batches: one pass after another, called from the loop's thread.
class BatchSource {
 public:
  BatchSource() = default;
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;
  virtual ~BatchSource() = default;

  /// Batches in one pass.
  virtual std::int64_t steps() const = 0;
  /// Begins pass `epoch`, counted from 1, at its batch `first`, counted from 0 (above 0 only where
  /// a run goes on in the middle). The batches must be a function of the arguments alone.
  virtual void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) = 0;
  /// The next batch of the pass; called for each of `steps()` from the first.
  virtual TrainBatch next() = 0;
};

struct StepReport {
  std::int64_t epoch = 0;  ///< counted from 1, as all here
  std::int64_t step = 0, steps = 0;
  std::int64_t global_step = 0;
  double loss = 0;                ///< of this batch
  double lr = 0;                  ///< taken by this step
  double gradient_norm = 0;       ///< over all parameters, before clipping
  double samples_per_second = 0;  ///< since the epoch was begun (or resumed)
};

using Scores = std::map<std::string, double, std::less<>>;

struct EpochReport {
  std::int64_t epoch = 0;
  std::int64_t global_step = 0;
  double loss = 0;  ///< mean over the epoch's samples, each under the weights of its step
  double top1 = std::numeric_limits<double>::quiet_NaN();  ///< likewise, where it is counted
  double lr = 0;                                           ///< of the last step
  double seconds = 0, samples_per_second = 0;              ///< of training
  double validation_seconds = 0;
  Scores scores;          ///< validation's
  bool improved = false;  ///< the best so far
  std::int64_t best_epoch = 0;
  double best_score = 0;
};

/// What the loop asks and tells while it runs, all on its own thread; any may be empty.
struct TrainHooks {
  /// Scores of the weights after each epoch; larger is better for the one `best_by` names. Where it
  /// throws Cancelled, training stops before the epoch's end and validates anew when it goes on.
  std::function<Scores(const Weights&)> validate;
  /// How many samples of a batch the network had right; called after each forward pass.
  std::function<std::int64_t(const Workspace&, const TrainBatch&)> count_right;
  /// After the optimizer's step; the workspace holds the outputs of the forward pass before it.
  std::function<void(const StepReport&, const Workspace&, const TrainBatch&)> on_step;
  /// After validation. The state is whole: what a checkpoint saves.
  std::function<void(const EpochReport&, const TrainState&)> on_epoch;
  /// Once set, `train` returns after the step at hand, or after the epoch which that step ends.
  const std::atomic<bool>* stop = nullptr;
};

enum class TrainEnd : std::uint8_t { finished, early_stop, stopped };

/// The loss or the gradient is no longer a number that training can go on from. The weights are
/// those before the step at fault.
class DivergedError : public Error {
 public:
  DivergedError(const std::string& what, const StepReport& report, Diagnosis why)
      : Error(what), at(report), diagnosis(std::move(why)) {}
  StepReport at;
  Diagnosis diagnosis;
};

/// Trains a program whose options differentiate the scalar output `loss`, the mean over a batch's
/// samples. Starts from `state.weights`, or goes on where `state` was left, giving the bits of a
/// run that was never interrupted; `state` is whole again whenever a hook is called and after the
/// end, also by an exception out of a hook. The run's options are `options`; a state that was begun
/// with others, `epochs` and `early_stop` aside, is refused by an InputError naming the first.
/// Throws DivergedError, and what the program, the source and the hooks throw.
TrainEnd train(const Program& program, TrainState& state, BatchSource& source,
               const TrainOptions& options, const TrainHooks& hooks = {},
               const std::string& loss = "loss");

}  // namespace striate
