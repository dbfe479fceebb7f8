// Networks for texts and other sequences:
// - char_lm, word_lm: recurrent language models (Mikolov et al., "Recurrent neural network based
//   language model", Interspeech 2010); word_lm, word_lm_medium and word_lm_large are the small,
//   medium and large LSTM of Zaremba, Sutskever and Vinyals, arXiv:1409.2329, section 4.1; tied
//   weights as in Press and Wolf, arXiv:1608.05859.
// - char_window, word_window: a hidden layer on the last symbols (Bengio et al., "A neural
//   probabilistic language model", JMLR 3, 2003).
// - rnn, lstm, gru: one layer over any sequences.

#include "striate/models/sequence.h"

#include <algorithm>
#include <array>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/models/registry.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

struct Variant {
  const char* name;
  const char* doc;
  SequenceNetwork network;
};

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all{
      {"char_lm",
       "Mikolov et al. 2010: recurrent language model of characters",
       {.cell = "lstm",
        .hidden = 256,
        .layers = 2,
        .embedding = 256,
        .dropout = 0,
        .unit = "characters",
        .symbols = 65,
        .answers = 65}},
      {"word_lm",
       "Zaremba et al. 2014, small: two layers of 200 over words",
       {.cell = "lstm",
        .hidden = 200,
        .layers = 2,
        .embedding = 200,
        .dropout = 0,
        .unit = "words",
        .symbols = 10000,
        .answers = 10000}},
      {"word_lm_medium",
       "Zaremba et al. 2014, medium: two layers of 650, half dropped",
       {.cell = "lstm",
        .hidden = 650,
        .layers = 2,
        .embedding = 650,
        .dropout = 0.5,
        .unit = "words",
        .symbols = 10000,
        .answers = 10000}},
      {"word_lm_large",
       "Zaremba et al. 2014, large: two layers of 1500, 65 % dropped",
       {.cell = "lstm",
        .hidden = 1500,
        .layers = 2,
        .embedding = 1500,
        .dropout = 0.65,
        .unit = "words",
        .symbols = 10000,
        .answers = 10000}},
      {"char_window",
       "Bengio et al. 2003: a hidden layer on the last 10 characters",
       {.cell = "window",
        .hidden = 256,
        .layers = 1,
        .embedding = 32,
        .dropout = 0,
        .window = 10,
        .unit = "characters",
        .symbols = 65,
        .answers = 65}},
      {"word_window",
       "Bengio et al. 2003: a hidden layer on the last 4 words",
       {.cell = "window",
        .hidden = 200,
        .layers = 1,
        .embedding = 100,
        .dropout = 0,
        .window = 4,
        .unit = "words",
        .symbols = 10000,
        .answers = 10000}},
      {"rnn",
       "Elman 1990: one tanh layer over sequences of any kind",
       {.cell = "rnn",
        .hidden = 128,
        .layers = 1,
        .embedding = 64,
        .dropout = 0,
        .unit = "characters",
        .symbols = 57,
        .answers = 18,
        .asked = "label"}},
      {"lstm",
       "Hochreiter and Schmidhuber 1997: one layer over sequences of any kind",
       {.cell = "lstm",
        .hidden = 128,
        .layers = 1,
        .embedding = 64,
        .dropout = 0,
        .forget_bias = 1,
        .unit = "characters",
        .symbols = 57,
        .answers = 18,
        .asked = "label"}},
      {"gru",
       "Cho et al. 2014: one layer over sequences of any kind",
       {.cell = "gru",
        .hidden = 128,
        .layers = 1,
        .embedding = 64,
        .dropout = 0,
        .unit = "characters",
        .symbols = 57,
        .answers = 18,
        .asked = "label"}},
  };
  return all;
}

constexpr std::array kCells = {"lstm", "gru", "rnn", "rnn_relu", "window"};

RecurrentOptions layers_of(const SequenceNetwork& n) {
  RecurrentOptions options{.cell = n.cell == "lstm"  ? RecurrentCell::lstm
                                   : n.cell == "gru" ? RecurrentCell::gru
                                                     : RecurrentCell::rnn,
                           .hidden = n.hidden,
                           .layers = n.layers,
                           .dropout = n.dropout};
  if (n.cell == "rnn_relu") options.activation = "Relu";
  if (n.cell == "lstm" && n.forget_bias != 0) options.first_forget_bias = n.forget_bias;
  return options;
}

// The last `window` embedded steps behind one another, at each of T steps.
Value windows(Builder& b, const Value& x, std::int64_t window) {
  constexpr std::int64_t kEnd = std::int64_t{1} << 40;
  const auto list = [](std::int64_t value) { return Tensor::of<std::int64_t>({1}, {&value, 1}); };
  std::vector<Value> parts;
  for (std::int64_t k = 0; k < window; ++k) {
    const std::string name = "window" + std::to_string(k);
    const std::int64_t left = window - 1 - k;
    parts.push_back(b.node("Slice", name,
                           {x, b.constant(name + ".starts", list(k)),
                            b.constant(name + ".ends", list(left == 0 ? kEnd : -left)),
                            b.constant(name + ".axes", list(0))}));
  }
  return parts.size() == 1 ? parts[0]
                           : b.node("Concat", "windows", parts, {{"axis", std::int64_t{2}}});
}

}  // namespace

const SequenceNetwork& sequence_defaults(const std::string& model) {
  std::vector<std::string> names;
  for (const Variant& variant : variants()) {
    if (variant.name == model) return variant.network;
    names.emplace_back(variant.name);
  }
  fail<InputError>("unknown sequence model {}{}", model, suggestion(model, names));
}

SequenceNetwork completed(const SequenceNetwork& given, const std::string& model) {
  const SequenceNetwork& own = sequence_defaults(model);
  SequenceNetwork n = given;
  const std::vector<std::string> cells(kCells.begin(), kCells.end());
  if (n.cell.empty()) n.cell = own.cell;
  if (std::find(cells.begin(), cells.end(), n.cell) == cells.end()) {
    fail<InputError>("cell: unknown {}{}", n.cell, suggestion(n.cell, cells));
  }
  if (n.hidden == 0) n.hidden = own.hidden;
  if (n.layers == 0) n.layers = own.layers;
  if (n.embedding == 0) n.embedding = n.tied ? n.hidden : own.embedding;
  if (n.dropout == -1) n.dropout = own.dropout;
  if (n.window == 0) n.window = own.window == 0 ? 8 : own.window;
  if (n.forget_bias == 0) n.forget_bias = own.forget_bias;
  if (n.unit.empty()) n.unit = own.unit;
  const auto in = [](const char* name, std::int64_t value, std::int64_t most) {
    if (value < 1 || value > most) {
      fail<InputError>("{}: expected 1 to {}, got {}", name, most, value);
    }
  };
  in("hidden", n.hidden, 1 << 16);
  in("layers", n.layers, 100);
  in("embedding", n.embedding, 1 << 16);
  in("window", n.window, 1 << 12);
  if (!(n.dropout >= 0 && n.dropout < 1)) {
    fail<InputError>("dropout: expected a share from 0 to under 1, got {}", n.dropout);
  }
  if (n.tied && n.embedding != n.hidden) {
    fail<InputError>("tied: the embedding must be as wide as the last layer, {}, it is {}",
                     n.hidden, n.embedding);
  }
  return n;
}

Graph build_sequence(const std::string& name, const SequenceNetwork& n, std::int64_t steps,
                     std::int64_t batch, bool carry) {
  const bool every_step = n.asked == "next" || n.asked == "symbols";
  const bool window = n.cell == "window";
  if (window && (!every_step || n.symbols == 0)) {
    fail<InputError>("cell: a window answers at every step, and sees symbols; {} asks otherwise",
                     name);
  }
  if (n.tied && (n.symbols != n.answers || n.symbols == 0)) {
    fail<InputError>("tied: {} reads {} symbols and answers with {}", name, n.symbols, n.answers);
  }
  Builder b(name);
  const std::int64_t read = window ? steps + n.window - 1 : steps;
  Value x = n.symbols > 0 ? b.input("input", {read, batch}, DType::i64)
                          : b.input("input", {read, batch, n.features});
  Value table;
  if (n.symbols > 0) {
    x = embedding(b, "embedding", x, {.entries = n.symbols, .width = n.embedding});
    table = {"embedding.weight"};
    if (n.dropout > 0) x = b.dropout("embedding.drop", x, n.dropout);
  }
  if (window) {
    x = join_steps(b, "steps", windows(b, x, n.window));
    for (std::int64_t i = 1; i <= n.layers; ++i) {
      const std::string number = std::to_string(i);
      x = b.tanh("tanh" + number, b.linear("hidden" + number, x, n.hidden, fan_in_uniform));
      if (n.dropout > 0) x = b.dropout("drop" + number, x, n.dropout);
    }
  } else {
    RecurrentOptions options = layers_of(n);
    options.carry = carry && every_step;
    options.last = !every_step;
    if (!every_step) options.lengths = b.input("lengths", {batch}, DType::i32);
    x = recurrent(b, "recurrent", x, options);
    if (every_step) x = join_steps(b, "steps", x);
    if (n.dropout > 0) x = b.dropout("drop", x, n.dropout);
  }
  LinearOptions last{.out = n.answers, .weights = fan_in_uniform};
  if (n.tied) last.tied = table;
  Graph graph = b.finish(b.linear("decoder", x, last), "logits");
  if (n.initial > 0) {
    for (Parameter& parameter : graph.parameters) {
      if (!parameter.trainable) continue;
      parameter.initial = {.kind = Initial::Kind::uniform, .a = -n.initial, .b = n.initial};
    }
  }
  return graph;
}

Graph with_square_loss(Graph graph) {
  const ValueInfo scores = infer_shapes(graph).at("logits");
  graph.inputs.push_back({.name = "target", .dtype = scores.dtype, .shape = scores.shape});
  graph.nodes.push_back({.name = "difference",
                         .op = "Sub",
                         .inputs = {"logits", "target"},
                         .outputs = {"difference"}});
  graph.nodes.push_back({.name = "square",
                         .op = "Mul",
                         .inputs = {"difference", "difference"},
                         .outputs = {"square"}});
  graph.nodes.push_back({.name = "loss",
                         .op = "ReduceMean",
                         .attributes = {{"keepdims", std::int64_t{0}}},
                         .inputs = {"square"},
                         .outputs = {"loss"}});
  graph.outputs.insert(graph.outputs.begin(), "loss");
  check(graph);
  return graph;
}

void register_model_sequence(ModelRegistry& registry);
void register_model_sequence(ModelRegistry& registry) {
  for (const Variant& variant : variants()) {
    registry.add(
        {.name = variant.name,
         .doc = variant.doc,
         .natural = {.channels = 0, .height = 0, .width = 0, .classes = variant.network.answers},
         .build =
             [variant](const ModelSize& size) {
               constexpr std::int64_t kSteps = 20;
               SequenceNetwork network = variant.network;
               if (network.symbols == network.answers) network.symbols = size.classes;
               network.answers = size.classes;
               return build_sequence(variant.name, network, kSteps, 1);
             },
         .task = "sequence"});
  }
}

}  // namespace striate
