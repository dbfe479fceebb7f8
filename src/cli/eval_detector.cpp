#include <chrono>
#include <cmath>

#include "cli/common.h"
#include "cli/eval.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/data/registry.h"
#include "striate/draw/boxes.h"
#include "striate/draw/contact_sheet.h"
#include "striate/tasks/detection/score.h"

namespace striate {
namespace {

std::string percent_or_none(double share) { return std::isnan(share) ? "-" : percent(share); }
Json number_or_null(double share) { return std::isnan(share) ? Json() : Json(share); }

void write_sheet(const DetectionRun& run, const Dataset& dataset,
                 const std::vector<std::string>& classes, const std::string& path, int count) {
  constexpr double kShown = 0.25;
  std::vector<draw::Tile> tiles;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, dataset.size()); ++i) {
    std::vector<Detection> found = run.found[static_cast<std::size_t>(i)];
    std::erase_if(found, [](const Detection& one) { return one.score < kShown; });
    const std::size_t there = run.truth[static_cast<std::size_t>(i)].size();
    tiles.push_back({.picture = draw::boxes(dataset.get(i).picture, found, classes),
                     .title = fmt::format("{} of {}", found.size(), there),
                     .subtitle = std::filesystem::path(dataset.name(i)).filename().string()});
  }
  write_file(path, draw::contact_sheet(tiles, {.marks = false}).png());
}

}  // namespace

void eval_detector(const EvalArguments& arguments) {
  if (arguments.crops != 1 || arguments.resize >= 0 || !arguments.matrix.empty()) {
    fail<InputError>("--resize, --crops, --matrix: these are for networks that name classes");
  }
  const Split split = arguments.split == "train" ? Split::train
                      : arguments.split == "val" ? Split::validation
                                                 : Split::test;
  const auto dataset = open_dataset(arguments.data, split);
  if (!dataset->boxed()) {
    fail<InputError>("{}: its pictures have no objects in boxes", arguments.data);
  }
  const auto detector =
      arguments.source.open_detector(make_device(arguments.run), dataset->classes());
  const std::vector<std::string>& classes = detector->card().classes;
  Progress progress("eval", dataset->size(), "images", arguments.run.json);
  const auto begin = std::chrono::steady_clock::now();
  const DetectionRun run =
      detect_all(*detector, *dataset, {.score = kLeastScored, .cancel = &stop_when_interrupted()},
                 [&](std::int64_t done) { progress.advance_to(done); });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  progress.clear();
  const auto count = static_cast<std::int64_t>(classes.size());
  const Score score = score_detections(run.found, run.truth, count);
  const CocoSummary coco = coco_summary(run.found, run.truth, count);
  if (!arguments.sheet.empty()) {
    write_sheet(run, *dataset, classes, arguments.sheet, arguments.sheet_pictures);
  }
  const double each = 1e3 / static_cast<double>(std::max<std::int64_t>(dataset->size(), 1));
  const DetectSeconds& parts = run.seconds;
  if (arguments.run.json) {
    Json rows = Json::array();
    for (std::size_t c = 0; c < classes.size(); ++c) {
      rows.push_back({{"class", classes[c]},
                      {"objects", score.classes[c].objects},
                      {"ap50", number_or_null(score.classes[c].average_precision)}});
    }
    print(Json{{"model", detector->card().model},
               {"data", arguments.data},
               {"images", dataset->size()},
               {"map50", number_or_null(score.mean_average_precision)},
               {"map", number_or_null(coco.ap)},
               {"map75", number_or_null(coco.ap75)},
               {"classes", std::move(rows)},
               {"milliseconds_per_image",
                {{"regions", each * parts.regions},
                 {"features", each * parts.features},
                 {"classification", each * parts.classification},
                 {"suppression", each * parts.suppression}}},
               {"seconds", seconds},
               {"notes", dataset->notes()}});
    return;
  }
  for (const std::string& note : dataset->notes()) print(note + '\n');
  Table table({{"class"}, {"objects", Table::Align::right}, {"AP at 0.5", Table::Align::right}});
  for (std::size_t c = 0; c < classes.size(); ++c) {
    table.add({classes[c], grouped(score.classes[c].objects),
               percent_or_none(score.classes[c].average_precision)});
  }
  table.rule();
  table.add({"mean", "", percent_or_none(score.mean_average_precision)});
  print(table.str());
  print(fmt::format(
      "\n{} on {} ({}): mAP {} at 0.5 (area under the curve), {} at 0.5 to 0.95 (COCO); {} "
      "pictures "
      "in {}; a picture {:.1f} ms: regions {:.1f}, features {:.1f}, classification {:.1f}, "
      "suppression {:.2f}\n",
      detector->card().model, arguments.data, arguments.split,
      percent_or_none(score.mean_average_precision), percent_or_none(coco.ap),
      grouped(dataset->size()), duration(seconds),
      each * (parts.regions + parts.features + parts.classification + parts.suppression),
      each * parts.regions, each * parts.features, each * parts.classification,
      each * parts.suppression));
  if (!arguments.sheet.empty()) print("wrote " + arguments.sheet + '\n');
}

}  // namespace striate
