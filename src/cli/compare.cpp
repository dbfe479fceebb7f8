#include <algorithm>
#include <chrono>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/network_options.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/summary.h"
#include "striate/tasks/memory.h"

namespace striate {
namespace {

struct Arguments {
  std::vector<std::string> networks;
  SizeOptions size;
  CountConvention convention;
  OptimizerOptions optimizer{.name = "adam"};
  DeviceOptions run;
  bool time = true;
  bool markdown = false;
};

struct Compared {
  std::string name;
  InputSize size;
  Summary summary;
  NetworkMemory memory;
  double seconds = 0;
};

// Numbers of a usual size: zeros, and what becomes denormal, may compute faster or slower.
Tensor any_numbers(DType dtype, const Shape& shape, float scale) {
  Tensor tensor(dtype, shape);
  if (dtype != DType::f32) return tensor;
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    tensor.data<float>()[i] = scale * static_cast<float>(i % 7 - 3);
  }
  return tensor;
}

Weights any_weights(const Graph& graph) {
  Weights weights;
  for (const Parameter& p : graph.parameters) {
    Tensor tensor = any_numbers(p.dtype, p.shape, 0.01F);
    // Variances are not negative.
    if (p.dtype == DType::f32 && p.shape.rank() == 1) {
      std::fill_n(tensor.data<float>(), tensor.elements(), 1.0F);
    }
    weights[p.name] = std::move(tensor);
  }
  return weights;
}

// The median of runs that take half a second together, three at least.
double measured_seconds(const Graph& training, const std::shared_ptr<const Device>& device,
                        const Shape& batch) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  const Graph graph = inference_form(training);
  const std::string& input = graph.inputs.at(0).name;
  const Weights weights = any_weights(graph);
  std::vector<Tensor> tensors;
  for (const GraphInput& each : graph.inputs) {
    tensors.push_back(any_numbers(each.dtype, each.name == input ? batch : each.shape, 0.1F));
  }
  Inputs inputs;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    inputs[graph.inputs[i].name] = std::as_const(tensors[i]).view();
  }
  const auto plan = Plan::compile(graph, device, {{input, batch}}, {});
  const auto prepared = plan->prepare(weights);
  Workspace workspace(plan);
  plan->forward(workspace, inputs, *prepared);
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  while (times.size() < 3 || (since(start) < 0.5 && times.size() < 10000)) {
    const Clock::time_point begin = Clock::now();
    plan->forward(workspace, inputs, *prepared);
    times.push_back(since(begin));
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Of the last map that sees a part only, and whether a later layer sees all.
std::string sees(const Summary& summary) {
  for (auto row = summary.rows.rbegin(); row != summary.rows.rend(); ++row) {
    if (row->sees.kind != ReceptiveField::Kind::window) continue;
    const bool all = row != summary.rows.rbegin();
    return fmt::format("{}{}", row->sees.h.size, all ? ", then all" : "");
  }
  return "all";
}

std::string time_text(double seconds) {
  return seconds < 1e-3  ? fmt::format("{:.0f} us", seconds * 1e6)
         : seconds < 0.1 ? fmt::format("{:.3g} ms", seconds * 1e3)
                         : duration(seconds);
}

// Long names stand above the table, which then has letters for them.
std::vector<std::string> labels(const std::vector<Compared>& all) {
  constexpr std::size_t kLong = 40;
  const bool is_long =
      std::any_of(all.begin(), all.end(), [](const Compared& c) { return c.name.size() > kLong; });
  std::vector<std::string> result;
  for (const Compared& c : all) {
    const std::size_t i = result.size();
    const std::string letter =
        i < 26 ? std::string(1, static_cast<char>('A' + i)) : fmt::format("{}", i + 1);
    if (is_long) print(fmt::format("{}: {}\n", letter, c.name));
    result.push_back(is_long ? letter : c.name);
  }
  if (is_long) print(std::string("\n"));
  return result;
}

Json compared_json(const Compared& c, bool time) {
  Json json{{"network", c.name},
            {"input", std::vector<std::int64_t>(c.summary.input.begin(), c.summary.input.end())},
            {"parameters", c.summary.parameters},
            {"weights", c.summary.parameters - c.summary.biases},
            {"macs", c.summary.macs},
            {"sees", sees(c.summary)},
            {"memory_run", c.memory.run},
            {"memory_train", c.memory.train}};
  if (time) json["seconds"] = c.seconds;
  return json;
}

void compare_command(const Arguments& arguments) {
  const auto device = make_device(arguments.run);
  std::vector<Compared> all;
  Progress progress("compare", static_cast<std::int64_t>(arguments.networks.size()), "networks",
                    arguments.run.json);
  for (const std::string& name : arguments.networks) {
    const ModelRow row = find_network(name).row;
    Compared c{.name = row.name, .size = arguments.size.size_for(row.natural)};
    const Graph graph = row.build(c.size.model);
    const Shape batch = c.size.shape(graph);
    c.summary = summarize(graph, {{graph.inputs.at(0).name, batch}}, arguments.convention);
    c.memory = network_memory(graph, device, batch, arguments.optimizer);
    if (arguments.time) c.seconds = measured_seconds(graph, device, batch);
    all.push_back(std::move(c));
    progress.advance_to(static_cast<std::int64_t>(all.size()));
  }
  progress.clear();
  if (arguments.run.json) {
    Json networks = Json::array();
    for (const Compared& c : all) networks.push_back(compared_json(c, arguments.time));
    print(Json{{"networks", std::move(networks)}});
    return;
  }
  constexpr auto kRight = Table::Align::right;
  std::vector<Table::Column> columns{
      {"network"},      {"input", kRight},  {"parameters", kRight}, {"multiply-adds", kRight},
      {"sees", kRight}, {"to run", kRight}, {"to train", kRight}};
  if (arguments.time) columns.push_back({"time", kRight});
  Table table(columns);
  const std::vector<std::string> names = labels(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Compared& c = all[i];
    std::vector<std::string> cells{names[i],
                                   c.summary.input.str(),
                                   grouped(c.summary.parameters),
                                   grouped(c.summary.macs),
                                   sees(c.summary),
                                   bytes_text(c.memory.run),
                                   c.memory.train == 0 ? "" : bytes_text(c.memory.train)};
    if (arguments.time) cells.push_back(time_text(c.seconds));
    table.add(std::move(cells));
  }
  print(arguments.markdown ? table.markdown() : table.str());
  if (arguments.time) {
    print(fmt::format("time: the median of runs on the {} device with {} threads.\n",
                      device->name(), device->threads()));
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("NETWORKS", arguments->networks,
                 "models, .cfg or .onnx files, or chains of layers as `striate conv` takes them")
      ->required();
  arguments->size.add_to(app);
  add_options(app, arguments->convention);
  app.add_option("--optimizer", arguments->optimizer.name, "whose memory training takes")
      ->capture_default_str();
  add_option(app, "time", arguments->time, "run each network and measure it");
  app.add_flag("--markdown", arguments->markdown, "print the table as Markdown");
  add_options(app, arguments->run);
  app.callback([arguments] { compare_command(*arguments); });
}

}  // namespace

void register_command_compare(CommandRegistry& registry);
void register_command_compare(CommandRegistry& registry) {
  registry.add({.name = "compare",
                .doc = "networks side by side: parameters, work, memory, what they see, time",
                .example = "striate compare \"32x32x8 -> 5x5x8\" \"32x32x8 -> 3x3x8 -> 3x3x8\"",
                .set_up = set_up});
}

}  // namespace striate
