#include <algorithm>
#include <cctype>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/draw/contact_sheet.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ClassifierSource source;
  std::vector<std::string> images;
  int top = 5;
  std::string sheet;
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

// The pictures in a folder and below it, in order of their names.
std::vector<std::string> pictures_in(const fs::path& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string ending = entry.path().extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    const bool picture = ending == ".png" || ending == ".jpg" || ending == ".jpeg";
    if (picture && entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  if (paths.empty()) fail<InputError>("{}: expected PNG or JPEG files in it", folder.string());
  std::sort(paths.begin(), paths.end());
  return paths;
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

void predict_command(const Arguments& arguments) {
  constexpr std::size_t kBatch = 32;  // pictures in memory at once
  const Classifier classifier = arguments.source.open(make_device(arguments.run));
  std::vector<std::string> paths;
  bool folders = false;
  for (const std::string& path : arguments.images) {
    if (!fs::is_directory(path)) {
      paths.push_back(path);
      continue;
    }
    folders = true;
    for (std::string& found : pictures_in(path)) paths.push_back(std::move(found));
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
