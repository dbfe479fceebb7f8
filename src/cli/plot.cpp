#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/tasks/classification/report.h"
#include "striate/train/run_folder.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> runs;
  std::string out = "runs.png";
  bool json = false;
};

NamedRun read_run(const std::string& folder) {
  const fs::path file = fs::path(folder) / "metrics.jsonl";
  if (!fs::exists(file)) fail<InputError>("{}: no run: it holds no metrics.jsonl", folder);
  fs::path name = fs::path(folder).filename();
  if (name.empty()) name = fs::path(folder).parent_path().filename();
  NamedRun run{.name = name.string(), .epochs = read_metrics(file)};
  if (run.epochs.empty()) fail<InputError>("{}: no epoch was finished there yet", folder);
  return run;
}

std::string error_text(double top1) { return std::isnan(top1) ? "" : percent(1 - top1); }

void plot_command(const Arguments& arguments) {
  std::vector<NamedRun> runs;
  for (const std::string& folder : arguments.runs) runs.push_back(read_run(folder));
  write_file(arguments.out, compared_runs(runs).png());
  Table table({{"run"},
               {"epochs", Table::Align::right},
               {"training loss", Table::Align::right},
               {"training error", Table::Align::right},
               {"error held back", Table::Align::right},
               {"least", Table::Align::right},
               {"seconds", Table::Align::right}});
  Json all = Json::array();
  for (const NamedRun& run : runs) {
    const EpochReport& last = run.epochs.back();
    const auto found = last.scores.find("top1");
    const double top1 = found == last.scores.end() ? std::nan("") : found->second;
    double best = std::nan("");
    double seconds = 0;
    for (const EpochReport& epoch : run.epochs) {
      const auto score = epoch.scores.find("top1");
      if (score != epoch.scores.end()) best = std::fmax(best, score->second);
      seconds += epoch.seconds;
    }
    table.add({run.name, std::to_string(last.epoch), fmt::format("{:.4f}", last.loss),
               error_text(last.top1), error_text(top1), error_text(best),
               fmt::format("{:.0f}", seconds)});
    all.push_back({{"run", run.name},
                   {"epochs", last.epoch},
                   {"training_loss", last.loss},
                   {"training_top1", last.top1},
                   {"validation_top1", top1},
                   {"best_top1", best},
                   {"seconds", seconds}});
  }
  if (arguments.json) {
    print(Json{{"runs", std::move(all)}, {"written", arguments.out}});
  } else {
    print(fmt::format("{}\nwrote {}\n", table.str(), arguments.out));
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("RUN", arguments->runs, "folders of training runs")->required();
  app.add_option("--out", arguments->out, "PNG that is written")->capture_default_str();
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { plot_command(*arguments); });
}

}  // namespace

void register_command_plot(CommandRegistry& registry);
void register_command_plot(CommandRegistry& registry) {
  registry.add({.name = "plot",
                .doc = "draw the curves of several training runs in one figure",
                .example = "striate plot runs/plain20 runs/resnet20 --out depth.png",
                .set_up = set_up});
}

}  // namespace striate
