#include "striate/tasks/sequence/sequence_model.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "striate/base/error.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/model_file.h"
#include "train/fields_json.h"

namespace striate {

std::string to_definition(const SequenceNetwork& network) {
  nlohmann::ordered_json json = fields_to_json(network);
  network.data_fields([&](const char* name, const auto& field) { json[name] = field; });
  return json.dump();
}

SequenceNetwork read_definition(const std::string& definition, const std::string& file) {
  nlohmann::json json = nlohmann::json::parse(definition, nullptr, false);
  if (!json.is_object()) fail<InputError>("{}: its definition is not a JSON object", file);
  SequenceNetwork network;
  try {
    network.data_fields([&](const char* name, auto& field) {
      json.at(name).get_to(field);
      json.erase(name);
    });
  } catch (const nlohmann::json::exception& error) {
    fail<InputError>("{}: its definition cannot be meant: {}", file, error.what());
  }
  fields_from_json(json, network, file);
  constexpr std::int64_t kMost = 1 << 24;
  for (const std::int64_t size : {network.symbols, network.features, network.answers}) {
    if (size < 0 || size > kMost)
      fail<InputError>("{}: its definition has a size of {}", file, size);
  }
  const bool some = (network.symbols > 0) != (network.features > 0) && network.answers > 0;
  const std::string& asked = network.asked;
  if (!some || (asked != "next" && asked != "symbols" && asked != "label" && asked != "number")) {
    fail<InputError>("{}: its definition cannot be meant", file);
  }
  return network;
}

SequenceModel::SequenceModel(ModelCard card, Weights weights, std::shared_ptr<const Device> device)
    : card_(std::move(card)),
      network_(completed(read_definition(card_.definition, card_.model), card_.model)),
      weights_(std::move(weights)),
      device_(std::move(device)) {}

SequenceModel SequenceModel::load(const std::filesystem::path& path,
                                  std::shared_ptr<const Device> device) {
  const std::string name = path.string();
  const ModelFile file = load_trained_file(path);
  ModelCard card = model_card(file.metadata, name);
  if (card.model.empty() || !card.definition.starts_with("{")) {
    fail<InputError>("{}: expected a model of sequences{}", name,
                     card.model.empty() ? "" : ", got " + card.model);
  }
  const SequenceNetwork network = completed(read_definition(card.definition, name), card.model);
  const auto symbols = static_cast<std::int64_t>(card.symbols.size());
  const auto classes = static_cast<std::int64_t>(card.classes.size());
  if (symbols != network.symbols || (network.asked == "label" && classes != network.answers)) {
    fail<InputError>("{}: the network has {} symbols and {} answers, its file names {} and {}",
                     name, network.symbols, network.answers, symbols, classes);
  }
  const Graph graph = build_sequence(card.model, network, 2, 1);
  Weights weights = pick_weights_for(graph, file.weights, name);
  return {std::move(card), std::move(weights), std::move(device)};
}

std::vector<std::int64_t> SequenceModel::numbered(const std::string& text) const {
  return numbered_symbols(text, network_.unit, card_.symbols);
}

SequenceScores SequenceModel::evaluate(const SequenceDataset& dataset,
                                       const SequenceRun& run) const {
  const SequenceForm& form = dataset.form();
  if (form.symbols != card_.symbols) {
    fail<InputError>("the data have {} symbols, {} knows {}: not the same ones",
                     form.symbols.size(), card_.model, card_.symbols.size());
  }
  if (name_of(form.asked) != network_.asked ||
      (form.asked == Asked::label && form.classes != card_.classes)) {
    fail<InputError>("the data ask for {} of {} classes, {} answers with {} of {}",
                     name_of(form.asked), form.classes.size(), card_.model, network_.asked,
                     card_.classes.size());
  }
  return SequenceJudge(card_.model, network_, device_).judge(weights_, dataset, run);
}

SymbolStream::SymbolStream(const SequenceModel& model) : model_(model) {
  const SequenceNetwork& network = model.network();
  if (network.asked != "next") {
    fail<InputError>("{}: expected a model of texts, this one answers with a {}",
                     model.card().model, network.asked);
  }
  const Graph graph = inference_form(build_sequence(model.card().model, network, 1, 1, true));
  plan_ = Plan::compile(graph, model.device(), {}, {});
  weights_ = plan_->prepare(model.weights());
  workspace_ = std::make_unique<Workspace>(plan_);
  for (const CarriedState& state : carried_states(graph)) {
    Tensor zeros(DType::f32, state.shape);
    std::fill_n(zeros.data<float>(), zeros.elements(), 0.0F);
    states_[state.input] = std::move(zeros);
    nexts_[state.input] = state.output;
  }
  if (network.cell == "window") window_.assign(static_cast<std::size_t>(network.window), 0);
}

void SymbolStream::read(std::int64_t symbol) {
  if (window_.empty()) {
    window_ = {symbol};
  } else {
    window_.erase(window_.begin());
    window_.push_back(symbol);
  }
  const auto steps = static_cast<std::int64_t>(window_.size());
  const Tensor ids = Tensor::of<std::int64_t>({steps, 1}, window_);
  Inputs inputs{{"input", ids.view()}};
  for (const auto& [name, state] : states_) inputs[name] = std::as_const(state).view();
  plan_->forward(*workspace_, inputs, *weights_);
  for (auto& [name, state] : states_) state = workspace_->fetch(nexts_.at(name));
  const Tensor logits = workspace_->fetch("logits");
  const auto values = logits.values<float>();
  log_probabilities_.assign(values.begin(), values.end());
  const double most = *std::max_element(log_probabilities_.begin(), log_probabilities_.end());
  double sum = 0;
  for (const double value : log_probabilities_) sum += std::exp(value - most);
  for (double& value : log_probabilities_) value -= most + std::log(sum);
}

std::int64_t SymbolStream::draw(const DrawOptions& options, std::int64_t step) const {
  if (!log_probabilities_.empty()) return draw_symbol(log_probabilities_, options, step);
  const std::vector<double> alike(model_.card().symbols.size(), 0.0);
  return draw_symbol(alike, options, step);
}

std::int64_t draw_symbol(const std::vector<double>& log_probabilities, const DrawOptions& options,
                         std::int64_t step) {
  if (!(options.temperature >= 0 && options.temperature <= 100)) {
    fail<InputError>("temperature: expected 0 to 100, got {}", options.temperature);
  }
  if (options.top_k < 0) fail<InputError>("top-k: expected 0 or more, got {}", options.top_k);
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < log_probabilities.size(); ++i) {
    order.push_back(static_cast<std::int64_t>(i));
  }
  const auto likelier = [&](std::int64_t a, std::int64_t b) {
    const double x = log_probabilities[static_cast<std::size_t>(a)];
    const double y = log_probabilities[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  if (options.temperature == 0) return *std::min_element(order.begin(), order.end(), likelier);
  if (options.top_k > 0 && options.top_k < static_cast<std::int64_t>(order.size())) {
    std::partial_sort(order.begin(), order.begin() + options.top_k, order.end(), likelier);
    order.resize(static_cast<std::size_t>(options.top_k));
  }
  const double most = log_probabilities[static_cast<std::size_t>(
      *std::min_element(order.begin(), order.end(), likelier))];
  std::vector<double> shares;
  double sum = 0;
  for (const std::int64_t i : order) {
    const double gap = log_probabilities[static_cast<std::size_t>(i)] - most;
    sum += std::exp(gap / options.temperature);
    shares.push_back(sum);
  }
  Random random({.seed = options.seed, .purpose = purpose_of("draw symbol")},
                static_cast<std::uint64_t>(step));
  const auto found = std::upper_bound(shares.begin(), shares.end(), random.uniform() * sum);
  return order[std::min(static_cast<std::size_t>(found - shares.begin()), order.size() - 1)];
}

}  // namespace striate
