// fcn_resnet50 on one picture of 520x520 beside torchvision's, with the same weights: outputs are
// compared first, then each is timed in a process of its own, in turns. And IoU over 1,000 masks.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peers.h"
#include "striate/base/random.h"
#include "striate/formats/npy.h"
#include "striate/formats/pytorch.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/models/registry.h"
#include "striate/nn/initialize.h"
#include "striate/nn/load.h"
#include "striate/train/pixel_metrics.h"

namespace striate::bench {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Job {
  std::string model = "fcn_resnet50";
  std::int64_t side = 520;
  int threads = 2;
  double seconds = 12;
};

constexpr double kTargetSpeed = 1.8;
constexpr double kTargetMetrics = 1.0;  // seconds for 1,000 masks of 480x360
constexpr double kAlike = 1e-3;         // largest difference as a share of the largest score

Graph built(const Job& job) {
  ModelSize size = models().find(job.model).natural;
  size.height = size.width = job.side;
  return models().find(job.model).build(size);
}

Tensor picture(const Job& job) {
  return random_tensor({1, 3, job.side, job.side}, "picture", -2, 2);
}

json measure(const Job& job, const std::string& weights_file, const std::string& out) {
  const Graph training = built(job);
  const Graph graph = inference_form(training);
  const Weights all = load_pytorch(weights_file);
  Weights wanted;
  for (const Parameter& parameter : graph.parameters) {
    wanted[parameter.name] = all.at(parameter.name);
  }
  const Weights weights = pick_weights(graph, wanted, weights_file);
  const Program program(graph, make_cpu_device(job.threads));
  const Tensor x = picture(job);
  const auto plan = program.plan({{"input", x.shape()}});
  const auto prepared = plan->prepare(weights);
  Workspace workspace(plan);
  std::vector<double> times;
  for (const double begin = now(); now() - begin < job.seconds || times.size() < 5;) {
    const double start = now();
    plan->forward(workspace, {{"input", x.view()}}, *prepared);
    times.push_back(now() - start);
  }
  save_npy(out, workspace.fetch("logits"));
  return {{"seconds", median(times)}};
}

json compare(const Job& job, const std::string& self, const std::string& python, int rounds) {
  const Folder folder;
  const auto file = [&](const char* name) { return folder.file(name); };
  save_pytorch(file("weights.pth"), random_weights(built(job), 1));
  save_npy(file("picture.npy"), picture(job));
  json row{{"model", job.model}, {"side", job.side}, {"threads", job.threads}};
  std::vector<double> ours;
  std::map<std::string, std::vector<double>> theirs;
  for (int round = 0; round < rounds; ++round) {
    const json own = run_command(
        fmt::format("{} --model {} --side {} --threads {} --seconds {} --weights {} --out {}",
                    quoted(self), job.model, job.side, job.threads, job.seconds,
                    quoted(file("weights.pth")), quoted(file("ours.npy"))));
    if (!own.is_object()) throw std::runtime_error("the measurement of " + job.model + " failed");
    ours.push_back(own.at("seconds").get<double>());
    for (const char* format : {"channels_last", "contiguous"}) {
      const json peer = run_command(
          fmt::format("{} {} {} {} {} {} {} {} {} 2>/dev/null", python,
                      quoted(STRIATE_SOURCE_DIR "/bench/segmentation_pytorch.py"), job.model,
                      job.threads, job.seconds, format, quoted(file("weights.pth")),
                      quoted(file("picture.npy")), quoted(file("theirs.npy"))));
      if (!peer.is_object()) continue;
      if (round == 0) {
        const double apart = difference(load_npy(file("ours.npy")), load_npy(file("theirs.npy")));
        row["difference"] = std::max(apart, row.value("difference", 0.0));
        if (!(apart < kAlike)) {
          throw std::runtime_error(
              fmt::format("the outputs differ by {:.2g} of the largest", apart));
        }
      }
      theirs[format].push_back(peer.at("seconds").get<double>());
      row["version"] = peer.at("version");
      row["blas"] = peer.at("blas");
    }
  }
  row["seconds"] = median(ours);
  for (const auto& [format, times] : theirs) {
    const double seconds = median(times);
    if (row.contains("torchvision") && row["torchvision"].get<double>() <= seconds) continue;
    row["torchvision"] = seconds;
    row["memory_format"] = format;
    row["speed"] = seconds / row["seconds"].get<double>();
    row["meets"] = row["speed"].get<double>() >= kTargetSpeed;
  }
  return row;
}

// Mean and frequency-weighted IoU of 1,000 pairs of masks of 480x360 of 11 classes: areas with
// borders of noise, as a network's are.
json measure_metrics() {
  constexpr std::int64_t kMasks = 1000;
  constexpr std::int64_t kDifferent = 20;
  constexpr int kWidth = 480;
  constexpr int kHeight = 360;
  std::vector<std::vector<std::uint8_t>> truth;
  std::vector<std::vector<std::uint8_t>> predicted;
  for (std::int64_t i = 0; i < kDifferent; ++i) {
    Random random({.seed = 2, .purpose = purpose_of("masks")}, static_cast<std::uint64_t>(i));
    std::vector<std::uint8_t> t;
    std::vector<std::uint8_t> p;
    while (t.size() < kWidth * kHeight) {
      const std::uint32_t run = 1 + random.below(60);
      const auto label = static_cast<std::uint8_t>(random.below(20) == 0 ? 255 : random.below(11));
      for (std::uint32_t k = 0; k < run && t.size() < kWidth * kHeight; ++k) {
        t.push_back(label);
        const bool other = k < 2 || label == 255;
        p.push_back(static_cast<std::uint8_t>(other ? random.below(11) : label));
      }
    }
    truth.push_back(std::move(t));
    predicted.push_back(std::move(p));
  }
  std::vector<double> times;
  double mean = 0;
  double weighted = 0;
  for (int turn = 0; turn < 5; ++turn) {
    const double start = now();
    PixelMetrics metrics(11);
    for (std::int64_t i = 0; i < kMasks; ++i) {
      const auto which = static_cast<std::size_t>(i % kDifferent);
      metrics.add(predicted[which], truth[which]);
    }
    mean = metrics.mean_iou();
    weighted = metrics.frequency_weighted_iou();
    times.push_back(now() - start);
  }
  return {{"masks", kMasks},
          {"seconds", median(times)},
          {"mean_iou", mean},
          {"frequency_weighted_iou", weighted},
          {"meets", median(times) < kTargetMetrics}};
}

std::string mark(const json& row) {
  return row.value("meets", true) ? "" : "  (short of its target)";
}

int run(int argc, char** argv) {
  CLI::App app("Segmentation beside torchvision's (Debian's python3-torchvision).");
  bool as_json = false;
  Job job;
  int rounds = 3;
  std::string python = "/usr/bin/python3";
  std::string weights;
  std::string out;
  app.add_flag("--json", as_json, "one JSON object instead of a table");
  app.add_option("--model", job.model, "fcn_resnet50 or fcn_resnet101");
  app.add_option("--side", job.side, "of the picture");
  app.add_option("--threads", job.threads, "threads of either");
  app.add_option("--seconds", job.seconds, "length of one measurement");
  app.add_option("--rounds", rounds, "turns each takes");
  app.add_option("--python", python, "the interpreter that has torchvision");
  CLI::Option* alone = app.add_option("--weights", weights, "only measure this file's network");
  app.add_option("--out", out, "where its scores go, with --weights")->needs(alone);
  CLI11_PARSE(app, argc, argv);
  if (alone->count() > 0) {
    fmt::print("{}\n", measure(job, weights, out).dump());
    return 0;
  }
  has_pytorch(python, "torchvision");
  const json network = compare(job, own_path(), python, rounds);
  const json metrics = measure_metrics();
  if (as_json) {
    fmt::print("{}\n", json{{"segmentation", network}, {"metrics", metrics}}.dump(2));
    return 0;
  }
  fmt::print("{} {}x{}, {} threads: {:.0f} ms", job.model, job.side, job.side, job.threads,
             1e3 * network["seconds"].get<double>());
  if (network.contains("torchvision")) {
    fmt::print(
        "; torchvision on PyTorch {} ({}, {}): {:.0f} ms; speed x{:.2f}, outputs within "
        "{:.1g} of the largest{}",
        network["version"].get<std::string>(), network["memory_format"].get<std::string>(),
        network["blas"].get<std::string>(), 1e3 * network["torchvision"].get<double>(),
        network["speed"].get<double>(), network["difference"].get<double>(), mark(network));
  }
  fmt::print("\nmean and frequency-weighted IoU of {} masks of 480x360: {:.0f} ms{}\n",
             metrics["masks"].get<int>(), 1e3 * metrics["seconds"].get<double>(), mark(metrics));
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) {
  return striate::bench::guarded("bench_segmentation", striate::bench::run, argc, argv);
}
