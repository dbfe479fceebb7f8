#include "cli/common.h"
#include "cli/eval.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/tasks/sequence/sequence_model.h"

namespace striate {

void eval_sequence(const EvalArguments& arguments) {
  if (!arguments.sheet.empty() || !arguments.matrix.empty() || arguments.crops != 1 ||
      arguments.resize >= 0) {
    fail<InputError>(
        "{}: it reads sequences: --sheet, --matrix, --crops and --resize are for pictures",
        arguments.source.model);
  }
  const SequenceModel model = SequenceModel::load(
      arguments.source.weights.empty() ? arguments.source.model : arguments.source.weights,
      make_device(arguments.run));
  const SequenceNetwork& network = model.network();
  const auto dataset = open_sequences(
      arguments.data,
      {.split = arguments.split == "test" ? SequenceSplit::test : SequenceSplit::train,
       .unit = network.unit,
       .symbols = model.card().symbols});
  const bool text = network.asked == "next";
  const std::string unit = text ? network.unit : "sequences";
  std::int64_t total = dataset->size();
  if (text) total = dataset->length(0) - 1;
  if (network.asked == "symbols") total *= dataset->length(0);
  Progress progress("eval", total, unit, arguments.run.json);
  const auto begin = std::chrono::steady_clock::now();
  const SequenceScores scores = model.evaluate(
      *dataset, {.on_progress = [&](std::int64_t done) { progress.advance_to(done); },
                 .cancel = &stop_when_interrupted(),
                 .batch = arguments.batch});
  progress.clear();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double rate = static_cast<double>(scores.count) / seconds;
  const std::string& name = model.card().model;
  Json json{{"model", name},
            {"data", arguments.data},
            {"split", arguments.split},
            {"count", scores.count},
            {"loss", scores.loss}};
  std::string line = fmt::format("{} on {} ({}): ", name, arguments.data, arguments.split);
  if (text) {
    json["perplexity"] = scores.perplexity();
    json["bits"] = scores.bits();
    line += fmt::format("{} nats a {}, {} bits, perplexity {}", decimal(scores.loss),
                        unit.substr(0, unit.size() - 1), decimal(scores.bits()),
                        decimal(scores.perplexity()));
  } else if (network.asked == "number") {
    line += fmt::format("square error {}", decimal(scores.loss));
  } else {
    json["top1"] = scores.right;
    line += fmt::format("right {}, loss {}", percent(scores.right), decimal(scores.loss));
  }
  if (dataset->form().guessing > 0) {
    json["guessing"] = dataset->form().guessing;
    line += fmt::format(" (without memory {})", decimal(dataset->form().guessing));
  }
  json["seconds"] = seconds;
  json[unit + "_per_second"] = rate;
  if (arguments.run.json) {
    print(json);
  } else {
    print(fmt::format("{}; {} in {}, {} {}/s\n", line, grouped(scores.count), duration(seconds),
                      with_unit(rate), unit));
  }
}

}  // namespace striate
