#include <cmath>

#include "cli/common.h"
#include "cli/eval.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/data/registry.h"
#include "striate/draw/contact_sheet.h"
#include "striate/draw/matrix.h"
#include "striate/draw/overlay.h"

namespace striate {
namespace {

// NaN as a dash: a class that neither truth nor network has.
std::string percent_or_none(double share) { return std::isnan(share) ? "-" : percent(share); }
Json number_or_null(double share) { return std::isnan(share) ? Json() : Json(share); }

void write_matrix(const PixelMetrics& metrics, const std::vector<std::string>& classes,
                  const std::string& title, const std::string& path) {
  draw::Matrix matrix{.title = title, .rows = classes, .columns = classes};
  for (std::int64_t truth = 0; truth < metrics.classes(); ++truth) {
    for (std::int64_t predicted = 0; predicted < metrics.classes(); ++predicted) {
      matrix.counts.push_back(metrics.confusion(truth, predicted));
    }
  }
  write_file(path, draw::draw_matrix(matrix).png());
}

void write_sheet(const Segmenter& segmenter, const Dataset& dataset, const std::string& path,
                 int count) {
  std::vector<draw::Tile> tiles;
  const std::vector<std::string>& classes = segmenter.card().classes;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, dataset.size()); ++i) {
    const Example example = dataset.get(i);
    const Segmentation found = segmenter.segment(example.picture);
    PixelMetrics metrics(static_cast<std::int64_t>(classes.size()));
    metrics.add(found.mask.pixels, example.mask.pixels);
    tiles.push_back(
        {.picture = draw::overlay(example.picture, found.mask, classes, {.legend = false}),
         .title = "pixels " + percent(metrics.pixel_accuracy()),
         .subtitle = std::filesystem::path(dataset.name(i)).filename().string()});
  }
  write_file(path, draw::contact_sheet(tiles, {.marks = false}).png());
}

Json metrics_json(const PixelMetrics& metrics, const std::vector<std::string>& classes) {
  Json rows = Json::array();
  for (std::int64_t c = 0; c < metrics.classes(); ++c) {
    rows.push_back({{"class", classes[static_cast<std::size_t>(c)]},
                    {"iou", number_or_null(metrics.iou(c))},
                    {"accuracy", number_or_null(metrics.accuracy(c))}});
  }
  return {{"images", metrics.masks()},
          {"pixels", metrics.pixels()},
          {"void_pixels", metrics.void_pixels()},
          {"all_void", metrics.all_void()},
          {"pixel_accuracy", metrics.pixel_accuracy()},
          {"mean_accuracy", metrics.mean_accuracy()},
          {"mean_iou", metrics.mean_iou()},
          {"frequency_weighted_iou", metrics.frequency_weighted_iou()},
          {"classes", std::move(rows)}};
}

void check_fit(const Dataset& dataset, const ModelCard& card, const std::string& data) {
  if (!dataset.masked()) {
    fail<InputError>("{}: its pictures have a class each, {} is for pictures with masks", data,
                     card.model);
  }
  if (dataset.classes().size() == card.classes.size()) return;
  fail<InputError>("{} does not fit {}: {} classes, expected {}", data, card.model,
                   dataset.classes().size(), card.classes.size());
}

}  // namespace

void eval_segmenter(const EvalArguments& arguments) {
  if (arguments.crops != 1 || arguments.resize >= 0) {
    fail<InputError>("--resize, --crops: pictures for segmentation are taken as they are");
  }
  const auto device = make_device(arguments.run);
  const Segmenter segmenter = arguments.source.open_segmenter(device);
  const ModelCard& card = segmenter.card();
  const Split split = arguments.split == "train" ? Split::train
                      : arguments.split == "val" ? Split::validation
                                                 : Split::test;
  const auto dataset = open_dataset(arguments.data, split);
  check_fit(*dataset, card, arguments.data);
  Progress progress("eval", dataset->size(), "images", arguments.run.json);
  const PixelEvaluation result = evaluate(
      segmenter, *dataset, [&](std::int64_t done) { progress.advance_to(done); },
      &stop_when_interrupted());
  progress.clear();
  const PixelMetrics& metrics = result.metrics;
  if (!arguments.matrix.empty()) {
    write_matrix(metrics, card.classes, card.model, arguments.matrix);
  }
  if (!arguments.sheet.empty()) {
    write_sheet(segmenter, *dataset, arguments.sheet, arguments.sheet_pictures);
  }
  const double rate = static_cast<double>(metrics.masks()) / result.seconds;
  if (arguments.run.json) {
    Json json{{"model", card.model}, {"data", arguments.data}, {"loss", result.loss}};
    json.update(metrics_json(metrics, card.classes));
    json["seconds"] = result.seconds;
    json["images_per_second"] = rate;
    json["notes"] = dataset->notes();
    print(json);
    return;
  }
  for (const std::string& note : dataset->notes()) print(note + '\n');
  Table table({{"class"}, {"IoU", Table::Align::right}, {"accuracy", Table::Align::right}});
  for (std::int64_t c = 0; c < metrics.classes(); ++c) {
    table.add({card.classes[static_cast<std::size_t>(c)], percent_or_none(metrics.iou(c)),
               percent_or_none(metrics.accuracy(c))});
  }
  table.rule();
  table.add({"mean", percent(metrics.mean_iou()), percent(metrics.mean_accuracy())});
  print(table.str());
  print(fmt::format(
      "\n{} on {} ({}): mean IoU {}, pixels {}, frequency-weighted IoU {}, loss {}; {} pictures in "
      "{}, {} images/s\n",
      card.model, arguments.data, arguments.split, percent(metrics.mean_iou()),
      percent(metrics.pixel_accuracy()), percent(metrics.frequency_weighted_iou()),
      decimal(result.loss), grouped(metrics.masks()), duration(result.seconds), with_unit(rate)));
  if (metrics.all_void() > 0) {
    print(fmt::format("{} masks are void everywhere and count nothing, the first is {}\n",
                      metrics.all_void(), result.all_void[0]));
  }
  for (const std::string& written : {arguments.sheet, arguments.matrix}) {
    if (!written.empty()) print("wrote " + written + '\n');
  }
}

}  // namespace striate
