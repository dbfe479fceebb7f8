// Training steps in images per second, and the memory they take, beside PyTorch's: the same
// network, batch and optimizer, on pictures that lie ready in memory. Each measurement is a process
// of its own; ours and the peer's take turns.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "striate/base/random.h"
#include "striate/models/registry.h"
#include "striate/nn/builder.h"
#include "striate/nn/initialize.h"
#include "striate/train/optimizer.h"

namespace striate::bench {
namespace {

using nlohmann::json;

struct Job {
  std::string model = "cnn";
  std::int64_t batch = 256;
  int threads = 2;
  double seconds = 6;
};

// What training is to reach: how many times PyTorch's speed, and what share of its memory.
struct Target {
  Job job;
  double speed, memory;
};
const std::array<Target, 2> kTargets = {Target{{.model = "cnn", .batch = 256}, 2.0, 0.6},
                                        Target{{.model = "resnet20", .batch = 128}, 1.8, 0.6}};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

// Eight batches of pictures and labels, over and over.
constexpr std::int64_t kBatches = 8;

json measure(const Job& job) {
  const ModelSize size = models().find(job.model).natural;
  const Graph graph = with_classification_loss(models().find(job.model).build(size));
  const Program program(graph, make_cpu_device(job.threads), {.differentiate = {"loss"}});
  Weights weights = initialize(graph, 1);
  const Shape shape{job.batch, size.channels, size.height, size.width};
  std::vector<Tensor> pictures;
  std::vector<Tensor> labels;
  Random random({.seed = 1, .purpose = purpose_of("bench"), .step = 0}, 0);
  for (std::int64_t b = 0; b < kBatches; ++b) {
    pictures.emplace_back(DType::f32, shape);
    float* values = pictures.back().data<float>();
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      values[i] = static_cast<float>(random.uniform(-1, 1));
    }
    labels.emplace_back(DType::i64, Shape{job.batch});
    for (std::int64_t i = 0; i < job.batch; ++i) {
      labels.back().data<std::int64_t>()[i] =
          static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(size.classes)));
    }
  }
  const auto plan = program.plan({{"input", shape}, {"labels", {job.batch}}});
  Workspace workspace(plan);
  Optimizer optimizer({.name = "adam"});
  std::uint64_t step = 0;
  const auto run_step = [&] {
    const auto b = static_cast<std::size_t>(step % kBatches);
    const Inputs inputs{{"input", pictures[b].view()}, {"labels", labels[b].view()}};
    const RunKey key{.seed = 1, .step = ++step};
    plan->forward(workspace, inputs, weights, key);
    plan->backward(workspace, inputs, weights, key);
    optimizer.step(*program.device(), graph, weights, workspace, 1e-3);
    plan->update_state(workspace, weights);
  };
  for (int i = 0; i < 3; ++i) run_step();
  std::vector<double> times;
  for (const double begin = now(); now() - begin < job.seconds || times.size() < 5;) {
    const double start = now();
    run_step();
    times.push_back(now() - start);
  }
  return {{"images_per_second", static_cast<double>(job.batch) / median(times)},
          {"peak_bytes", peak_bytes()},
          {"workspace_bytes", plan->workspace_bytes()},
          {"loss", *workspace.fetch("loss").data<float>()}};
}

// The last line a command prints, as JSON; null where it fails.
json run_command(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return nullptr;
  std::string line;
  std::string last;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    last = line;
    line.clear();
  }
  if (pclose(pipe) != 0) return nullptr;
  return json::parse(last, nullptr, false);
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

struct Peer {
  std::string python, script;
};

json run_ours(const std::string& self, const Job& job) {
  return run_command(fmt::format("{} --model {} --batch {} --threads {} --seconds {} --json",
                                 quoted(self), job.model, job.batch, job.threads, job.seconds));
}

json run_peer(const Peer& peer, const Job& job, const std::string& memory_format) {
  return run_command(fmt::format("{} {} {} {} {} {} {} 2>/dev/null", peer.python,
                                 quoted(peer.script), job.model, job.batch, job.threads,
                                 job.seconds, memory_format));
}

double median_of(const std::vector<json>& runs, const char* key) {
  std::vector<double> values;
  for (const json& run : runs) values.push_back(run.at(key).get<double>());
  return median(values);
}

json compare(const std::string& self, const Peer& peer, const Target& target, int threads,
             int rounds, double seconds) {
  Job job = target.job;
  job.threads = threads;
  job.seconds = seconds;
  std::map<std::string, std::vector<json>> theirs;
  std::vector<json> ours;
  for (int round = 0; round < rounds; ++round) {
    ours.push_back(run_ours(self, job));
    if (ours.back().is_null())
      throw std::runtime_error("the measurement of " + job.model + " failed");
    for (const char* format : {"channels_last", "contiguous"}) {
      const json run = run_peer(peer, job, format);
      if (!run.is_object()) continue;
      theirs[format].push_back(run);
    }
  }
  json row{{"model", job.model},
           {"batch", job.batch},
           {"threads", job.threads},
           {"images_per_second", median_of(ours, "images_per_second")},
           {"peak_bytes", median_of(ours, "peak_bytes")}};
  for (const auto& [format, runs] : theirs) {
    const double rate = median_of(runs, "images_per_second");
    if (row.contains("pytorch") && row["pytorch"]["images_per_second"].get<double>() >= rate) {
      continue;
    }
    row["pytorch"] = {{"memory_format", format},
                      {"images_per_second", rate},
                      {"peak_bytes", median_of(runs, "peak_bytes")},
                      {"version", runs[0].at("version")},
                      {"blas", runs[0].at("blas")}};
    row["speed"] = row["images_per_second"].get<double>() / rate;
    row["memory"] = row["peak_bytes"].get<double>() / median_of(runs, "peak_bytes");
    row["meets"] =
        row["speed"].get<double>() >= target.speed && row["memory"].get<double>() <= target.memory;
  }
  return row;
}

void print_row(const json& row) {
  const auto mib = [](const json& bytes) { return bytes.get<double>() / (1 << 20); };
  fmt::print("{:<9} batch {:>3}, {} threads: {:7.0f} images/s, {:5.0f} MiB",
             row["model"].get<std::string>(), row["batch"].get<int>(), row["threads"].get<int>(),
             row["images_per_second"].get<double>(), mib(row["peak_bytes"]));
  if (row.contains("pytorch")) {
    const json& other = row["pytorch"];
    fmt::print(
        "; PyTorch {} ({}, {}): {:7.0f} images/s, {:5.0f} MiB; speed x{:.2f}, memory {:.0f} %{}",
        other["version"].get<std::string>(), other["memory_format"].get<std::string>(),
        other["blas"].get<std::string>(), other["images_per_second"].get<double>(),
        mib(other["peak_bytes"]), row["speed"].get<double>(), row["memory"].get<double>() * 100,
        row["meets"].get<bool>() ? "" : "  (short of its target)");
  }
  fmt::print("\n");
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  CLI::App app("Training steps beside PyTorch's (Debian's python3-torch).");
  bool as_json = false;
  Job job;
  int rounds = 3;
  Peer peer{.python = "/usr/bin/python3",
            .script = STRIATE_SOURCE_DIR "/bench/training_pytorch.py"};
  app.add_flag("--json", as_json, "one JSON object instead of a table");
  CLI::Option* one = app.add_option("--model", job.model, "only measure this, without the peer");
  app.add_option("--batch", job.batch, "pictures in a step, with --model");
  app.add_option("--threads", job.threads, "threads of either");
  app.add_option("--seconds", job.seconds, "length of one measurement");
  app.add_option("--rounds", rounds, "turns each takes");
  app.add_option("--python", peer.python, "the interpreter that has torch");
  CLI11_PARSE(app, argc, argv);
  if (one->count() > 0) {
    fmt::print("{}\n", measure(job).dump());
    return 0;
  }
  if (run_command(peer.python + " -c 'import torch; print(1)' 2>/dev/null").is_null()) {
    fmt::print(stderr,
               "PyTorch is left out: {} cannot import torch (apt install python3-torch "
               "libopenblas0-pthread)\n",
               peer.python);
  }
  json all = json::array();
  for (const Target& target : kTargets) {
    const json row = compare(std::filesystem::read_symlink("/proc/self/exe").string(), peer, target,
                             job.threads, rounds, job.seconds);
    all.push_back(row);
    if (!as_json) print_row(row);
  }
  if (as_json) fmt::print("{}\n", json{{"training", all}}.dump(2));
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) { return striate::bench::run(argc, argv); }
