// Two recurrent layers, one upon another, beside PyTorch and ONNX Runtime: inference and training
// steps of the same weights on the same input. Outputs are compared before times. Each measurement
// is a process of its own; ours and the peers' take turns. And one step at batch 1, a live stream,
// beside the time it takes to read the weights once.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peers.h"
#include "striate/striate.h"
#include "striate/train/optimizer.h"

namespace striate::bench {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// What is asked: how many times the peer's speed, and how many times the time to read the weights.
constexpr double kOverPytorch = 3, kOverOnnxRuntime = 1.2, kOverReading = 2;
// The largest difference of outputs; they are at most 1.
constexpr double kSame = 1e-5;

struct Size {
  std::int64_t hidden, batch, steps;
};
constexpr std::array<Size, 3> kSizes = {Size{200, 20, 20}, Size{650, 20, 35}, Size{128, 100, 28}};
const std::vector<std::string> kCells{"rnn", "lstm", "gru"};

struct Settings {
  std::vector<std::string> cells = kCells;
  std::vector<std::int64_t> hidden{200, 650, 128};
  int threads = 2;
  int rounds = 3;
  double seconds = 0.7;
  std::string python = "/usr/bin/python3", node = "node";
  bool json = false;
};

RecurrentCell cell_of(const std::string& name) {
  return name == "rnn"    ? RecurrentCell::rnn
         : name == "lstm" ? RecurrentCell::lstm
                          : RecurrentCell::gru;
}

Graph network(const std::string& cell, const Size& size) {
  Builder b(cell);
  const Value x = b.input("input", {size.steps, size.batch, size.hidden});
  return b.finish(
      recurrent(b, "layers", x,
                {.cell = cell_of(cell), .hidden = size.hidden, .layers = 2, .biases = 2}),
      "output");
}

template <class Run>
double seconds_of(const Run& run, double seconds) {
  for (int i = 0; i < 3; ++i) run();
  std::vector<double> times;
  for (const double start = now(); now() - start < seconds || times.size() < 5;) {
    const double before = now();
    run();
    times.push_back(now() - before);
  }
  return median(times);
}

double training_seconds(const Graph& graph, const Weights& first,
                        const std::shared_ptr<const Device>& device, const Tensor& x,
                        double seconds) {
  Weights weights = first.clone();
  const auto plan = Plan::compile(graph, device, {}, {.differentiate = {"output"}});
  Workspace workspace(plan);
  Optimizer optimizer({.name = "sgd"});
  const Tensor slopes = random_tensor(infer_shapes(graph).at("output").shape, "slopes");
  const Inputs inputs{{"input", x.view()}};
  const Inputs gradient{{"output", slopes.view()}};
  return seconds_of(
      [&] {
        plan->forward(workspace, inputs, weights);
        plan->backward(workspace, inputs, weights, RunKey{}, gradient);
        optimizer.step(*device, graph, weights, workspace, 1e-6);
      },
      seconds);
}

// How long all threads take to read the weights once, from wherever they lie after the last time.
double reading_seconds(const Weights& weights, int threads, double seconds) {
  const Threads workers(threads);
  std::vector<std::pair<const std::uint64_t*, std::int64_t>> pieces;
  for (const auto& [name, tensor] : weights) {
    constexpr std::int64_t kPiece = 16384;
    const auto* words = reinterpret_cast<const std::uint64_t*>(tensor.data<float>());
    const std::int64_t count = tensor.elements() / 2;
    for (std::int64_t begin = 0; begin < count; begin += kPiece) {
      pieces.emplace_back(words + begin, std::min(kPiece, count - begin));
    }
  }
  std::vector<std::uint64_t> sums(pieces.size());
  const double result = seconds_of(
      [&] {
        const auto half = static_cast<std::int64_t>((pieces.size() + 1) / 2);
        workers.run(2, [&](std::int64_t part) {
          for (std::int64_t i = part * half;
               i <
               std::min<std::int64_t>((part + 1) * half, static_cast<std::int64_t>(pieces.size()));
               ++i) {
            const auto& [words, count] = pieces[static_cast<std::size_t>(i)];
            std::uint64_t sum = 0;
            for (std::int64_t k = 0; k < count; ++k) sum += words[k];
            sums[static_cast<std::size_t>(i)] += sum;
          }
        });
      },
      seconds);
  return result;
}

double stream_seconds(const std::string& cell, const Size& size, const Weights& weights,
                      const std::shared_ptr<const Device>& device, double seconds) {
  const Graph graph = network(cell, {size.hidden, 1, 1});
  const auto plan = Plan::compile(graph, device, {}, {});
  const auto prepared = plan->prepare(weights);
  Workspace workspace(plan);
  const Tensor x = random_tensor({1, 1, size.hidden}, "step");
  const Inputs inputs{{"input", x.view()}};
  return seconds_of([&] { plan->forward(workspace, inputs, *prepared); }, seconds);
}

// Files of one network, and our side of its measurements.
class Scene : public Folder {
 public:
  Scene(std::string cell, const Size& size) : cell_(std::move(cell)), size_(size) {
    OnnxModel model{.graph = network(cell_, size_), .weights = {}, .metadata = {}};
    model.weights = initialize(model.graph, 5);
    save_onnx(file("model.onnx"), model);
    save_pytorch(file("model.pth"), model.weights);
    save_npy(file("x.npy"), random_tensor({size.steps, size.batch, size.hidden}, "input"));
  }

 private:
  std::string cell_;
  Size size_;
};

json measure(const std::string& cell, const Size& size, const std::string& y, int threads,
             double seconds) {
  const std::shared_ptr<const Device> device = make_cpu_device(threads);
  const Graph graph = network(cell, size);
  const Weights weights = initialize(graph, 5);
  const Tensor x = random_tensor({size.steps, size.batch, size.hidden}, "input");
  const auto plan = Plan::compile(graph, device, {}, {});
  const auto prepared = plan->prepare(weights);
  Workspace workspace(plan);
  const Inputs inputs{{"input", x.view()}};
  plan->forward(workspace, inputs, *prepared);
  if (!y.empty()) save_npy(y, workspace.fetch("output"));
  return {{"inference", seconds_of([&] { plan->forward(workspace, inputs, *prepared); }, seconds)},
          {"training", training_seconds(graph, weights, device, x, seconds)},
          {"step", stream_seconds(cell, size, weights, device, seconds / 3)},
          {"reading", reading_seconds(weights, threads, seconds / 3)}};
}

double difference(const Tensor& a, const Tensor& b) {
  if (a.elements() != b.elements()) return INFINITY;
  double most = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a.data<float>()[i]) -
                                   static_cast<double>(b.data<float>()[i])));
  }
  return most;
}

std::string line_of(const Settings& settings, const Scene& scene, const std::string& side,
                    const std::string& cell, const Size& size) {
  const std::string y = quoted(scene.file(side + ".npy"));
  if (side == "striate") {
    return fmt::format("{} --measure {} --hidden {} --y {} --threads {} --seconds {}",
                       quoted(own_path()), cell, size.hidden, y, settings.threads,
                       settings.seconds);
  }
  const std::string x = quoted(scene.file("x.npy"));
  if (side == "onnxruntime") {
    return fmt::format("{} {} {} {} {} {} {}", settings.node,
                       quoted(STRIATE_SOURCE_DIR "/bench/classification_onnxruntime.js"),
                       quoted(scene.file("model.onnx")), x, y, settings.threads, settings.seconds);
  }
  return fmt::format("{} {} {} {} {} {} {} {} {}", settings.python,
                     quoted(STRIATE_SOURCE_DIR "/bench/sequences_pytorch.py"), cell, size.hidden,
                     quoted(scene.file("model.pth")), x, y, settings.threads, settings.seconds);
}

json compare(const Settings& settings, const std::string& cell, const Size& size,
             const std::vector<std::string>& sides) {
  const Scene scene(cell, size);
  std::map<std::string, std::vector<json>> runs;
  for (int round = 0; round < settings.rounds; ++round) {
    for (const std::string& side : sides) {
      const std::string line = line_of(settings, scene, side, cell, size);
      json result = run_command(line);
      if (!result.is_object()) fail<SystemError>("this measurement failed: {}", line);
      if (side == "onnxruntime") result["inference"] = result["seconds"];
      runs[side].push_back(result);
      if (round > 0 || side == "striate") continue;
      const double apart =
          difference(load_npy(scene.file(side + ".npy")), load_npy(scene.file("striate.npy")));
      if (!(apart <= kSame)) {
        fail<SystemError>("{} {}: {} computes something else, by {:.2g}", cell, size.hidden, side,
                          apart);
      }
      runs[side].back()["difference"] = apart;
    }
  }
  json row{{"cell", cell}, {"hidden", size.hidden}, {"batch", size.batch}, {"steps", size.steps}};
  for (const auto& [side, list] : runs) {
    json result = list[0];
    for (const char* key : {"inference", "training", "step", "reading"}) {
      if (result.contains(key)) result[key] = median_of(list, key);
    }
    row[side] = result;
  }
  const json& ours = row["striate"];
  row["step_over_reading"] = ours["step"].get<double>() / ours["reading"].get<double>();
  for (const std::string& side : sides) {
    if (side == "striate") continue;
    for (const char* key : {"inference", "training"}) {
      if (!row[side].contains(key)) continue;
      row[side][std::string(key) + "_speed"] =
          row[side][key].get<double>() / ours[key].get<double>();
    }
  }
  // Multiply-adds of both layers, counted twice; the way back costs twice the way there.
  const double gates = cell == "rnn" ? 1 : cell == "lstm" ? 4 : 3;
  const auto h = static_cast<double>(size.hidden);
  const double operations =
      2 * 2 * static_cast<double>(size.steps * size.batch) * gates * h * 2 * h;
  row["inference_gflops"] = operations / ours["inference"].get<double>() / 1e9;
  row["training_gflops"] = 3 * operations / ours["training"].get<double>() / 1e9;
  return row;
}

void print_row(const json& row) {
  const json& ours = row["striate"];
  const auto ms = [](const json& seconds) { return seconds.get<double>() * 1e3; };
  fmt::print(
      "{:<4} {:>3} batch {:>3} steps {:>2}: runs {:7.2f} ms {:4.0f} GFLOP/s, trains {:7.2f} ms "
      "{:4.0f}",
      row["cell"].get<std::string>(), row["hidden"].get<int>(), row["batch"].get<int>(),
      row["steps"].get<int>(), ms(ours["inference"]), row["inference_gflops"].get<double>(),
      ms(ours["training"]), row["training_gflops"].get<double>());
  if (row.contains("pytorch")) {
    const json& peer = row["pytorch"];
    fmt::print("; PyTorch {} ({}) {:7.2f} ms x{:.2f}, {:7.2f} ms x{:.2f}",
               peer["version"].get<std::string>(), peer["blas"].get<std::string>(),
               ms(peer["inference"]), peer["inference_speed"].get<double>(), ms(peer["training"]),
               peer["training_speed"].get<double>());
  }
  if (row.contains("onnxruntime")) {
    const json& peer = row["onnxruntime"];
    fmt::print("; ONNX Runtime {} {:7.2f} ms x{:.2f}", peer["version"].get<std::string>(),
               ms(peer["inference"]), peer["inference_speed"].get<double>());
  }
  fmt::print("; one step {:.1f} us, x{:.2f} of reading the weights\n",
             ours["step"].get<double>() * 1e6, row["step_over_reading"].get<double>());
  std::fflush(stdout);
}

void run_all(const Settings& settings) {
  std::vector<std::string> sides{"striate"};
  if (has_pytorch(settings.python)) sides.emplace_back("pytorch");
  if (has_onnx_runtime(settings.node)) sides.emplace_back("onnxruntime");
  json all = json::array();
  std::map<std::string, std::vector<double>> speeds;
  double slowest_step = 0;
  for (const Size& size : kSizes) {
    if (std::find(settings.hidden.begin(), settings.hidden.end(), size.hidden) ==
        settings.hidden.end()) {
      continue;
    }
    for (const std::string& cell : settings.cells) {
      const json row = compare(settings, cell, size, sides);
      if (!settings.json) print_row(row);
      for (const std::string& side : sides) {
        for (const char* key : {"inference", "training"}) {
          const std::string speed = std::string(key) + "_speed";
          if (row[side].contains(speed)) speeds[side + " " + key].push_back(row[side][speed]);
        }
      }
      slowest_step = std::max(slowest_step, row["step_over_reading"].get<double>());
      all.push_back(row);
    }
  }
  json result{{"sequences", all}};
  for (const auto& [what, list] : speeds) {
    const double least = *std::min_element(list.begin(), list.end());
    result["slowest"][what] = least;
    if (settings.json) continue;
    fmt::print("{}: geometric mean x{:.2f}, slowest x{:.2f} (asked: {})\n", what,
               geometric_mean(list), least,
               what.starts_with("pytorch") ? kOverPytorch : kOverOnnxRuntime);
  }
  if (settings.json) {
    fmt::print("{}\n", result.dump(2));
  } else {
    fmt::print("one step: at most x{:.2f} of reading the weights (asked: {})\n", slowest_step,
               kOverReading);
  }
}

int run(int argc, char** argv) {
  CLI::App app(
      "Two recurrent layers beside PyTorch (Debian's python3-torch) and ONNX Runtime "
      "(onnxruntime-node of npm).");
  Settings settings;
  std::string cell;
  std::string y;
  app.add_flag("--json", settings.json, "one JSON object instead of a table");
  app.add_option("--cells", settings.cells, "rnn, lstm, gru: which, with commas")->delimiter(',');
  app.add_option("--hidden", settings.hidden, "200, 650, 128: which, with commas")->delimiter(',');
  app.add_option("--threads", settings.threads, "threads of either");
  app.add_option("--rounds", settings.rounds, "turns each takes")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", settings.seconds, "length of one measurement");
  app.add_option("--python", settings.python, "the interpreter that has torch");
  app.add_option("--node", settings.node, "the interpreter that has onnxruntime-node");
  CLI::Option* one = app.add_option("--measure", cell, "only measure this cell, here");
  app.add_option("--y", y, "where outputs go, with --measure");
  CLI11_PARSE(app, argc, argv);
  if (one->count() == 0) {
    run_all(settings);
    return 0;
  }
  for (const Size& size : kSizes) {
    if (size.hidden != settings.hidden.at(0)) continue;
    fmt::print("{}\n", measure(cell, size, y, settings.threads, settings.seconds).dump());
  }
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) {
  return striate::bench::guarded("bench_sequences", striate::bench::run, argc, argv);
}
