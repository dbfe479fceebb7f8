// The lineage of detectors in one table: R-CNN, SPPNet, Fast R-CNN, Faster R-CNN and YOLO on the same
// pictures, from runs that were trained before: what each finds, and where a picture's time goes.

#include <filesystem>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "peers.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/data/registry.h"
#include "striate/draw/plot.h"
#include "striate/formats/safetensors.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/detection/score.h"

namespace striate::bench {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kLineage[] = {"rcnn", "sppnet", "fast_rcnn", "faster_rcnn", "yolo"};

struct Run {
  std::string runs;
  std::string data = "voc:data/bccd";
  std::int64_t regions = 2000;
  std::int64_t pictures = 8;
  std::shared_ptr<const Device> device;
};

// With so many regions instead of those it was trained with, where `regions` is above 0.
std::unique_ptr<Detector> open(const std::string& file, std::int64_t regions,
                               const std::shared_ptr<const Device>& device) {
  SafeTensors tensors = load_safetensors(file);
  ModelCard card = model_card(tensors.metadata, file);
  if (regions > 0) {
    DetectorNetwork network = read_detector_network(card.definition, file);
    network.regions = regions;
    card.definition = to_definition(network);
  }
  return detectors().find(card.model).make(std::move(card), std::move(tensors.tensors), device);
}

json shares(const DetectSeconds& seconds, double pictures) {
  return {
      {"regions", seconds.regions / pictures},
      {"features", seconds.features / pictures},
      {"classification", seconds.classification / pictures},
      {"suppression", seconds.suppression / pictures},
      {"all", (seconds.regions + seconds.features + seconds.classification + seconds.suppression) /
                  pictures}};
}

// Nothing where there is no such run.
json measure(const Run& run, const std::string& name, const Dataset& pictures) {
  const std::string file = (fs::path(run.runs) / name / "best.safetensors").string();
  if (!fs::exists(file)) {
    fmt::print(stderr,
               "{}: absent; striate train --config recipes/{}-bccd.toml --out {} makes it\n", file,
               name == "fast_rcnn"     ? "fast-rcnn"
               : name == "faster_rcnn" ? "faster-rcnn"
                                       : name,
               (fs::path(run.runs) / name).string());
    return {};
  }
  const auto detector = open(file, 0, run.device);
  detector->detect(pictures.get(0).picture);  // plans are compiled
  const DetectionRun found = detect_all(*detector, pictures, {.score = kLeastScored});
  const auto classes = static_cast<std::int64_t>(detector->card().classes.size());
  json row{{"detector", name},
           {"map50", mean_average_precision(found.found, found.truth, classes)},
           {"seconds", shares(found.seconds, static_cast<double>(pictures.size()))}};
  if (name != "rcnn" && name != "sppnet") return row;
  const auto many = open(file, run.regions, run.device);
  many->detect(pictures.get(0).picture);
  DetectSeconds sum;
  const std::int64_t some = std::min(run.pictures, pictures.size());
  std::int64_t regions = 0;
  for (std::int64_t i = 0; i < some; ++i) {
    const Found one = many->detect(pictures.get(i).picture);
    sum.features += one.seconds.features;
    regions += one.regions;
  }
  row["many"] = {{"regions", regions / some},
                 {"features", sum.features / static_cast<double>(some)}};
  return row;
}

void draw(const std::vector<json>& rows, const std::string& path) {
  draw::Plot plot{.title = "what each step bought",
                  .x_label = "mAP at 0.5, %",
                  .y_label = "milliseconds a picture",
                  .series = {},
                  .log_y = true};
  for (const json& row : rows) {
    plot.series.push_back({.name = row["detector"],
                           .y = {1e3 * row["seconds"]["all"].get<double>()},
                           .x = {100 * row["map50"].get<double>()},
                           .markers = true});
  }
  write_file(path, draw::draw_plot(plot).png());
}

int run(int argc, char** argv) {
  CLI::App app("The five detectors side by side, from trained runs.");
  bool as_json = false;
  int threads = 2;
  std::string plot;
  Run run;
  app.add_flag("--json", as_json, "one JSON object instead of a table");
  app.add_option("--runs", run.runs,
                 "folder of the runs rcnn, sppnet, fast_rcnn, faster_rcnn, yolo (striate train "
                 "--config recipes/…-bccd.toml --out RUNS/NAME)")
      ->required();
  app.add_option("--data", run.data, "the dataset whose test part is looked at");
  app.add_option("--regions", run.regions, "regions that R-CNN and SPPNet are compared at");
  app.add_option("--pictures", run.pictures, "pictures that this comparison takes");
  app.add_option("--threads", threads, "threads of each");
  app.add_option("--plot", plot, "PNG of time over mAP");
  CLI11_PARSE(app, argc, argv);
  if (run.regions < 1 || run.pictures < 1) {
    fail<InputError>("--regions and --pictures: expected 1 or more");
  }
  run.device = make_cpu_device(threads);
  const auto pictures = open_dataset(run.data, Split::test);
  if (pictures->size() == 0) fail<InputError>("{}: it has no test pictures", run.data);
  std::vector<json> rows;
  for (const char* name : kLineage) {
    json row = measure(run, name, *pictures);
    if (!row.is_null()) rows.push_back(std::move(row));
  }
  if (rows.empty()) fail<InputError>("{}: it holds none of the runs", run.runs);
  const bool begins = rows[0]["detector"] == "rcnn";
  json result{{"detectors", rows}};
  if (rows.size() > 1 && begins && rows[1].contains("many")) {
    result["features_ratio"] =
        rows[0]["many"]["features"].get<double>() / rows[1]["many"]["features"].get<double>();
  }
  if (!plot.empty()) draw(rows, plot);
  if (as_json) {
    fmt::print("{}\n", result.dump(2));
    return 0;
  }
  fmt::print("{:12} {:>9} {:>10} {:>10} {:>10} {:>12} {:>10} {:>9}\n", "detector", "mAP at 0.5",
             "regions", "features", "classes", "suppression", "all", "R-CNN's");
  for (const json& row : rows) {
    const json& s = row["seconds"];
    const auto ms = [&](const char* part) {
      return fmt::format("{:.1f} ms", 1e3 * s[part].get<double>());
    };
    fmt::print("{:12} {:>8.1f} % {:>10} {:>10} {:>10} {:>12} {:>10} {:>9}\n",
               row["detector"].get<std::string>(), 100 * row["map50"].get<double>(), ms("regions"),
               ms("features"), ms("classification"), ms("suppression"), ms("all"),
               begins ? fmt::format("x{:.1f}", rows[0]["seconds"]["all"].get<double>() /
                                                   s["all"].get<double>())
                      : "");
  }
  if (result.contains("features_ratio")) {
    fmt::print(
        "Features of {} regions: R-CNN {:.0f} ms, SPPNet {:.0f} ms, {:.1f} times faster.\n",
        rows[0]["many"]["regions"].get<int>(), 1e3 * rows[0]["many"]["features"].get<double>(),
        1e3 * rows[1]["many"]["features"].get<double>(), result["features_ratio"].get<double>());
  }
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) {
  return striate::bench::guarded("bench_detectors", striate::bench::run, argc, argv);
}
