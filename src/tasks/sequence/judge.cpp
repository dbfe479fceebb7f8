#include <algorithm>
#include <cmath>

#include "striate/base/error.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/sequence/sequence_model.h"
#include "striate/train/metrics.h"
#include "tasks/sequence/batches.h"

namespace striate {
namespace {

Graph judged_graph(const std::string& name, const SequenceNetwork& network) {
  const bool text = network.asked == "next";
  Graph graph = inference_form(build_sequence(name, network, 2, 1, text));
  return text ? with_classification_loss(std::move(graph)) : graph;
}

void look(const SequenceRun& run) {
  if (run.cancel != nullptr && run.cancel->load()) throw Cancelled("stopped");
}

// One pass of a plan over a batch and the states that it is given.
Workspace run_once(const Program& program, const Weights& weights, const TrainBatch& batch,
                   const std::map<std::string, Tensor>& states) {
  Shapes shapes;
  Inputs inputs;
  const auto give = [&](const std::string& name, const Tensor& tensor) {
    shapes[name] = tensor.shape();
    inputs[name] = tensor.view();
  };
  for (const auto& [name, tensor] : batch.inputs) {
    if (program.graph().find_input(name) != nullptr) give(name, tensor);
  }
  for (const auto& [name, tensor] : states) give(name, tensor);
  const auto plan = program.plan(shapes);
  Workspace workspace(plan);
  plan->forward(workspace, inputs, weights);
  return workspace;
}

}  // namespace

double SequenceScores::perplexity() const { return std::exp(loss); }
double SequenceScores::bits() const { return loss / std::log(2.0); }

SequenceJudge::SequenceJudge(const std::string& name, const SequenceNetwork& network,
                             std::shared_ptr<const Device> device)
    : network_(network),
      program_(std::make_shared<const Program>(judged_graph(name, network), std::move(device))) {}

SequenceScores SequenceJudge::judge(const Weights& weights, const SequenceDataset& dataset,
                                    const SequenceRun& run) const {
  if (network_.asked == "next") return judge_text(weights, dataset.get(0, 0).symbols, run);
  constexpr std::int64_t kBatch = 256;
  SequenceScores scores;
  ClassMetrics metrics(std::max<std::int64_t>(network_.answers, 1));
  double squares = 0;
  for (const auto& indices : batches_by_length(dataset, run.batch > 0 ? run.batch : kBatch)) {
    look(run);
    const TrainBatch batch = batch_of(dataset, indices, 0);
    const Tensor logits = run_once(*program_, weights, batch, {}).fetch("logits");
    if (network_.asked == "number") {
      const auto truth = batch.inputs.at("target").values<float>();
      for (std::size_t i = 0; i < truth.size(); ++i) {
        const double error = static_cast<double>(logits.values<float>()[i] - truth[i]);
        squares += error * error;
      }
      scores.count += batch.samples;
    } else {
      metrics.add(logits, batch.inputs.at("labels").values<std::int64_t>());
      scores.count = metrics.count();
    }
    if (run.on_progress) run.on_progress(scores.count);
  }
  if (network_.asked == "number") {
    scores.loss = squares / static_cast<double>(std::max<std::int64_t>(scores.count, 1));
  } else {
    scores.loss = metrics.loss();
    scores.right = metrics.top1();
  }
  return scores;
}

// The text as streams side by side, whose states begin at zero, each in parts; what the streams leave
// over at the end is read behind the last. Every symbol but the first is asked once.
SequenceScores SequenceJudge::judge_text(const Weights& weights,
                                         const std::vector<std::int64_t>& text,
                                         const SequenceRun& run) const {
  constexpr std::int64_t kStreams = 20;
  constexpr std::int64_t kMostSteps = 64;
  constexpr std::int64_t kMostScores = std::int64_t{1} << 24;  // at a time
  const auto asked = static_cast<std::int64_t>(text.size()) - 1;
  const std::int64_t streams = std::min(run.batch > 0 ? run.batch : kStreams, asked);
  const std::int64_t length = asked / streams;
  const std::int64_t part =
      std::clamp<std::int64_t>(kMostScores / (streams * network_.answers), 1, kMostSteps);
  const std::int64_t window = network_.cell == "window" ? network_.window : 1;
  const std::vector<CarriedState> carried = carried_states(program_->graph());
  std::map<std::string, Tensor> states;
  double sum = 0;
  SequenceScores scores;
  const auto go_on = [&](const TrainBatch& batch) {
    look(run);
    const Workspace workspace = run_once(*program_, weights, batch, states);
    for (const CarriedState& state : carried) states[state.input] = workspace.fetch(state.output);
    const Tensor loss = workspace.fetch("loss");
    sum += static_cast<double>(loss.data<float>()[0]) * static_cast<double>(batch.samples);
    scores.count += batch.samples;
    if (run.on_progress) run.on_progress(scores.count);
  };
  for (const CarriedState& state : carried) {
    Tensor zeros(DType::f32, {state.shape[0], streams, state.shape[2]});
    std::fill_n(zeros.data<float>(), zeros.elements(), 0.0F);
    states[state.input] = std::move(zeros);
  }
  for (std::int64_t from = 0; from < length; from += part) {
    go_on(TextBatches::cut(text, 0, length, streams, from, std::min(part, length - from), window));
  }
  const std::int64_t left = asked - length * streams;
  if (left > 0) {
    for (auto& [name, state] : states) {
      const Shape& shape = state.shape();
      Tensor last(DType::f32, {shape[0], 1, shape[2]});
      for (std::int64_t d = 0; d < shape[0]; ++d) {
        std::copy_n(state.data<float>() + (d * streams + streams - 1) * shape[2], shape[2],
                    last.data<float>() + d * shape[2]);
      }
      state = std::move(last);
    }
    go_on(TextBatches::cut(text, length * streams, left, 1, 0, left, window));
  }
  scores.loss = sum / static_cast<double>(scores.count);
  return scores;
}

}  // namespace striate
