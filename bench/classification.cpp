// The classification networks beside ONNX Runtime and PyTorch: inference at batch 1 and 8 and
// training steps at batch 8, on the same random weights. Outputs are compared before times. Each
// measurement is a process of its own; ours and the peers' take turns.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peers.h"
#include "striate/striate.h"
#include "training_step.h"

namespace striate::bench {
namespace {

using nlohmann::json;

const std::vector<std::string> kModels{"alexnet",  "vgg16",    "googlenet",
                                       "resnet18", "resnet50", "densenet121"};
// What is asked: how many times the peer's speed, and what share of its memory at most.
constexpr double kOverOnnxRuntime = 1.3, kOverPytorch = 2.2, kTrainingOverPytorch = 2.2;
constexpr double kMemoryOfOnnxRuntime = 1.3, kTrainingMemoryOfPytorch = 0.6;
// The largest difference of outputs as a share of the largest output.
constexpr double kSame = 1e-4;

struct Settings {
  std::vector<std::string> models = kModels;
  std::vector<std::int64_t> batches{1, 8};
  int threads = 2;
  int rounds = 3;
  double seconds = 2;
  std::string python = "/usr/bin/python3", node = "node";
  bool json = false, inference = true, training = true;
};

// One network's inference in this process.
struct InferenceJob {
  std::string file, x, y;
  int threads = 2;
  double seconds = 2;
};

json measure_inference(const InferenceJob& job) {
  const Tensor x = load_npy(job.x);
  const double begin = now();
  OnnxModel model = load_onnx(job.file);
  const auto device = std::shared_ptr<const Device>(make_cpu_device(job.threads));
  const std::string input = model.graph.inputs.at(0).name;
  const auto plan = Plan::compile(model.graph, device, {{input, x.shape()}}, {});
  const auto weights = plan->prepare(model.weights);
  model.weights = {};  // what the runs need is kept
  Workspace workspace(plan);
  const Inputs inputs{{input, x.view()}};
  plan->forward(workspace, inputs, *weights);
  const double first = now() - begin;
  save_npy(job.y, workspace.fetch(model.graph.outputs.at(0)));
  std::vector<double> times;
  for (const double start = now(); now() - start < job.seconds || times.size() < 5;) {
    const double run = now();
    plan->forward(workspace, inputs, *weights);
    times.push_back(now() - run);
  }
  return {{"seconds", median(times)}, {"first_result", first}, {"peak_bytes", peak_bytes()}};
}

// Files for one network.
class Scene : public Folder {
 public:
  // model.onnx and model.pth with the same random weights, running statistics too.
  void write(const std::string& name) const {
    const ModelRow& row = models().find(name);
    const Graph training = row.build(row.natural);
    const Weights weights = random_weights(training, 5);
    save_pytorch(file("model.pth"), weights);
    OnnxModel model{.graph = inference_form(training), .weights = {}, .metadata = {}};
    for (const Parameter& parameter : model.graph.parameters) {
      model.weights[parameter.name] = weights.at(parameter.name);
    }
    save_onnx(file("model.onnx"), model);
  }
  void write_pictures(const std::string& name, std::int64_t batch) const {
    const ModelSize size = models().find(name).natural;
    save_npy(file("x.npy"),
             random_tensor({batch, size.channels, size.height, size.width}, "pictures"));
  }
};

std::vector<std::string> inference_sides(bool pytorch, bool onnxruntime) {
  std::vector<std::string> sides{"striate"};
  if (onnxruntime) sides.emplace_back("onnxruntime");
  if (pytorch) sides.insert(sides.end(), {"channels_last", "contiguous"});
  return sides;
}

std::string script(const char* name) { return quoted(STRIATE_SOURCE_DIR "/bench/") + name; }

std::string inference_line(const Settings& settings, const Scene& scene, const std::string& model,
                           const std::string& side) {
  const std::string x = quoted(scene.file("x.npy"));
  const std::string y = quoted(scene.file(side + ".npy"));
  if (side == "striate") {
    return fmt::format("{} --infer {} --x {} --y {} --threads {} --seconds {}", quoted(own_path()),
                       quoted(scene.file("model.onnx")), x, y, settings.threads, settings.seconds);
  }
  if (side == "onnxruntime") {
    return fmt::format("{} {} {} {} {} {} {}", settings.node,
                       script("classification_onnxruntime.js"), quoted(scene.file("model.onnx")), x,
                       y, settings.threads, settings.seconds);
  }
  return fmt::format("{} {} infer {} {} {} {} {} {} {}", settings.python,
                     script("classification_pytorch.py"), model, quoted(scene.file("model.pth")), x,
                     y, settings.threads, settings.seconds, side);
}

// The better of PyTorch's two layouts, as "pytorch".
void choose_layout(std::map<std::string, json>& sides) {
  for (const char* side : {"channels_last", "contiguous"}) {
    const auto found = sides.find(side);
    if (found == sides.end()) continue;
    json result = found->second;
    sides.erase(found);
    result["layout"] = side;
    const auto best = sides.find("pytorch");
    if (best == sides.end() || result["seconds"] < best->second["seconds"]) {
      sides["pytorch"] = result;
    }
  }
}

json ratios(json row, const std::map<std::string, json>& sides) {
  for (const auto& [side, result] : sides) {
    row[side] = result;
    if (side == "striate") continue;
    row[side]["speed"] =
        result["seconds"].get<double>() / sides.at("striate")["seconds"].get<double>();
    row[side]["memory"] =
        sides.at("striate")["peak_bytes"].get<double>() / result["peak_bytes"].get<double>();
  }
  return row;
}

json compare_inference(const Settings& settings, const Scene& scene, const std::string& model,
                       std::int64_t batch, const std::vector<std::string>& sides) {
  scene.write_pictures(model, batch);
  std::map<std::string, std::vector<json>> runs;
  for (int round = 0; round < settings.rounds; ++round) {
    for (const std::string& side : sides) {
      const std::string line = inference_line(settings, scene, model, side);
      const json result = run_command(line);
      if (!result.is_object()) fail<SystemError>("this measurement failed: {}", line);
      runs[side].push_back(result);
      if (round > 0 || side == "striate") continue;
      const double apart =
          difference(load_npy(scene.file(side + ".npy")), load_npy(scene.file("striate.npy")));
      if (!(apart <= kSame)) {
        fail<SystemError>("{}, batch {}: {} computes something else, by {:.2g} of the largest",
                          model, batch, side, apart);
      }
      runs[side].back()["difference"] = apart;
    }
  }
  std::map<std::string, json> results;
  for (const auto& [side, list] : runs) {
    json result = list[0];
    for (const char* key : {"seconds", "first_result", "peak_bytes"}) {
      if (result.contains(key)) result[key] = median_of(list, key);
    }
    results[side] = result;
  }
  choose_layout(results);
  return ratios({{"model", model}, {"batch", batch}}, results);
}

json compare_training(const Settings& settings, const std::string& model, std::int64_t batch,
                      bool pytorch) {
  std::map<std::string, std::vector<json>> runs;
  std::vector<std::string> sides{"striate"};
  if (pytorch) sides.insert(sides.end(), {"channels_last", "contiguous"});
  for (int round = 0; round < settings.rounds; ++round) {
    for (const std::string& side : sides) {
      const std::string line =
          side == "striate"
              ? fmt::format("{} --train {} --batch {} --threads {} --seconds {}",
                            quoted(own_path()), model, batch, settings.threads, settings.seconds)
              : fmt::format("{} {} train {} {} {} {} {}", settings.python,
                            script("classification_pytorch.py"), model, batch, settings.threads,
                            settings.seconds, side);
      const json result = run_command(line);
      if (!result.is_object()) fail<SystemError>("this measurement failed: {}", line);
      runs[side].push_back(result);
    }
  }
  std::map<std::string, json> results;
  for (const auto& [side, list] : runs) {
    results[side] = {{"seconds", static_cast<double>(batch) / median_of(list, "images_per_second")},
                     {"peak_bytes", median_of(list, "peak_bytes")}};
    if (list[0].contains("version")) {
      results[side]["version"] = list[0]["version"];
      results[side]["blas"] = list[0]["blas"];
    }
  }
  choose_layout(results);
  return ratios({{"model", model}, {"batch", batch}}, results);
}

void print_row(const json& row, const char* what) {
  const auto ms = [](const json& side) { return side["seconds"].get<double>() * 1e3; };
  const auto mib = [](const json& side) { return side["peak_bytes"].get<double>() / (1 << 20); };
  const json& ours = row["striate"];
  fmt::print("{:<12} {} batch {}: {:8.1f} ms {:6.0f} MiB", row["model"].get<std::string>(), what,
             row["batch"].get<int>(), ms(ours), mib(ours));
  if (ours.contains("first_result")) {
    fmt::print(" {:6.0f} ms to the first", ours["first_result"].get<double>() * 1e3);
  }
  for (const char* side : {"onnxruntime", "pytorch"}) {
    if (!row.contains(side)) continue;
    const json& other = row[side];
    fmt::print("; {} {:8.1f} ms x{:.2f} {:6.0f} MiB", side, ms(other), other["speed"].get<double>(),
               mib(other));
    if (other.contains("first_result")) {
      fmt::print(" {:6.0f} ms to the first", other["first_result"].get<double>() * 1e3);
    }
  }
  fmt::print("\n");
  std::fflush(stdout);
}

// The geometric mean of the speeds over one peer, and whether each row keeps to the memory.
struct Summary {
  std::vector<double> speeds;
  double worst_memory = 0, worst_start = 0;

  void add(const json& row, const char* side) {
    if (!row.contains(side)) return;
    speeds.push_back(row[side]["speed"].get<double>());
    worst_memory = std::max(worst_memory, row[side]["memory"].get<double>());
    if (!row[side].contains("first_result")) return;
    worst_start = std::max(worst_start, row["striate"]["first_result"].get<double>() /
                                            row[side]["first_result"].get<double>());
  }
};

void run_all(const Settings& settings) {
  const bool pytorch = has_pytorch(settings.python, "torch, torchvision");
  const bool onnxruntime = settings.inference && has_onnx_runtime(settings.node);
  const Scene scene;
  json inference = json::array();
  json training = json::array();
  Summary over_onnxruntime;
  Summary over_pytorch;
  Summary training_over_pytorch;
  const auto keep = [&](json row, json& list, const char* what) {
    if (!settings.json) print_row(row, what);
    list.push_back(std::move(row));
  };
  for (const std::string& model : settings.models) {
    if (settings.inference) {
      scene.write(model);
      for (const std::int64_t batch : settings.batches) {
        keep(
            compare_inference(settings, scene, model, batch, inference_sides(pytorch, onnxruntime)),
            inference, "runs,   ");
        over_onnxruntime.add(inference.back(), "onnxruntime");
        over_pytorch.add(inference.back(), "pytorch");
      }
    }
    if (settings.training) {
      keep(compare_training(settings, model, 8, pytorch), training, "trains, ");
      training_over_pytorch.add(training.back(), "pytorch");
    }
  }
  json result{{"threads", settings.threads}, {"inference", inference}, {"training", training}};
  const auto sum_up = [&](const char* key, const char* text, const Summary& summary, double speed,
                          double memory) {
    if (summary.speeds.empty()) return;
    const double mean = geometric_mean(summary.speeds);
    result[std::string("geometric_mean_") + key] = mean;
    result[std::string("slowest_") + key] =
        *std::min_element(summary.speeds.begin(), summary.speeds.end());
    result[std::string("most_memory_") + key] = summary.worst_memory;
    if (summary.worst_start > 0) {
      result[std::string("slowest_start_") + key] = summary.worst_start;
    }
    if (settings.json) return;
    fmt::print("{}: geometric mean x{:.2f} (asked: {}), slowest x{:.2f}, most memory {:.0f} %",
               text, mean, speed, *std::min_element(summary.speeds.begin(), summary.speeds.end()),
               summary.worst_memory * 100);
    if (memory > 0) fmt::print(" (asked: {:.0f} %)", memory * 100);
    if (summary.worst_start > 0) {
      fmt::print(", longest to the first result {:.0f} %", summary.worst_start * 100);
    }
    fmt::print("\n");
  };
  sum_up("vs_onnxruntime", "Inference beside ONNX Runtime", over_onnxruntime, kOverOnnxRuntime,
         kMemoryOfOnnxRuntime);
  sum_up("vs_pytorch", "Inference beside PyTorch", over_pytorch, kOverPytorch, 0);
  sum_up("training_vs_pytorch", "Training beside PyTorch", training_over_pytorch,
         kTrainingOverPytorch, kTrainingMemoryOfPytorch);
  if (settings.json) fmt::print("{}\n", result.dump(2));
}

int run(int argc, char** argv) {
  CLI::App app(
      "The classification networks beside ONNX Runtime (onnxruntime-node of npm) and PyTorch "
      "(Debian's python3-torch and python3-torchvision).");
  Settings settings;
  InferenceJob inference;
  TrainingJob training{.batch = 8, .optimizer = "sgd"};
  bool only_inference = false;
  bool only_training = false;
  app.add_flag("--json", settings.json, "one JSON object instead of a table");
  app.add_option("--models", settings.models, "which, with commas")->delimiter(',');
  app.add_option("--batches", settings.batches, "pictures at a time, with commas")->delimiter(',');
  app.add_option("--threads", settings.threads, "threads of either");
  app.add_option("--rounds", settings.rounds, "turns each takes")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", settings.seconds, "length of one measurement");
  app.add_flag("--inference", only_inference, "no training");
  app.add_flag("--training", only_training, "no inference");
  app.add_option("--python", settings.python, "the interpreter that has torch");
  app.add_option("--node", settings.node, "the interpreter that has onnxruntime-node");
  CLI::Option* infer = app.add_option("--infer", inference.file, "only measure this file, here");
  app.add_option("--x", inference.x, "pictures, with --infer");
  app.add_option("--y", inference.y, "where scores go, with --infer");
  CLI::Option* train =
      app.add_option("--train", training.model, "only measure steps of this, here");
  app.add_option("--batch", training.batch, "pictures in a step, with --train");
  CLI11_PARSE(app, argc, argv);
  inference.threads = training.threads = settings.threads;
  inference.seconds = training.seconds = settings.seconds;
  settings.inference = !only_training;
  settings.training = !only_inference;
  if (infer->count() > 0) {
    fmt::print("{}\n", measure_inference(inference).dump());
  } else if (train->count() > 0) {
    fmt::print("{}\n", measure_training(training).dump());
  } else {
    run_all(settings);
  }
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) {
  return striate::bench::guarded("bench_classification", striate::bench::run, argc, argv);
}
