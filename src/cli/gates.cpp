#include <algorithm>
#include <cmath>

#include "cli/command.h"
#include "cli/common.h"
#include "striate/base/files.h"
#include "striate/draw/canvas.h"
#include "striate/tasks/sequence/gate_values.h"

namespace striate {
namespace {

struct Arguments {
  std::string model;
  std::string text;
  std::string out = "gates.png";
  DeviceOptions run;
};

// Blue below zero, white at zero, red above.
draw::Color color_of(double value) {
  const double share = std::clamp(std::abs(value), 0.0, 1.0);
  const draw::Color white = draw::Color::rgb(0xffffff);
  return draw::blend(white, draw::Color::rgb(value < 0 ? 0x2166ac : 0xb2182b), share);
}

struct Panel {
  std::string title;
  const Tensor* values = nullptr;  // [steps, hidden]
};

std::string shown(const std::string& symbol) {
  if (symbol == "\n") return "\\n";
  if (symbol == "\t") return "\\t";
  return symbol;
}

// A heat map for each gate, one below another: a column for each symbol, a row for each unit.
draw::Canvas draw_gates(const std::vector<GateTrace>& traces,
                        const std::vector<std::string>& symbols) {
  std::vector<Panel> panels;
  for (const GateTrace& trace : traces) {
    for (const auto& [name, values] : trace.gates) {
      panels.push_back({trace.layer + " " + name, &values});
    }
  }
  const auto steps = static_cast<std::int64_t>(symbols.size());
  const std::int64_t hidden = panels.empty() ? 1 : panels[0].values->shape()[1];
  const double column = std::clamp(1200.0 / static_cast<double>(steps), 3.0, 14.0);
  const double row = std::clamp(220.0 / static_cast<double>(hidden), 1.0, 6.0);
  constexpr double kLeft = 20;
  constexpr double kTitle = 24;
  constexpr double kSymbols = 18;
  const double height = kTitle + row * static_cast<double>(hidden) + kSymbols + 8;
  draw::Canvas canvas(
      static_cast<int>(std::max(360.0, 2 * kLeft + column * static_cast<double>(steps))),
      static_cast<int>(height * static_cast<double>(panels.size()) + 8), "gates over time");
  double top = 4;
  for (const Panel& panel : panels) {
    canvas.text_middle(panel.title, {kLeft, top + kTitle / 2}, {.size = 13, .bold = true});
    const float* values = panel.values->data<float>();
    for (std::int64_t t = 0; t < steps; ++t) {
      const double x = kLeft + column * static_cast<double>(t);
      for (std::int64_t j = 0; j < hidden; ++j) {
        canvas.fill({x, top + kTitle + row * static_cast<double>(j), column, row},
                    color_of(static_cast<double>(values[t * hidden + j])));
      }
      if (column >= 6) {
        canvas.text_middle(
            canvas.fitted(shown(symbols[static_cast<std::size_t>(t)]), column, {.size = 10}),
            {x + column / 2, top + kTitle + row * static_cast<double>(hidden) + kSymbols / 2},
            {.size = 10, .align = draw::Align::kCenter});
      }
    }
    canvas.outline({kLeft - 1, top + kTitle - 1, column * static_cast<double>(steps) + 2,
                    row * static_cast<double>(hidden) + 2},
                   draw::Color::rgb(0xb0b7c0));
    top += height;
  }
  return canvas;
}

Json rows_json(const Tensor& values) {
  Json rows = Json::array();
  const std::int64_t hidden = values.shape()[1];
  for (std::int64_t t = 0; t < values.shape()[0]; ++t) {
    const float* row = values.data<float>() + t * hidden;
    rows.push_back(std::vector<float>(row, row + hidden));
  }
  return rows;
}

double mean_of(const Tensor& values) {
  double sum = 0;
  for (const float value : values.values<float>()) sum += static_cast<double>(value);
  return sum / static_cast<double>(std::max<std::int64_t>(1, values.elements()));
}

void gates_command(const Arguments& arguments) {
  constexpr std::size_t kMost = 2000;
  const SequenceModel model = SequenceModel::load(arguments.model, make_device(arguments.run));
  const std::vector<std::int64_t> numbers = model.numbered(arguments.text);
  if (numbers.empty() || numbers.size() > kMost) {
    fail<InputError>("TEXT: expected 1 to {} symbols, got {}", kMost, numbers.size());
  }
  const std::vector<GateTrace> traces = gate_values(model, numbers);
  std::vector<std::string> symbols;
  for (const std::int64_t n : numbers) {
    symbols.push_back(model.card().symbols[static_cast<std::size_t>(n)]);
  }
  write_file(arguments.out, draw_gates(traces, symbols).png());
  if (arguments.run.json) {
    Json layers = Json::array();
    for (const GateTrace& trace : traces) {
      Json gates;
      for (const auto& [name, values] : trace.gates) gates[name] = rows_json(values);
      layers.push_back({{"layer", trace.layer}, {"operator", trace.op}, {"gates", gates}});
    }
    print(Json{{"symbols", symbols}, {"layers", layers}, {"written", arguments.out}});
    return;
  }
  for (const GateTrace& trace : traces) {
    std::string text = fmt::format("{} ({}), {} units: mean", trace.layer, trace.op,
                                   trace.gates.begin()->second.shape()[1]);
    for (const auto& [name, values] : trace.gates) {
      text += fmt::format(" {} {:.3f}", name, mean_of(values));
    }
    print(text + "\n");
  }
  print(fmt::format("wrote {}\n", arguments.out));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "a model file of char_lm, word_lm or their like")
      ->required();
  app.add_option("TEXT", arguments->text, "what the network reads")->required();
  app.add_option("--out", arguments->out, "PNG that is written")->capture_default_str();
  add_options(app, arguments->run);
  app.callback([arguments] { gates_command(*arguments); });
}

}  // namespace

void register_command_gates(CommandRegistry& registry);
void register_command_gates(CommandRegistry& registry) {
  registry.add({.name = "gates",
                .doc = "a recurrent network's gates over time, while it reads a text",
                .example = "striate gates runs/char_lm/best.safetensors \"To be, or not to be\"",
                .set_up = set_up});
}

}  // namespace striate
