#include <algorithm>
#include <cmath>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/draw/plot.h"
#include "striate/tasks/sequence/gradient_flow.h"
#include "striate/tasks/sequence/sequence_model.h"

namespace striate {
namespace {

struct Arguments {
  std::string model;
  std::string text;
  std::int64_t steps = 0;
  FlowExample example;
  double clip = 1;
  double rate = 0.01;
  std::string out = "gradients.png";
  bool json = false;
};

// A network's measurement under the name it is drawn with.
struct Measured {
  std::string name;
  GradientReport report;
};

constexpr std::int64_t kDefaultSteps = 60;
constexpr int kDescent = 50;

// The example, and what clipping does for it.
Measured measure_example(const Arguments& arguments, const std::string& name) {
  FlowExample example = arguments.example;
  example.name = name;
  example.steps = arguments.steps > 0 ? arguments.steps : kDefaultSteps;
  Weights weights;
  const Graph graph = flow_example(example, weights);
  const Tensor x = flow_input(example);
  return {name, gradient_flow(graph, weights, {{"input", x.view()}}, 1)};
}

struct Descent {
  std::vector<double> free, clipped;
};

Descent descend_example(const Arguments& arguments) {
  FlowExample example = arguments.example;
  example.name = "rnn-relu";
  example.steps = arguments.steps > 0 ? arguments.steps : kDefaultSteps;
  Weights weights;
  const Graph graph = flow_example(example, weights);
  const Tensor x = flow_input(example);
  const Inputs inputs{{"input", x.view()}};
  return {descend(graph, weights, inputs, 1, arguments.rate, 0, kDescent),
          descend(graph, weights, inputs, 1, arguments.rate, arguments.clip, kDescent)};
}

std::vector<Measured> measure_model(const Arguments& arguments) {
  const SequenceModel model = SequenceModel::load(arguments.model, make_device({}));
  const SequenceNetwork& network = model.network();
  std::vector<std::int64_t> symbols;
  if (!arguments.text.empty()) {
    symbols = model.numbered(arguments.text);
  } else if (network.symbols > 0) {
    const std::int64_t steps = arguments.steps > 0 ? arguments.steps : kDefaultSteps;
    Random random({.seed = arguments.example.seed, .purpose = purpose_of("flow symbols")}, 0);
    for (std::int64_t i = 0; i < steps; ++i) {
      symbols.push_back(random.below(static_cast<std::uint32_t>(network.symbols)));
    }
  }
  const auto steps = network.symbols > 0   ? static_cast<std::int64_t>(symbols.size())
                     : arguments.steps > 0 ? arguments.steps
                                           : kDefaultSteps;
  if (steps < 2) fail<InputError>("--text: expected at least two symbols, got {}", steps);
  const Graph graph = build_sequence(model.card().model, network, steps, 1);
  Tensor x;
  if (network.symbols > 0) {
    x = Tensor::of<std::int64_t>({steps, 1}, symbols);
  } else {
    x = Tensor(DType::f32, {steps, 1, network.features});
    Random random({.seed = arguments.example.seed, .purpose = purpose_of("flow numbers")}, 0);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      x.data<float>()[i] = static_cast<float>(random.normal());
    }
  }
  // What comes next in the text is what the last step is asked for.
  const std::int64_t label = symbols.empty() ? 0 : symbols.back();
  return {{model.card().model,
           gradient_flow(graph, model.weights(), {{"input", std::as_const(x).view()}}, label)}};
}

draw::Canvas draw_flows(const std::vector<Measured>& all) {
  draw::Plot norms{.title = "gradient of the last step's loss",
                   .x_label = "steps back",
                   .y_label = "norm in the state",
                   .series = {},
                   .log_y = true};
  draw::Plot singular{.title = "one step's Jacobian",
                      .x_label = "steps back",
                      .y_label = "largest singular value",
                      .series = {},
                      .log_y = true};
  for (const Measured& measured : all) {
    for (const GradientFlow& flow : measured.report.layers) {
      const std::string name =
          all.size() > 1 || measured.report.layers.size() == 1 ? measured.name : flow.layer;
      std::vector<double> lags;
      for (std::size_t lag = 0; lag < flow.norms.size(); ++lag) {
        lags.push_back(static_cast<double>(lag));
      }
      norms.series.push_back({.name = name, .y = flow.norms, .x = lags});
      if (!flow.singular.empty()) {
        singular.series.push_back({.name = name, .y = flow.singular, .x = lags});
      }
    }
  }
  const std::vector<draw::Plot> panels{norms, singular};
  return draw::draw_plots(panels);
}

Json flow_json(const Measured& measured) {
  Json layers = Json::array();
  for (const GradientFlow& flow : measured.report.layers) {
    layers.push_back(
        {{"layer", flow.layer}, {"norms", flow.norms}, {"singular_values", flow.singular}});
  }
  return {{"network", measured.name},
          {"loss", measured.report.loss},
          {"weights_gradient", measured.report.weights_norm},
          {"layers", std::move(layers)}};
}

std::string number(double value) { return fmt::format("{:.3g}", value); }

Table flow_table(const std::vector<Measured>& all) {
  constexpr auto kRight = Table::Align::right;
  const std::vector<std::size_t> lags{0, 1, 5, 10, 20, 50, 100};
  std::vector<Table::Column> columns{{"network"}, {"layer"}};
  for (const std::size_t lag : lags) columns.push_back({fmt::format("{} back", lag), kRight});
  columns.push_back({"first step", kRight});
  columns.push_back({"singular value", kRight});
  columns.push_back({"weights", kRight});
  Table table(columns);
  for (const Measured& measured : all) {
    for (const GradientFlow& flow : measured.report.layers) {
      std::vector<std::string> cells{measured.name, flow.layer};
      for (const std::size_t lag : lags) {
        cells.push_back(lag < flow.norms.size() ? number(flow.norms[lag]) : "");
      }
      cells.push_back(flow.norms.empty() ? "" : number(flow.norms.back()));
      double product = 0;
      for (const double value : flow.singular) product += std::log(value);
      cells.push_back(flow.singular.empty()
                          ? ""
                          : number(std::exp(product / static_cast<double>(flow.singular.size()))));
      cells.push_back(number(measured.report.weights_norm));
      table.add(cells);
    }
  }
  return table;
}

void gradients_command(const Arguments& arguments) {
  std::vector<Measured> all;
  Descent descent;
  if (arguments.model.empty()) {
    Progress progress("gradients", static_cast<std::int64_t>(flow_examples().size()) + 1,
                      "networks");
    std::int64_t done = 0;
    for (const std::string& name : flow_examples()) {
      all.push_back(measure_example(arguments, name));
      progress.advance_to(++done, name);
    }
    descent = descend_example(arguments);
    progress.clear();
  } else {
    all = measure_model(arguments);
  }
  write_file(arguments.out, draw_flows(all).png());
  if (arguments.json) {
    Json networks = Json::array();
    for (const Measured& measured : all) networks.push_back(flow_json(measured));
    Json json{{"networks", std::move(networks)}};
    if (!descent.free.empty()) {
      json["descent"] = {{"rate", arguments.rate},
                         {"clip", arguments.clip},
                         {"losses", descent.free},
                         {"losses_clipped", descent.clipped}};
    }
    json["written"] = arguments.out;
    print(json);
    return;
  }
  print(fmt::format("{}\n", flow_table(all).str()));
  print(
      std::string("Norms of the last step's loss in the state so many steps back; the geometric "
                  "mean of the steps'\nlargest singular values; the norm in all weights.\n"));
  if (!descent.free.empty()) {
    print(fmt::format(
        "Gradient descent on rnn-relu at a rate of {}: the loss goes from {} to {} in {} steps; "
        "with\ngradients clipped to {} to {} in {}.\n",
        arguments.rate, number(descent.free.front()), number(descent.free.back()),
        descent.free.size() - 1, arguments.clip, number(descent.clipped.back()),
        descent.clipped.size() - 1));
  }
  print(fmt::format("wrote {}\n", arguments.out));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model,
                 "a trained sequence model's file; left out: five small untrained networks "
                 "side by side");
  app.add_option("--text", arguments->text, "what a model of symbols reads; else random symbols");
  app.add_option("--steps", arguments->steps, "length of the sequence; 0: 60")
      ->check(CLI::Range(0, 2000));
  app.add_option("--hidden", arguments->example.hidden, "without MODEL: numbers in the state")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--scale", arguments->example.scale,
                 "without MODEL: rnn-relu's recurrent weights are He's times this")
      ->capture_default_str();
  app.add_option("--keep-bias", arguments->example.keep_bias,
                 "without MODEL: first bias of lstm's forget and gru's update gate")
      ->capture_default_str();
  app.add_option("--clip", arguments->clip,
                 "without MODEL: length that the descent's gradients are clipped to")
      ->capture_default_str();
  app.add_option("--rate", arguments->rate, "without MODEL: the descent's learning rate")
      ->capture_default_str();
  app.add_option("--seed", arguments->example.seed, "number that all draws follow from")
      ->capture_default_str();
  app.add_option("--out", arguments->out, "PNG that is written")->capture_default_str();
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { gradients_command(*arguments); });
}

}  // namespace

void register_command_gradients(CommandRegistry& registry);
void register_command_gradients(CommandRegistry& registry) {
  registry.add({.name = "gradients",
                .doc = "how far back in time a recurrent network's gradient reaches",
                .example = "striate gradients --steps 100 --out gradients.png",
                .set_up = set_up});
}

}  // namespace striate
