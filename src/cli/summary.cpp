#include "striate/graph/summary.h"

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/suggest.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

struct Arguments {
  std::string model;
  std::string input;
  std::int64_t classes = 0;
  bool json = false;
};

// "3x224x224" or "8x3x224x224" into the model's size; returns the batch.
std::int64_t parse_input(const std::string& text, ModelSize& size) {
  constexpr std::int64_t kMost = 1 << 20;
  std::vector<std::int64_t> numbers;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    const std::string part = text.substr(at, end - at);
    const bool digits = !part.empty() && part.size() < 8 &&
                        part.find_first_not_of("0123456789") == std::string::npos;
    numbers.push_back(digits ? std::stoll(part) : 0);
    at = end + 1;
  }
  const bool good = (numbers.size() == 3 || numbers.size() == 4) &&
                    std::all_of(numbers.begin(), numbers.end(),
                                [](std::int64_t n) { return n > 0 && n <= kMost; });
  if (!good) fail<InputError>("--input: expected CxHxW or NxCxHxW, got {}", text);
  const std::size_t skip = numbers.size() - 3;
  size.channels = numbers[skip];
  size.height = numbers[skip + 1];
  size.width = numbers[skip + 2];
  return skip == 1 ? numbers[0] : 1;
}

std::string receptive(const SummaryRow& row) {
  if (row.receptive_h == 0) return "all";
  if (row.receptive_h == row.receptive_w) return std::to_string(row.receptive_h);
  return fmt::format("{}x{}", row.receptive_h, row.receptive_w);
}

Json summary_json(const Summary& summary) {
  const auto dims = [](const Shape& shape) {
    return std::vector<std::int64_t>(shape.begin(), shape.end());
  };
  Json layers = Json::array();
  for (const SummaryRow& row : summary.rows) {
    layers.push_back({{"name", row.name},
                      {"op", row.op},
                      {"output", dims(row.output)},
                      {"parameters", row.parameters},
                      {"macs", row.macs},
                      {"receptive_field", {row.receptive_h, row.receptive_w}},
                      {"bytes", row.bytes}});
  }
  return {
      {"model", summary.name},
      {"input", dims(summary.input)},
      {"layers", std::move(layers)},
      {"total",
       {{"parameters", summary.parameters}, {"buffers", summary.buffers}, {"macs", summary.macs}}}};
}

void summary_command(const Arguments& arguments) {
  const ModelRow row = find_network(arguments.model).row;
  ModelSize size = row.natural;
  std::int64_t batch = 1;
  if (!arguments.input.empty()) batch = parse_input(arguments.input, size);
  if (arguments.classes > 0) size.classes = arguments.classes;
  // A network of a file may take something else than pictures.
  Shapes shapes;
  if (size.channels > 0) shapes["input"] = {batch, size.channels, size.height, size.width};
  const Summary summary = summarize(row.build(size), shapes);
  if (arguments.json) {
    print(summary_json(summary));
    return;
  }
  Table table({{"layer"},
               {"operator"},
               {"output"},
               {"parameters", Table::Align::right},
               {"multiply-adds", Table::Align::right},
               {"sees", Table::Align::right}});
  table.add({"input", "", summary.input.str(), "", "", "1"});
  for (const SummaryRow& layer : summary.rows) {
    table.add({layer.name, layer.op, layer.output.str(),
               layer.parameters == 0 ? "" : grouped(layer.parameters),
               layer.macs == 0 ? "" : grouped(layer.macs), receptive(layer)});
  }
  table.rule();
  table.add({"total", "", "", grouped(summary.parameters), grouped(summary.macs), ""});
  print(fmt::format("{}: {}\n\n{}\n", row.name, row.doc, table.str()));
  print(fmt::format(
      "Parameters are the trained ones; {} running statistics come on top. Multiply-adds are those "
      "of convolutions and matrix products, padding counted. \"sees\": input pixels, along each "
      "side, that one output pixel depends on.\n",
      grouped(summary.buffers)));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model,
                 "a model that `striate models` lists, or a .cfg or .onnx file")
      ->required();
  app.add_option("--input", arguments->input, "input size, CxHxW or NxCxHxW");
  app.add_option("--classes", arguments->classes, "classes to tell apart")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24));
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { summary_command(*arguments); });
}

}  // namespace

void register_command_summary(CommandRegistry& registry);
void register_command_summary(CommandRegistry& registry) {
  registry.add({.name = "summary",
                .doc = "a network layer by layer: shapes, parameters, multiply-adds",
                .example = "striate summary resnet20 --input 3x32x32",
                .set_up = set_up});
}

}  // namespace striate
