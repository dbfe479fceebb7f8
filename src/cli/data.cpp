#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/data/masks.h"
#include "striate/data/registry.h"
#include "striate/data/transforms.h"
#include "striate/draw/overlay.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string data;
  std::string split = "test";
  std::string to;
  std::string augment;
  std::int64_t count = 10;
  std::string unit = "characters";
  bool json = false;
};

void list_datasets(bool json) {
  std::string text;
  Json all = Json::array();
  for (const DatasetRow& row : datasets().rows()) {
    const std::string shape = row.open_sequences ? "sequences"
                              : row.height == 0
                                  ? "any size"
                                  : fmt::format("{}x{}x{}", row.channels, row.height, row.width);
    text += fmt::format("{:<14} {}, {}\n{:14} to get it: {}\n{:14} looked for in: {}\n\n", row.name,
                        shape, row.what, "", row.needs, "",
                        row.looks.empty() ? "what you give behind the colon"
                                          : fmt::format("{}", fmt::join(row.looks, ", ")));
    all.push_back({{"dataset", row.name},
                   {"shape", {row.channels, row.height, row.width}},
                   {"kind", row.open_sequences ? "sequences" : "pictures"},
                   {"what", row.what},
                   {"needs", row.needs},
                   {"looks", row.looks}});
  }
  std::string changes = "Random changes of training pictures:\n";
  Json all_changes = Json::array();
  for (const TransformRow& row : transforms()) {
    changes += fmt::format("{:<14} {}\n", row.name, row.what);
    all_changes.push_back({{"name", row.name}, {"what", row.what}, {"standard", row.standard}});
  }
  if (json) {
    print(Json{{"datasets", std::move(all)}, {"augment", std::move(all_changes)}});
  } else {
    print(text + "Name a dataset as NAME, or as NAME:PATH where it lies elsewhere.\n\n" + changes +
          "\nSeveral are written one behind another: striate train --augment crop:4,flip\n");
  }
}

// A class's name as part of a file's name.
std::string file_part(std::string name) {
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    if (!plain) c = '-';
  }
  return name;
}

Image changed(Image picture, const Arguments& arguments, std::int64_t index) {
  const Augmentation augment = Augmentation::parse(arguments.augment);
  const Preprocessing same{picture.channels, picture.height, picture.width, {}, {}};
  augment.apply(picture, same, {.seed = 1, .epoch = 1, .index = static_cast<std::uint64_t>(index)});
  return picture;
}

// How many sequences and steps there are, and of each class.
void count_sequences(const Arguments& arguments) {
  if (!arguments.to.empty() || !arguments.augment.empty()) {
    fail<InputError>("{}: it holds sequences: --export and --augment are for pictures",
                     arguments.data);
  }
  const auto dataset = open_sequences(
      arguments.data,
      {.split = arguments.split == "test" ? SequenceSplit::test : SequenceSplit::train,
       .unit = arguments.unit});
  const SequenceForm& form = dataset->form();
  std::vector<std::int64_t> counts(form.classes.size());
  std::int64_t steps = 0;
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    steps += dataset->length(i);
    if (!counts.empty()) ++counts[static_cast<std::size_t>(dataset->get(i, 0).label)];
  }
  if (arguments.json) {
    print(Json{{"dataset", arguments.data},
               {"split", arguments.split},
               {"sequences", dataset->size()},
               {"steps", steps},
               {"asked", std::string(name_of(form.asked))},
               {"symbols", form.symbols},
               {"features", form.features},
               {"classes", form.classes},
               {"counts", counts}});
    return;
  }
  const std::string of = form.symbols.empty()
                             ? fmt::format("{} numbers a step", form.features)
                             : fmt::format("{} different symbols",
                                           grouped(static_cast<std::int64_t>(form.symbols.size())));
  print(fmt::format("{} ({}): {} sequences, {} steps, of {}\n", arguments.data, arguments.split,
                    grouped(dataset->size()), grouped(steps), of));
  if (counts.empty()) return;
  Table table({{"label", Table::Align::right}, {"class"}, {"sequences", Table::Align::right}});
  for (std::size_t label = 0; label < counts.size(); ++label) {
    table.add({std::to_string(label), form.classes[label], grouped(counts[label])});
  }
  print('\n' + table.str());
}

// Pixels by class, and what counts each class as much as others.
void masked_data(const Arguments& arguments, const Dataset& dataset) {
  const std::vector<std::string>& classes = dataset.classes();
  const MaskCensus census = count_masks(dataset, Threads());
  const std::vector<double> weights = median_frequency_weights(census);
  std::vector<std::string> written;
  const auto palette = draw::class_palette(256);
  const Augmentation augment = Augmentation::parse(arguments.augment);
  for (std::int64_t i = 0; !arguments.to.empty() && i < arguments.count && i < dataset.size();
       ++i) {
    Example example = dataset.get(i);
    const Image& picture = example.picture;
    const Preprocessing same{picture.channels, picture.height, picture.width, {}, {}};
    augment.apply(example, same, {.seed = 1, .epoch = 1, .index = static_cast<std::uint64_t>(i)});
    const std::string stem = (fs::path(arguments.to) / fmt::format("{:05}", i)).string();
    write_file(stem + ".png", encode_png(picture));
    write_file(stem + "-mask.png", encode_png(example.mask, palette));
    written.insert(written.end(), {stem + ".png", stem + "-mask.png"});
  }
  if (arguments.json) {
    print(Json{{"dataset", arguments.data},
               {"split", arguments.split},
               {"images", dataset.size()},
               {"classes", classes},
               {"pixels", census.pixels},
               {"void_pixels", census.void_pixels},
               {"all_void", census.all_void.size()},
               {"median_frequency_weights", weights},
               {"notes", dataset.notes()},
               {"written", written}});
    return;
  }
  std::int64_t labelled = 0;
  for (const std::int64_t pixels : census.pixels) labelled += pixels;
  const auto share = [&](std::int64_t pixels) {
    return percent(labelled == 0 ? 0 : static_cast<double>(pixels) / static_cast<double>(labelled));
  };
  Table table({{"label", Table::Align::right},
               {"class"},
               {"pixels", Table::Align::right},
               {"share", Table::Align::right},
               {"median frequency weight", Table::Align::right}});
  for (std::size_t c = 0; c < classes.size(); ++c) {
    table.add({std::to_string(c), classes[c], grouped(census.pixels[c]), share(census.pixels[c]),
               decimal(weights[c])});
  }
  table.rule();
  table.add({"", "total", grouped(labelled), "", ""});
  print(fmt::format("{} ({}): {} pictures with masks, {} pixels void\n\n{}", arguments.data,
                    arguments.split, grouped(dataset.size()), grouped(census.void_pixels),
                    table.str()));
  for (const std::string& note : dataset.notes()) print('\n' + note + '\n');
  if (!census.all_void.empty()) {
    print(fmt::format("\n{} masks are void everywhere, the first is that of {}\n",
                      census.all_void.size(), dataset.name(census.all_void[0])));
  }
  if (!written.empty()) {
    print(fmt::format("\nwrote {} files into {}\n", written.size(), arguments.to));
  }
}

void data_command(const Arguments& arguments) {
  if (arguments.data.empty()) {
    list_datasets(arguments.json);
    return;
  }
  if (arguments.split != "test" && arguments.split != "train") {
    fail<InputError>("--split: expected test or train, got {}", arguments.split);
  }
  if (datasets().find(arguments.data.substr(0, arguments.data.find(':'))).open_sequences) {
    count_sequences(arguments);
    return;
  }
  const auto dataset =
      open_dataset(arguments.data, arguments.split == "test" ? Split::test : Split::train);
  const std::vector<std::string>& classes = dataset->classes();
  std::vector<std::int64_t> counts(classes.size());
  std::vector<std::string> written;
  if (!arguments.to.empty()) {
    std::error_code error;
    fs::create_directories(arguments.to, error);
    if (error) fail<SystemError>("{}: cannot be made: {}", arguments.to, error.message());
  }
  if (dataset->masked()) return masked_data(arguments, *dataset);
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    const bool wanted = !arguments.to.empty() && i < arguments.count;
    const Example example = dataset->get(i);
    const auto label = static_cast<std::size_t>(example.label);
    ++counts[label];
    if (!wanted) continue;
    const fs::path path =
        fs::path(arguments.to) / fmt::format("{:05}-{}.png", i, file_part(classes[label]));
    write_file(path, encode_png(changed(example.picture, arguments, i)));
    written.push_back(path.string());
  }
  if (arguments.json) {
    print(Json{{"dataset", arguments.data},
               {"split", arguments.split},
               {"images", dataset->size()},
               {"classes", classes},
               {"counts", counts},
               {"written", written}});
    return;
  }
  Table table({{"label", Table::Align::right}, {"class"}, {"pictures", Table::Align::right}});
  for (std::size_t label = 0; label < classes.size(); ++label) {
    table.add({std::to_string(label), classes[label], grouped(counts[label])});
  }
  table.rule();
  table.add({"", "total", grouped(dataset->size())});
  print(fmt::format("{} ({})\n\n{}", arguments.data, arguments.split, table.str()));
  if (!written.empty()) {
    print(fmt::format("\nwrote {} pictures into {}\n", written.size(), arguments.to));
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DATASET", arguments->data, "NAME or NAME:PATH; without it, all are listed");
  app.add_option("--split", arguments->split, "test or train")->capture_default_str();
  app.add_option("--export", arguments->to, "folder that the first pictures are written to as PNG");
  app.add_option("--count", arguments->count, "pictures to export")->capture_default_str();
  app.add_option("--augment", arguments->augment, "random changes to show on what is exported");
  app.add_option("--unit", arguments->unit, "texts: cut into characters or words")
      ->capture_default_str();
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { data_command(*arguments); });
}

}  // namespace

void register_command_data(CommandRegistry& registry);
void register_command_data(CommandRegistry& registry) {
  registry.add({.name = "data",
                .doc = "list datasets, count one's classes, export pictures",
                .example = "striate data fashion-mnist --export pictures --count 5",
                .set_up = set_up});
}

}  // namespace striate
