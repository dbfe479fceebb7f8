#include "striate/tasks/sequence/train_sequence.h"

#include <algorithm>
#include <cmath>

#include "striate/base/error.h"
#include "striate/nn/builder.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/sequence/sequence_model.h"
#include "striate/train/checkpoint.h"
#include "tasks/sequence/batches.h"

namespace striate {
namespace {

using Shared = std::shared_ptr<const SequenceDataset>;

struct Data {
  Shared train, validation;
};

// Some examples of another dataset.
class SomeSequences final : public SequenceDataset {
 public:
  SomeSequences(Shared whole, std::vector<std::int64_t> indices)
      : whole_(std::move(whole)), indices_(std::move(indices)) {}

  const SequenceForm& form() const override { return whole_->form(); }
  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  SequenceExample get(std::int64_t index, std::int64_t pass) const override {
    return whole_->get(at(index), pass);
  }
  std::int64_t length(std::int64_t index) const override { return whole_->length(at(index)); }

 private:
  std::int64_t at(std::int64_t index) const { return indices_[static_cast<std::size_t>(index)]; }
  Shared whole_;
  std::vector<std::int64_t> indices_;
};

Shared part_of_text(const SequenceForm& form, const std::vector<std::int64_t>& text,
                    std::size_t begin, std::size_t end) {
  std::vector<SequenceExample> examples(1);
  examples[0].symbols.assign(text.begin() + static_cast<std::ptrdiff_t>(begin),
                             text.begin() + static_cast<std::ptrdiff_t>(end));
  return std::make_shared<StoredSequences>(form, std::move(examples));
}

// A text's end is held back; of other sequences, some drawn by seed.
Data open_data(const TrainingSettings& settings, const SequenceNetwork& network) {
  const auto seed = static_cast<std::uint64_t>(settings.train.seed);
  SequenceRequest request{
      .unit = network.unit, .min_count = settings.sequence.min_count, .seed = seed};
  Data data{.train = open_sequences(settings.data, request)};
  const SequenceForm& form = data.train->form();
  request.symbols = form.symbols;
  request.split = SequenceSplit::validation;
  data.validation = open_sequences(settings.data, request);
  if (data.train->size() == 0) fail<InputError>("{}: it holds nothing to train on", settings.data);
  const bool text = form.asked == Asked::next;
  if (text) {
    const std::vector<std::int64_t> whole = data.train->get(0, 0).symbols;
    std::size_t used = whole.size();
    if (settings.limit > 0) used = std::min(used, static_cast<std::size_t>(settings.limit));
    std::size_t border = used;
    if (!data.validation) {
      border -= static_cast<std::size_t>(settings.validation * static_cast<double>(used));
      if (used - border >= 2) data.validation = part_of_text(form, whole, border, used);
    }
    data.train = part_of_text(form, whole, 0, border);
    return data;
  }
  std::vector<std::int64_t> order =
      shuffled(data.train->size(), {.seed = seed, .purpose = purpose_of("limit")});
  if (settings.limit > 0 && settings.limit < data.train->size()) {
    order.resize(static_cast<std::size_t>(settings.limit));
  }
  const auto held =
      static_cast<std::ptrdiff_t>(settings.validation * static_cast<double>(order.size()));
  std::vector<std::int64_t> back(order.begin(), order.begin() + held);
  order.erase(order.begin(), order.begin() + held);
  std::sort(order.begin(), order.end());
  std::sort(back.begin(), back.end());
  if (!back.empty()) data.validation = std::make_shared<SomeSequences>(data.train, back);
  data.train = std::make_shared<SomeSequences>(data.train, order);
  return data;
}

std::int64_t steps_in(const SequenceDataset& dataset) {
  std::int64_t steps = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) steps += dataset.length(i);
  return steps;
}

// Share of the steps in batches that are none of a sequence's.
double padding_in(const SequenceDataset& dataset, std::int64_t batch) {
  std::int64_t all = 0;
  for (const auto& indices : batches_by_length(dataset, batch)) {
    std::int64_t longest = 0;
    for (const std::int64_t i : indices) longest = std::max(longest, dataset.length(i));
    all += longest * static_cast<std::int64_t>(indices.size());
  }
  return all == 0 ? 0 : 1 - static_cast<double>(steps_in(dataset)) / static_cast<double>(all);
}

std::int64_t count_right(const Workspace& workspace, const TrainBatch& batch) {
  const Tensor logits = workspace.fetch("logits");
  const std::int64_t classes = logits.shape()[1];
  const float* row = logits.data<float>();
  std::int64_t right = 0;
  for (const std::int64_t label : batch.inputs.at("labels").values<std::int64_t>()) {
    right += std::max_element(row, row + classes) - row == label ? 1 : 0;
    row += classes;
  }
  return right;
}

Scores scores_of(const SequenceScores& scores, const std::string& asked) {
  // The loop takes the largest for the best.
  Scores all{{"loss", scores.loss},
             {asked == "number" ? "minus_square_error" : "log_likelihood", -scores.loss}};
  if (asked == "next") all["perplexity"] = scores.perplexity();
  if (asked == "next") all["bits"] = scores.bits();
  if (asked == "label" || asked == "symbols") all["top1"] = scores.right;
  return all;
}

void describe(Training& training, const Data& data, const SequenceNetwork& network) {
  const bool text = network.asked == "next";
  const TrainingSettings& settings = training.settings;
  const std::int64_t batch = settings.train.batch;
  if (text) {
    training.samples = data.train->length(0);
    training.held_back = data.validation ? data.validation->length(0) : 0;
    training.unit = network.unit;
    training.kind = fmt::format("{}, {} of them different", network.unit, network.symbols);
    training.notes.push_back(fmt::format("{} streams side by side, gradients through {} steps",
                                         batch, settings.sequence.steps));
    training.labels = {{.name = "loss", .label = "loss", .share = false},
                       {.name = "perplexity", .label = "perplexity", .share = false}};
    if (network.unit == "characters") {
      training.labels.push_back({.name = "bits", .label = "bits a character", .share = false});
    }
  } else {
    training.samples = data.train->size();
    training.held_back = data.validation ? data.validation->size() : 0;
    training.unit = "sequences";
    training.kind =
        fmt::format("sequences of {}, {} steps in all",
                    network.symbols > 0 ? fmt::format("{} symbols", network.symbols)
                                        : fmt::format("{} numbers a step", network.features),
                    steps_in(*data.train));
    training.notes.push_back(
        fmt::format("batches of like lengths: {:.2f} % of their steps are padding",
                    100 * padding_in(*data.train, batch)));
    training.labels = {{.name = "loss",
                        .label = network.asked == "number" ? "square error" : "loss",
                        .share = false}};
    const double guessing = data.train->form().guessing;
    if (guessing > 0) {
      training.notes.push_back(fmt::format("who has no memory is at {:.4f} at best", guessing));
    }
    if (network.asked != "number") training.labels.push_back({.name = "top1", .label = "right"});
    if (network.asked == "label") training.count_right = count_right;
  }
  const bool window = network.cell == "window";
  training.batches = [=, steps = settings.sequence.steps]() -> std::unique_ptr<BatchSource> {
    if (!text) return std::make_unique<LengthBatches>(data.train, batch);
    return std::make_unique<TextBatches>(data.train, batch, steps, window ? network.window : 1,
                                         !window);
  };
  if (!data.validation) return;
  training.validator = [=, name = settings.model, validation = data.validation](
                           std::shared_ptr<const Device> device) -> Validate {
    const auto judge = std::make_shared<const SequenceJudge>(name, network, std::move(device));
    return [=](const Weights& weights, const std::atomic<bool>* cancel) {
      return scores_of(judge->judge(weights, *validation, {.cancel = cancel}), network.asked);
    };
  };
}

}  // namespace

std::set<std::string> carry_between_steps(Graph& graph, std::int64_t batch) {
  std::set<std::string> names;
  const std::vector<CarriedState> states = carried_states(graph);
  if (states.empty()) return names;
  graph.inputs.push_back({.name = "keep", .dtype = DType::f32, .shape = {}});
  std::vector<Node> nodes;
  for (const CarriedState& state : states) {
    const std::string kept = "carried." + state.input;
    std::erase_if(graph.inputs, [&](const GraphInput& i) { return i.name == state.input; });
    std::erase(graph.outputs, state.output);
    Shape shape = state.shape;
    shape[1] = batch;
    graph.parameters.push_back(
        {.name = kept, .shape = shape, .trainable = false, .initial = constant_initial(0)});
    nodes.push_back(
        {.name = state.input, .op = "Mul", .inputs = {kept, "keep"}, .outputs = {state.input}});
    graph.updates.push_back({.parameter = kept, .value = state.output});
    names.insert(kept);
  }
  graph.nodes.insert(graph.nodes.begin(), nodes.begin(), nodes.end());
  check(graph);
  return names;
}

Training open_sequence_training(const TrainingSettings& given, const Threads&,
                                const std::filesystem::path& checkpoint) {
  Training training{.settings = given};
  TrainingSettings& settings = training.settings;
  SequenceNetwork network = completed(settings.sequence.network, settings.model);
  const bool resumed = std::filesystem::exists(checkpoint);
  if (!(settings.validation >= 0 && settings.validation < 1)) {
    fail<InputError>("validation: expected a share from 0 to under 1, got {}", settings.validation);
  }
  if (settings.limit < 0) fail<InputError>("limit: expected 0 or more, got {}", settings.limit);
  if (settings.classes != 0 || !settings.augment.empty() || settings.resize != 0) {
    fail<InputError>("classes, augment and resize are for pictures, {} reads sequences",
                     settings.model);
  }
  const Data data = open_data(settings, network);
  const SequenceForm& form = data.train->form();
  network.asked = name_of(form.asked);
  network.symbols = static_cast<std::int64_t>(form.symbols.size());
  network.features = form.features;
  network.answers = form.asked == Asked::label    ? static_cast<std::int64_t>(form.classes.size())
                    : form.asked == Asked::number ? 1
                                                  : network.symbols;
  const bool text = form.asked == Asked::next;
  const bool words = network.unit == "words";
  std::int64_t& steps = settings.sequence.steps;
  if (steps == 0) steps = words ? 20 : 64;
  if (steps < 1) fail<InputError>("steps: expected 0 or more, got {}", steps);
  if (settings.train.batch == -1) settings.train.batch = text && words ? 20 : 64;
  if (settings.train.best_by.empty()) {
    settings.train.best_by = form.asked == Asked::label    ? "top1"
                             : form.asked == Asked::number ? "minus_square_error"
                                                           : "log_likelihood";
  }
  check(settings.train);
  training.card.model = settings.model;
  training.card.definition = to_definition(network);
  training.card.classes = form.classes;
  training.card.symbols = form.symbols;
  const std::int64_t batch = settings.train.batch;
  const Graph plain = build_sequence(settings.model, network, text ? steps : 2, batch, text);
  Graph graph = freeze_for(training, plain);
  if (form.asked == Asked::number) {
    graph = with_square_loss(std::move(graph));
  } else {
    graph = with_classification_loss(std::move(graph));
  }
  training.carried = carry_between_steps(graph, batch);
  training.graph = std::move(graph);
  if (resumed) {
    const ModelCard begun = model_card(load_checkpoint(checkpoint).metadata, checkpoint.string());
    if (begun.symbols != training.card.symbols || begun.classes != training.card.classes) {
      fail<InputError>("{}: it was begun with other symbols or classes than {} has",
                       checkpoint.string(), settings.data);
    }
  } else if (!settings.weights.empty()) {
    const ModelFile file = load_model_file(settings.weights);
    const ModelCard before = model_card(file.metadata, settings.weights);
    if (before.symbols != training.card.symbols) {
      fail<InputError>("{}: it numbers {} symbols, {} has {}: not the same ones", settings.weights,
                       before.symbols.size(), settings.data, training.card.symbols.size());
    }
    training.first = initialize(training.graph, static_cast<std::uint64_t>(settings.train.seed));
    training.loaded = begin_from(plain, file.weights, settings.weights,
                                 before.classes != training.card.classes, training.first);
  }
  describe(training, data, network);
  training.batches();  // refuses a text that is too short
  return training;
}

}  // namespace striate
