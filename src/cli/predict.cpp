#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/draw/contact_sheet.h"

namespace striate {
namespace {

struct Arguments {
  ClassifierSource source;
  std::vector<std::string> images;
  int top = 5;
  std::string sheet;
  DeviceOptions run;
};

Json guesses_json(const std::string& path, const std::vector<Guess>& guesses) {
  Json top = Json::array();
  for (const Guess& guess : guesses) {
    top.push_back(
        {{"class", guess.name}, {"label", guess.label}, {"probability", guess.probability}});
  }
  return {{"image", path}, {"top", std::move(top)}};
}

void predict_command(const Arguments& arguments) {
  const Classifier classifier = arguments.source.open(make_device(arguments.run));
  std::vector<Image> pictures;
  for (const std::string& path : arguments.images) pictures.push_back(read_image(path));
  const auto guesses = classifier.classify(pictures, arguments.top);
  if (!arguments.sheet.empty()) {
    std::vector<draw::Tile> tiles;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const Guess& best = guesses[i][0];
      tiles.push_back({.picture = pictures[i],
                       .title = fmt::format("{} {:.0f} %", best.name, 100 * best.probability),
                       .subtitle = std::filesystem::path(arguments.images[i]).filename()});
    }
    write_file(arguments.sheet, draw::contact_sheet(tiles, {.marks = false}).png());
  }
  if (arguments.run.json) {
    Json all = Json::array();
    for (std::size_t i = 0; i < guesses.size(); ++i) {
      all.push_back(guesses_json(arguments.images[i], guesses[i]));
    }
    print(Json{{"model", classifier.card().model}, {"predictions", std::move(all)}});
    return;
  }
  std::vector<Table::Column> columns{{"image"}};
  for (std::size_t rank = 1; rank <= guesses[0].size(); ++rank) {
    columns.push_back({std::to_string(rank)});
    columns.push_back({"", Table::Align::right});
  }
  Table table(std::move(columns));
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    std::vector<std::string> cells{arguments.images[i]};
    for (const Guess& guess : guesses[i]) {
      cells.push_back(guess.name);
      cells.push_back(fmt::format("{:.1f} %", 100 * guess.probability));
    }
    table.add(std::move(cells));
  }
  print(table.str());
  if (!arguments.sheet.empty()) print("wrote " + arguments.sheet + '\n');
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app);
  app.add_option("IMAGE", arguments->images, "PNG or JPEG files")->required();
  app.add_option("--top", arguments->top, "classes to name")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--sheet", arguments->sheet, "PNG of the pictures with their prediction");
  add_options(app, arguments->run);
  app.callback([arguments] { predict_command(*arguments); });
}

}  // namespace

void register_command_predict(CommandRegistry& registry);
void register_command_predict(CommandRegistry& registry) {
  registry.add({.name = "predict",
                .doc = "name what is on pictures",
                .example = "striate predict runs/first/best.safetensors boot.png shirt.jpg",
                .set_up = set_up});
}

}  // namespace striate
