#include <charconv>
#include <cmath>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/data/sequences.h"
#include "striate/tasks/sequence/sequence_model.h"
#include "striate/tasks/sequence/symbol_models.h"

namespace striate {
namespace {

struct Arguments {
  std::string data;
  std::string model = "ngram";
  bool compare = false;
  std::vector<std::string> against;
  std::string unit = "characters";
  std::int64_t min_count = 1;
  std::string order = "auto";
  double discount = 0;
  double smoothing = -1;
  std::string prompt;
  std::int64_t generate = 0;
  DrawOptions draw;
  DeviceOptions run;
};

const std::vector<std::string> kModels{"naive", "ngram", "markov"};

struct Made {
  std::string what;
  std::unique_ptr<SymbolModel> model;
  Json json;
};

std::int64_t order_of(const std::string& text) {
  std::int64_t order = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, order);
  if (error != std::errc() || next != end || order < 1) {
    fail<InputError>("--order: expected auto or a number from 1, got {}", text);
  }
  return order;
}

Made make_back_off(const Arguments& arguments, bool naive, const Symbols& text,
                   std::int64_t symbols) {
  std::vector<std::int64_t> orders;
  if (!naive && arguments.order != "auto") {
    orders.push_back(order_of(arguments.order));
  } else if (!naive) {
    const std::int64_t most = arguments.unit == "words" ? 5 : 10;
    for (std::int64_t order = 1; order <= most; ++order) orders.push_back(order);
  }
  BackOff::Options options{.order = orders.size() == 1 ? orders[0] : 0,
                           .discount = arguments.discount};
  const bool chosen = arguments.discount == 0 || orders.size() > 1;
  if (chosen) {
    const double given = arguments.discount;
    options = choose_back_off(text, symbols, orders);
    if (given != 0) options.discount = given;
  }
  auto model = std::make_unique<BackOff>(text, symbols, options);
  Made made{
      .what = naive ? fmt::format("contexts of any length (the longest that comes again has {}), "
                                  "discount {}",
                                  model->longest_repeated(), options.discount)
                    : fmt::format("contexts of up to {}, discount {}{}", options.order,
                                  options.discount, chosen ? ", chosen on the last twentieth" : ""),
      .json = {{"order", options.order}, {"discount", options.discount}}};
  if (naive) {
    made.json["contexts"] = model->contexts();
    made.json["longest_repeated"] = model->longest_repeated();
  }
  made.model = std::move(model);
  return made;
}

// Symbols as they can be shown on one line.
std::string shown(const std::string& symbol) {
  return symbol == " " ? "␣" : symbol == "\n" ? "⏎" : shortened(one_line(symbol), 16);
}

Made make_markov(const Arguments& arguments, const Symbols& text,
                 const std::vector<std::string>& symbols) {
  const double smoothing = arguments.smoothing >= 0    ? arguments.smoothing
                           : arguments.unit == "words" ? 0.001
                                                       : 0.01;
  auto chain =
      std::make_unique<MarkovChain>(text, static_cast<std::int64_t>(symbols.size()), smoothing);
  const double nats = chain->entropy_rate();
  Made made{.what = fmt::format("transitions by maximum likelihood, smoothing {}; {} nats a symbol "
                                "once settled",
                                smoothing, decimal(nats)),
            .json = {{"smoothing", smoothing}, {"entropy_rate", nats}}};
  const std::vector<double> pi = chain->stationary();
  for (std::size_t i = 0; i < std::min<std::size_t>(symbols.size(), 20); ++i) {
    const auto from = static_cast<std::int64_t>(i);
    std::int64_t likeliest = 0;
    for (std::int64_t j = 0; j < chain->symbols(); ++j) {
      if (chain->transition(from, j) > chain->transition(from, likeliest)) likeliest = j;
    }
    made.json["stationary"].push_back({{"symbol", symbols[i]},
                                       {"share", pi[i]},
                                       {"next", symbols[static_cast<std::size_t>(likeliest)]},
                                       {"next_probability", chain->transition(from, likeliest)}});
  }
  made.model = std::move(chain);
  return made;
}

std::string stationary_table(const Json& rows) {
  Table table({{"symbol"},
               {"share once settled", Table::Align::right},
               {"likeliest next"},
               {"probability", Table::Align::right}});
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 8); ++i) {
    table.add({shown(rows[i].at("symbol")), percent(rows[i].at("share")), shown(rows[i].at("next")),
               percent(rows[i].at("next_probability"))});
  }
  return table.str();
}

std::string generated(const Arguments& arguments, const SymbolModel& model, const Symbols& prompt,
                      const std::vector<std::string>& symbols) {
  const auto reader = model.reader();
  std::string text;
  const auto put = [&](std::int64_t number) {
    const std::string& symbol = symbols[static_cast<std::size_t>(number)];
    if (arguments.unit != "words") {
      text += symbol;
    } else if (symbol == "<eos>") {
      text += '\n';
    } else {
      text += (text.empty() || text.back() == '\n' ? "" : " ") + symbol;
    }
    reader->read(number);
  };
  for (const std::int64_t number : prompt) put(number);
  for (std::int64_t i = 0; i < arguments.generate; ++i) {
    std::vector<double> logarithms = reader->probabilities();
    for (double& p : logarithms) p = std::log(p);
    put(draw_symbol(logarithms, arguments.draw, i));
  }
  return text;
}

struct Row {
  std::string name, what;
  std::int64_t parameters = 0;
  double loss = 0, seconds = 0;
  Json json = Json::object();
};

void symbols_command(const Arguments& arguments) {
  using Clock = std::chrono::steady_clock;
  if (std::find(kModels.begin(), kModels.end(), arguments.model) == kModels.end()) {
    fail<InputError>("unknown model {}{}", arguments.model, suggestion(arguments.model, kModels));
  }
  if (arguments.generate < 0) {
    fail<InputError>("--generate: expected 0 or more, got {}", arguments.generate);
  }
  draw_symbol({0.0}, arguments.draw, 0);  // refuses options
  SequenceRequest request{.unit = arguments.unit, .min_count = arguments.min_count};
  const auto train = open_sequences(arguments.data, request);
  if (train->form().asked != Asked::next) {
    fail<InputError>("{}: expected a text", arguments.data);
  }
  const std::vector<std::string>& symbols = train->form().symbols;
  const auto count = static_cast<std::int64_t>(symbols.size());
  request.symbols = symbols;
  request.split = SequenceSplit::test;
  const auto test = open_sequences(arguments.data, request);
  const Symbols text = train->get(0, 0).symbols;
  const Symbols asked = test->get(0, 0).symbols;
  const bool json = arguments.run.json;
  const std::vector<std::string> names =
      arguments.compare ? kModels : std::vector<std::string>{arguments.model};
  Progress progress("symbols", static_cast<std::int64_t>(names.size() + arguments.against.size()),
                    "models", json);
  std::vector<Row> rows;
  std::unique_ptr<SymbolModel> writer;
  double least = INFINITY;
  for (const std::string& name : names) {
    const Clock::time_point begin = Clock::now();
    Made made = name == "markov" ? make_markov(arguments, text, symbols)
                                 : make_back_off(arguments, name == "naive", text, count);
    Row row{.name = name, .what = made.what, .parameters = made.model->parameters()};
    row.loss = -log_likelihood(*made.model, asked) / static_cast<double>(asked.size() - 1);
    row.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    row.json = std::move(made.json);
    if (row.loss < least || !writer) {
      least = row.loss;
      writer = std::move(made.model);
    }
    rows.push_back(std::move(row));
    progress.advance_to(static_cast<std::int64_t>(rows.size()), name);
  }
  for (const std::string& file : arguments.against) {
    const Clock::time_point begin = Clock::now();
    const SequenceModel model = SequenceModel::load(file, make_device(arguments.run));
    Row row{.name = file, .what = model.card().model};
    for (const auto& [name, tensor] : model.weights()) row.parameters += tensor.elements();
    row.loss = model.evaluate(*test).loss;
    row.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    rows.push_back(std::move(row));
    progress.advance_to(static_cast<std::int64_t>(rows.size()), file);
  }
  progress.clear();
  std::string written;
  if (arguments.generate > 0) {
    const Symbols prompt = numbered_symbols(arguments.prompt, arguments.unit, symbols);
    written = generated(arguments, *writer, prompt, symbols);
  }
  constexpr auto kRight = Table::Align::right;
  Table table({{"model"},
               {"parameters", kRight},
               {"nats", kRight},
               {"bits", kRight},
               {"perplexity", kRight},
               {"time", kRight},
               {"what"}});
  Json all = Json::array();
  for (const Row& row : rows) {
    table.add({row.name, grouped(row.parameters), decimal(row.loss),
               decimal(row.loss / std::log(2.0)), decimal(std::exp(row.loss)),
               duration(row.seconds), row.what});
    Json entry{{"model", row.name},
               {"parameters", row.parameters},
               {"loss", row.loss},
               {"perplexity", std::exp(row.loss)},
               {"seconds", row.seconds}};
    for (const auto& [key, value] : row.json.items()) entry[key] = value;
    all.push_back(std::move(entry));
  }
  if (json) {
    Json result{{"data", arguments.data}, {"unit", arguments.unit}, {"symbols", count},
                {"train", text.size()},   {"test", asked.size()},   {"models", std::move(all)}};
    if (arguments.generate > 0) result["text"] = written;
    print(result);
    return;
  }
  print(fmt::format("{}: {} {} to count, {} to test on, {} of them different\n\n{}", arguments.data,
                    grouped(train->length(0)), arguments.unit, grouped(test->length(0)),
                    grouped(count), table.str()));
  for (const Row& row : rows) {
    if (row.json.contains("stationary")) {
      print(fmt::format("\nThe chain's commonest symbols:\n{}",
                        stationary_table(row.json.at("stationary"))));
    }
  }
  if (arguments.generate > 0) print('\n' + written + '\n');
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DATA", arguments->data, "a text: text:FILE, text:TRAIN,TEST or ptb:DIR")
      ->required();
  app.add_option("--model", arguments->model,
                 "naive: contexts of any length; ngram: the last symbols; both back off to shorter "
                 "ones; markov: one symbol")
      ->capture_default_str();
  app.add_flag("--compare", arguments->compare, "all three; the best of them writes");
  app.add_option("--against", arguments->against,
                 "model files of trained language models, to stand in the same table");
  app.add_option("--unit", arguments->unit, "characters or words")->capture_default_str();
  app.add_option("--min-count", arguments->min_count, "words that are rarer are <unk>")
      ->capture_default_str();
  app.add_option("--order", arguments->order, "ngram: symbols of context, or auto")
      ->capture_default_str();
  app.add_option("--discount", arguments->discount,
                 "taken off each count, between 0 and 1; 0: chosen on the last twentieth")
      ->capture_default_str();
  app.add_option("--smoothing", arguments->smoothing,
                 "markov: added to each count; -1: 0.01 for characters, 0.001 for words")
      ->capture_default_str();
  app.add_option("--generate", arguments->generate, "symbols to write")->capture_default_str();
  app.add_option("--prompt", arguments->prompt, "text to go on from");
  app.add_option("--temperature", arguments->draw.temperature,
                 "below 1: likelier symbols more often")
      ->capture_default_str();
  app.add_option("--top-k", arguments->draw.top_k, "draw from so many of the likeliest; 0: all")
      ->capture_default_str();
  app.add_option("--seed", arguments->draw.seed, "number that every draw follows from")
      ->capture_default_str();
  add_options(app, arguments->run);
  app.callback([arguments] { symbols_command(*arguments); });
}

}  // namespace

void register_command_symbols(CommandRegistry& registry);
void register_command_symbols(CommandRegistry& registry) {
  registry.add({.name = "symbols",
                .doc = "count what follows what in a text: Markov chain, n-grams, any context",
                .example = "striate symbols text:shakespeare.txt --compare --generate 200",
                .set_up = set_up});
}

}  // namespace striate
