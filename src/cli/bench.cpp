#include "cli/command.h"
#include "cli/common.h"
#include "cli/network_options.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/threads.h"
#include "striate/tasks/benchmark.h"

namespace striate {
namespace {

struct Arguments {
  std::string model;
  SizeOptions size;
  BenchmarkOptions options;
  DeviceOptions run;
};

std::string milliseconds(double seconds) { return fmt::format("{:.3f}", 1e3 * seconds); }

std::string layer_table(const Benchmark& result, bool training) {
  std::vector<Table::Column> columns{{"layer"}, {"operator"}, {"ms", Table::Align::right}};
  if (training) columns.push_back({"backward", Table::Align::right});
  for (const char* title : {"of all", "GFLOP/s", "of peak", "bytes"}) {
    columns.push_back({title, Table::Align::right});
  }
  Table table(std::move(columns));
  double total = 0;
  for (const LayerTime& layer : result.layers) total += layer.seconds();
  for (const LayerTime& layer : result.layers) {
    std::vector<std::string> cells{layer.name, layer.op, milliseconds(layer.forward)};
    if (training) cells.push_back(milliseconds(layer.backward));
    cells.push_back(fmt::format("{:.1f} %", 100 * layer.seconds() / total));
    cells.push_back(layer.macs == 0 ? "" : fmt::format("{:.1f}", layer.rate()));
    cells.push_back(layer.macs == 0 ? ""
                                    : fmt::format("{:.0f} %", 100 * layer.rate() / result.peak));
    cells.push_back(with_unit(static_cast<double>(layer.bytes)));
    table.add(std::move(cells));
  }
  return table.str();
}

Json to_json(const Benchmark& result, const Arguments& arguments, const InputSize& size,
             const BenchmarkOptions& options, int threads) {
  Json json{{"model", arguments.model},
            {"input", {options.batch, size.model.channels, size.model.height, size.model.width}},
            {"training", options.training},
            {"threads", threads},
            {"runs", result.runs},
            {"seconds", result.seconds},
            {"images_per_second", result.images_per_second},
            {"macs", result.macs},
            {"gflops", result.rate()},
            {"peak_gflops", result.peak},
            {"share_of_peak", result.rate() / result.peak},
            {"workspace_bytes", result.workspace_bytes}};
  if (options.training) json["optimizer_seconds"] = result.optimizer;
  if (!options.layers) return json;
  json["layers"] = Json::array();
  for (const LayerTime& layer : result.layers) {
    Json row{{"name", layer.name}, {"op", layer.op}, {"seconds", layer.forward}};
    if (options.training) row["backward_seconds"] = layer.backward;
    row.update({{"macs", layer.macs},
                {"gflops", layer.rate()},
                {"share_of_peak", layer.rate() / result.peak},
                {"bytes", layer.bytes}});
    json["layers"].push_back(std::move(row));
  }
  return json;
}

void bench_command(const Arguments& arguments) {
  const auto device = make_device(arguments.run);
  const ModelRow row = find_network(arguments.model).row;
  const InputSize size = arguments.size.size_for(row.natural);
  if (size.model.channels == 0) {
    fail<InputError>("{}: expected a network that takes pictures", arguments.model);
  }
  BenchmarkOptions options = arguments.options;
  if (options.batch == 0) options.batch = size.batch;
  const Threads threads(arguments.run.threads);
  options.threads = threads.count();
  options.cancel = &stop_when_interrupted();
  const Benchmark result = benchmark(row, size.model, device, options);
  if (arguments.run.json) {
    print(to_json(result, arguments, size, options, threads.count()));
    return;
  }
  if (options.layers) print(layer_table(result, options.training) + '\n');
  print(fmt::format("{}, {} {}x{}x{}x{} on {} thread{}: {} a {}, {} images/s (median of {})\n",
                    arguments.model, options.training ? "training" : "inference", options.batch,
                    size.model.channels, size.model.height, size.model.width, threads.count(),
                    threads.count() == 1 ? "" : "s", duration(result.seconds),
                    options.training ? "step" : "run", with_unit(result.images_per_second),
                    result.runs));
  print(fmt::format(
      "{} multiply-adds: {:.1f} GFLOP/s, {:.0f} % of the {:.0f} that multiply-adds in registers "
      "alone reach; {}B of workspace{}\n",
      with_unit(static_cast<double>(result.macs)), result.rate(), 100 * result.rate() / result.peak,
      result.peak, with_unit(static_cast<double>(result.workspace_bytes)),
      options.training
          ? fmt::format("; {} of the step are the optimizer's", duration(result.optimizer))
          : ""));
  print(std::string(
            "Operations are those of the plain algorithm; Winograd's does fewer, so that it ") +
        "may pass the peak.\n");
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->options.batch = 0;
  app.add_option("MODEL", arguments->model, "a model that `striate models` lists, or a .cfg file")
      ->required();
  arguments->size.add_to(app);
  app.add_option("--batch", arguments->options.batch, "pictures at a time; 1 where none is given")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 16));
  app.add_flag("--train", arguments->options.training, "steps of training instead of inference");
  app.add_flag("--layers", arguments->options.layers, "every layer by itself too");
  app.add_option("--seconds", arguments->options.seconds, "to measure for, at least")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  add_options(app, arguments->run);
  app.callback([arguments] { bench_command(*arguments); });
}

}  // namespace

void register_command_bench(CommandRegistry& registry);
void register_command_bench(CommandRegistry& registry) {
  registry.add({.name = "bench",
                .doc = "measure a network's speed, layer by layer",
                .example = "striate bench resnet18 --batch 8 --layers",
                .set_up = set_up});
}

}  // namespace striate
