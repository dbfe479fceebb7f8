// Training steps in images per second, and the memory they take, beside PyTorch's: the same
// network, batch and optimizer, on pictures that lie ready in memory. Each measurement is a process
// of its own; ours and the peer's take turns.

#include <array>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peers.h"
#include "training_step.h"

namespace striate::bench {
namespace {

using nlohmann::json;

// What training is to reach: how many times PyTorch's speed, and what share of its memory.
struct Target {
  TrainingJob job;
  double speed, memory;
};
const std::array<Target, 2> kTargets = {Target{{.model = "cnn", .batch = 256}, 2.0, 0.6},
                                        Target{{.model = "resnet20", .batch = 128}, 1.8, 0.6}};

struct Peer {
  std::string python, script;
};

json run_ours(const std::string& self, const TrainingJob& job) {
  return run_command(fmt::format("{} --model {} --batch {} --threads {} --seconds {} --json",
                                 quoted(self), job.model, job.batch, job.threads, job.seconds));
}

json run_peer(const Peer& peer, const TrainingJob& job, const std::string& memory_format) {
  return run_command(fmt::format("{} {} {} {} {} {} {} 2>/dev/null", peer.python,
                                 quoted(peer.script), job.model, job.batch, job.threads,
                                 job.seconds, memory_format));
}

json compare(const std::string& self, const Peer& peer, const Target& target, int threads,
             int rounds, double seconds) {
  TrainingJob job = target.job;
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
  TrainingJob job;
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
    fmt::print("{}\n", measure_training(job).dump());
    return 0;
  }
  has_pytorch(peer.python);
  json all = json::array();
  for (const Target& target : kTargets) {
    const json row = compare(own_path(), peer, target, job.threads, rounds, job.seconds);
    all.push_back(row);
    if (!as_json) print_row(row);
  }
  if (as_json) fmt::print("{}\n", json{{"training", all}}.dump(2));
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) { return striate::bench::run(argc, argv); }
