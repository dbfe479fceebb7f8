#include "cli/common.h"
#include "cli/eval.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/data/registry.h"
#include "striate/draw/contact_sheet.h"
#include "striate/graph/rewrite.h"
#include "striate/tasks/classification/report.h"

namespace striate {
namespace {

// Counts by truth (rows) and prediction (columns), with the share of each class that was found.
std::string confusion_table(const ClassMetrics& metrics, const std::vector<std::string>& classes) {
  std::vector<Table::Column> columns{{"truth \\ prediction"}};
  for (const std::string& name : classes) {
    columns.push_back({shortened(name, 8), Table::Align::right});
  }
  columns.push_back({"recall", Table::Align::right});
  Table table(std::move(columns));
  for (std::int64_t truth = 0; truth < metrics.classes(); ++truth) {
    std::vector<std::string> cells{classes[static_cast<std::size_t>(truth)]};
    for (std::int64_t predicted = 0; predicted < metrics.classes(); ++predicted) {
      const std::int64_t count = metrics.confusion(truth, predicted);
      cells.push_back(count == 0 ? "." : std::to_string(count));
    }
    cells.push_back(percent(metrics.recall(truth)));
    table.add(std::move(cells));
  }
  return table.str();
}

Json confusion_json(const ClassMetrics& metrics) {
  Json rows = Json::array();
  for (std::int64_t truth = 0; truth < metrics.classes(); ++truth) {
    Json row = Json::array();
    for (std::int64_t predicted = 0; predicted < metrics.classes(); ++predicted) {
      row.push_back(metrics.confusion(truth, predicted));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void write_sheet(const Classifier& classifier, const Dataset& dataset, const std::string& path,
                 int count) {
  std::vector<Image> pictures;
  std::vector<std::int64_t> truths;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, dataset.size()); ++i) {
    Example example = dataset.get(i);
    pictures.push_back(std::move(example.picture));
    truths.push_back(example.label);
  }
  const auto guesses = classifier.classify(pictures, 1);
  std::vector<draw::Tile> tiles;
  int right = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Guess& guess = guesses[i][0];
    const bool good = guess.label == truths[i];
    right += good ? 1 : 0;
    tiles.push_back({.picture = std::move(pictures[i]),
                     .title = fmt::format("{} {:.0f} %", guess.name, 100 * guess.probability),
                     .subtitle = "is " + dataset.classes()[static_cast<std::size_t>(truths[i])],
                     .good = good});
  }
  const std::string heading =
      fmt::format("{}: {} of {} right", classifier.card().model, right, tiles.size());
  write_file(path, draw::contact_sheet(tiles, {.heading = heading}).png());
}

// "3x32x32 of 10 classes (airplane, automobile, bird, …)"
std::string form(std::int64_t channels, std::int64_t height, std::int64_t width,
                 const std::vector<std::string>& classes) {
  constexpr std::size_t kShown = 3;
  const auto shown = std::span(classes).first(std::min(kShown, classes.size()));
  return fmt::format("{}x{}x{} of {} classes ({}{})", channels, height, width, classes.size(),
                     fmt::join(shown, ", "), classes.size() > kShown ? ", …" : "");
}

// Weights from elsewhere carry no names: their classes are called by number.
bool named(const std::vector<std::string>& classes) {
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] != std::to_string(i)) return true;
  }
  return false;
}

// Pictures of any size can be brought to the network's; what they show must be what it tells apart.
void check_fit(const Dataset& dataset, const ModelCard& card, const std::string& data) {
  const std::vector<std::string>& classes = dataset.classes();
  const bool same = classes == card.classes || (classes.size() == card.classes.size() &&
                                                !(named(classes) && named(card.classes)));
  if (same) return;
  const Image picture = dataset.get(0).picture;
  fail<InputError>("{} does not fit {}: pictures of {}; expected {}", data, card.model,
                   form(picture.channels, picture.height, picture.width, classes),
                   form(card.preprocessing.channels, card.preprocessing.height,
                        card.preprocessing.width, card.classes));
}

}  // namespace

void eval_classifier(const EvalArguments& arguments) {
  const auto device = make_device(arguments.run);
  const Classifier classifier = arguments.source.open(device, arguments.data);
  const auto dataset =
      open_dataset(arguments.data, arguments.split == "test" ? Split::test : Split::train);
  const ModelCard& card = classifier.card();
  check_fit(*dataset, card, arguments.data);
  Preprocessing preprocessing = card.preprocessing;
  if (arguments.resize >= 0) preprocessing.resize = arguments.resize;
  check(preprocessing);
  check_crops(preprocessing, arguments.crops);
  const Program program(classifier.graph(), device);
  Progress progress("eval", dataset->size(), "images", arguments.run.json);
  const Evaluation result =
      evaluate(program, classifier.weights(), *dataset, preprocessing,
               {.batch = arguments.batch > 0 ? arguments.batch : 256,
                .crops = arguments.crops,
                .on_progress = [&](std::int64_t done) { progress.advance_to(done); },
                .cancel = &stop_when_interrupted()});
  progress.clear();
  if (!arguments.sheet.empty()) {
    write_sheet(classifier, *dataset, arguments.sheet, arguments.sheet_pictures);
  }
  if (!arguments.matrix.empty()) {
    write_file(arguments.matrix,
               confusion_picture(result.metrics, dataset->classes(), card.model).png());
  }
  const ClassMetrics& metrics = result.metrics;
  if (arguments.run.json) {
    print(Json{{"model", card.model},
               {"data", arguments.data},
               {"images", metrics.count()},
               {"top1", metrics.top1()},
               {"top5", metrics.top5()},
               {"loss", metrics.loss()},
               {"undefined", metrics.undefined()},
               {"seconds", result.seconds},
               {"images_per_second", result.images_per_second},
               {"classes", dataset->classes()},
               {"confusion", confusion_json(metrics)}});
    return;
  }
  if (metrics.classes() <= 20) print(confusion_table(metrics, dataset->classes()) + '\n');
  print(fmt::format("{} on {} ({}): top-1 {}, top-5 {}, loss {}; {} pictures in {}, {} images/s\n",
                    card.model, arguments.data, arguments.split, percent(metrics.top1()),
                    percent(metrics.top5()), decimal(metrics.loss()), grouped(metrics.count()),
                    duration(result.seconds), with_unit(result.images_per_second)));
  if (metrics.undefined() > 0) {
    print(
        fmt::format("{} pictures gave no number (NaN) and count as wrong\n", metrics.undefined()));
  }
  for (const std::string& written : {arguments.sheet, arguments.matrix}) {
    if (!written.empty()) print("wrote " + written + '\n');
  }
}

}  // namespace striate
