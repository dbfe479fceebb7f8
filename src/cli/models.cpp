#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/graph/summary.h"

namespace striate {
namespace {

void models_command(bool json) {
  Table table({{"model"},
               {"input"},
               {"classes", Table::Align::right},
               {"parameters", Table::Align::right},
               {"multiply-adds", Table::Align::right},
               {"what"}});
  Json all = Json::array();
  for (const ModelRow& row : models().rows()) {
    const Summary summary = summarize(row.build(row.natural));
    const std::string input =
        row.natural.channels == 0
            ? "sequence"
            : fmt::format("{}x{}x{}", row.natural.channels, row.natural.height, row.natural.width);
    table.add({row.name, input, std::to_string(row.natural.classes), grouped(summary.parameters),
               grouped(summary.macs), row.doc});
    all.push_back({{"model", row.name},
                   {"input", {row.natural.channels, row.natural.height, row.natural.width}},
                   {"classes", row.natural.classes},
                   {"parameters", summary.parameters},
                   {"macs", summary.macs},
                   {"doc", row.doc}});
  }
  if (json) {
    print(Json{{"models", std::move(all)}});
  } else {
    print(table.str());
  }
}

void set_up(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "print JSON for programs");
  app.callback([json] { models_command(*json); });
}

}  // namespace

void register_command_models(CommandRegistry& registry);
void register_command_models(CommandRegistry& registry) {
  registry.add({.name = "models",
                .doc = "list the models",
                .example = "striate models --json",
                .set_up = set_up});
}

}  // namespace striate
