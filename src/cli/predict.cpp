#include <algorithm>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/draw/contact_sheet.h"
#include "striate/tasks/classification/heatmap.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ClassifierSource source;
  std::vector<std::string> images;
  int top = 5;
  std::string sheet;
  std::string heatmap;
  std::string of_class;
  bool csv = false;
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

// RFC 4180: quoted where it must be.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void print_csv(const std::vector<std::string>& paths,
               const std::vector<std::vector<Guess>>& guesses) {
  std::string text = "image";
  for (std::size_t rank = 1; rank <= guesses[0].size(); ++rank) {
    text += fmt::format(",class_{},probability_{}", rank, rank);
  }
  text += '\n';
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    text += csv_cell(paths[i]);
    for (const Guess& guess : guesses[i]) {
      text += fmt::format(",{},{:.6f}", csv_cell(guess.name), guess.probability);
    }
    text += '\n';
  }
  print(text);
}

void print_table(const std::vector<std::string>& paths,
                 const std::vector<std::vector<Guess>>& guesses) {
  std::vector<Table::Column> columns{{"image"}};
  for (std::size_t rank = 1; rank <= guesses[0].size(); ++rank) {
    columns.push_back({std::to_string(rank)});
    columns.push_back({"", Table::Align::right});
  }
  Table table(std::move(columns));
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    std::vector<std::string> cells{paths[i]};
    for (const Guess& guess : guesses[i]) {
      cells.push_back(guess.name);
      cells.push_back(fmt::format("{:.1f} %", 100 * guess.probability));
    }
    table.add(std::move(cells));
  }
  print(table.str());
}

// The classifier at every place of one picture.
void heatmap_command(const Arguments& arguments, const Classifier& classifier,
                     const std::shared_ptr<const Device>& device) {
  if (arguments.images.size() != 1 || fs::is_directory(arguments.images[0])) {
    fail<InputError>(
        "--heatmap: expected one picture, got {}",
        arguments.images.size() != 1 ? std::to_string(arguments.images.size()) : "a folder");
  }
  const std::vector<std::string>& classes = classifier.card().classes;
  const std::string& path = arguments.images[0];
  const Image picture = read_image(path);
  const Heatmap map = heatmap(classifier, device, picture, path);
  std::int64_t label = strongest(map);
  if (!arguments.of_class.empty()) {
    const auto found = std::find(classes.begin(), classes.end(), arguments.of_class);
    if (found == classes.end()) {
      fail<InputError>("--class: {} has no class {}{}", classifier.card().model, arguments.of_class,
                       suggestion(arguments.of_class, classes));
    }
    label = found - classes.begin();
  }
  const std::string& name = classes[static_cast<std::size_t>(label)];
  const Shape& shape = map.probabilities.shape();
  const float* values = map.probabilities.data<float>() + label * shape[1] * shape[2];
  const double most = double{*std::max_element(values, values + shape[1] * shape[2])};
  write_file(arguments.heatmap,
             encode_png(heatmap_picture(map, picture, label,
                                        fmt::format("{}, at most {:.1f} %", name, 100 * most))));
  if (arguments.run.json) {
    Json rows = Json::array();
    for (std::int64_t row = 0; row < shape[1]; ++row) {
      rows.push_back(std::vector<float>(values + row * shape[2], values + (row + 1) * shape[2]));
    }
    print(Json{{"model", classifier.card().model},
               {"image", path},
               {"class", name},
               {"largest", most},
               {"window", {map.window_height, map.window_width}},
               {"step", {map.step_y, map.step_x}},
               {"probabilities", std::move(rows)},
               {"heatmap", arguments.heatmap}});
    return;
  }
  print(fmt::format("wrote {}: {} at {}x{} windows of {}x{} pixels, at most {:.1f} %\n",
                    arguments.heatmap, name, shape[1], shape[2], map.window_height,
                    map.window_width, 100 * most));
}

void predict_command(const Arguments& arguments) {
  constexpr std::size_t kBatch = 32;  // pictures in memory at once
  const auto device = make_device(arguments.run);
  const Classifier classifier = arguments.source.open(device);
  if (!arguments.heatmap.empty()) return heatmap_command(arguments, classifier, device);
  if (!arguments.of_class.empty()) fail<InputError>("--class: it is for --heatmap");
  std::vector<std::string> paths;
  bool folders = false;
  for (const std::string& path : arguments.images) {
    if (!fs::is_directory(path)) {
      paths.push_back(path);
      continue;
    }
    folders = true;
    for (std::string& found : pictures_below(path)) paths.push_back(std::move(found));
  }
  std::vector<std::vector<Guess>> guesses;
  std::vector<draw::Tile> tiles;
  {
    Progress progress("predict", static_cast<std::int64_t>(paths.size()), "images");
    for (std::size_t begin = 0; begin < paths.size(); begin += kBatch) {
      std::vector<Image> pictures;
      for (std::size_t i = begin; i < std::min(begin + kBatch, paths.size()); ++i) {
        pictures.push_back(read_image(paths[i]));
      }
      for (auto& list : classifier.classify(pictures, arguments.top)) {
        guesses.push_back(std::move(list));
      }
      for (std::size_t i = 0; i < pictures.size() && !arguments.sheet.empty(); ++i) {
        const Guess& best = guesses[begin + i][0];
        tiles.push_back({.picture = std::move(pictures[i]),
                         .title = fmt::format("{} {:.0f} %", best.name, 100 * best.probability),
                         .subtitle = fs::path(paths[begin + i]).filename()});
      }
      progress.advance_to(static_cast<std::int64_t>(guesses.size()));
    }
  }
  if (!arguments.sheet.empty()) {
    write_file(arguments.sheet, draw::contact_sheet(tiles, {.marks = false}).png());
  }
  if (arguments.run.json) {
    Json all = Json::array();
    for (std::size_t i = 0; i < guesses.size(); ++i) {
      all.push_back(guesses_json(paths[i], guesses[i]));
    }
    print(Json{{"model", classifier.card().model}, {"predictions", std::move(all)}});
  } else if (folders || arguments.csv) {
    print_csv(paths, guesses);
  } else {
    print_table(paths, guesses);
    if (!arguments.sheet.empty()) print("wrote " + arguments.sheet + '\n');
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app);
  app.add_option("IMAGE", arguments->images,
                 "PNG or JPEG files, or folders of them, for which CSV is printed")
      ->required();
  app.add_flag("--csv", arguments->csv, "print CSV for files too");
  app.add_option("--top", arguments->top, "classes to name")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--heatmap", arguments->heatmap,
                 "PNG of one picture, tinted by a class's probability at each place: the network "
                 "with its dense layers as convolutions");
  app.add_option("--class", arguments->of_class,
                 "the class of the heat map; the strongest where none is given");
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
