#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/base/threads.h"
#include "striate/tasks/classification/report.h"
#include "striate/tasks/training.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  TrainingSettings settings;
  DeviceOptions run;
  std::string out;
  std::string resume;
  double save_seconds = TrainingHooks{}.save_seconds;
};

void read_config(const fs::path& path, TrainingSettings& settings) {
  const Bytes bytes = read_file(path, 1 << 20);
  read_toml({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), settings);
}

// runs/cnn, or runs/cnn-2 where that is taken.
fs::path free_folder(const std::string& model) {
  fs::path folder = fs::path("runs") / model;
  for (int number = 2; fs::exists(folder); ++number) {
    folder = fs::path("runs") / fmt::format("{}-{}", model, number);
  }
  return folder;
}

std::string score_text(const ScoreLabel& label, double value) {
  return fmt::format("{} {}", label.label, label.share ? percent(value) : decimal(value));
}

std::string epoch_line(const EpochReport& report, const Training& training) {
  const std::int64_t epochs = training.settings.train.epochs;
  std::string line = fmt::format("epoch {:>{}}/{}  loss {}", report.epoch,
                                 std::to_string(epochs).size(), epochs, decimal(report.loss));
  const char* before = "  validation: ";
  for (const ScoreLabel& label : training.labels) {
    const auto found = report.scores.find(label.name);
    if (found == report.scores.end()) continue;
    line += before + score_text(label, found->second);
    before = ", ";
  }
  return line + fmt::format("  {} {}/s  {}{}\n", with_unit(report.samples_per_second),
                            training.unit, duration(report.seconds + report.validation_seconds),
                            report.improved ? "  best" : "");
}

// "; best: epoch 6, top-1 93.40 % of the pictures held back"
std::string best_text(const TrainingOutcome& outcome, const Training& training) {
  if (outcome.best_epoch == 0) return "";
  ScoreLabel label{.name = training.settings.train.best_by,
                   .label = training.settings.train.best_by,
                   .share = false};
  for (const ScoreLabel& known : training.labels) {
    if (known.name == label.name) label = known;
  }
  return fmt::format("; best: epoch {}, {} on what was held back", outcome.best_epoch,
                     score_text(label, outcome.best_score));
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

// What a run begins with beside first weights.
std::string loaded_text(const Training& training) {
  std::string text;
  if (training.loaded) {
    const LoadReport& report = *training.loaded;
    text += fmt::format("{}: {} tensors loaded", training.settings.weights, report.loaded.size());
    for (const LoadReport::Replaced& head : report.replaced) {
      text += fmt::format("\n  head begun anew: {}, {} in the file, {} here", head.name,
                          head.file.str(), head.model.str());
    }
    if (!report.missing.empty()) {
      text += "\n  missing, begun anew: " + listed(report.missing);
    }
    if (!report.left_over.empty()) text += "\n  left over: " + listed(report.left_over);
    for (const std::string& note : report.notes) text += "\n  " + note;
    text += '\n';
  }
  if (!training.settings.freeze.empty()) {
    text +=
        fmt::format("frozen: {}, {} weights\n", training.settings.freeze, grouped(training.frozen));
  }
  return text;
}

Json loaded_json(const LoadReport& report) {
  Json replaced = Json::array();
  for (const LoadReport::Replaced& head : report.replaced) {
    replaced.push_back(
        {{"name", head.name}, {"file", head.file.str()}, {"model", head.model.str()}});
  }
  return {{"loaded", report.loaded},
          {"replaced", std::move(replaced)},
          {"missing", report.missing},
          {"left_over", report.left_over},
          {"notes", report.notes}};
}

Json outcome_json(const TrainingOutcome& outcome, const Training& training, const RunFolder& folder,
                  double seconds) {
  Json json{{"model", training.settings.model},
            {"data", training.settings.data},
            {"folder", folder.path().string()},
            {"end", outcome.end == TrainEnd::finished     ? "finished"
                    : outcome.end == TrainEnd::early_stop ? "early_stop"
                                                          : "stopped"},
            {"seconds", seconds}};
  if (!training.settings.freeze.empty()) json["frozen"] = training.frozen;
  if (training.loaded) json["weights"] = loaded_json(*training.loaded);
  json["best_epoch"] = outcome.best_epoch;
  if (outcome.epochs.empty()) return json;
  const EpochReport& last = outcome.epochs.back();
  json["epochs"] = last.epoch;
  json["train_loss"] = last.loss;
  json[training.unit + "_per_second"] = last.samples_per_second;
  for (const EpochReport& report : outcome.epochs) {
    if (report.epoch != outcome.best_epoch) continue;
    for (const auto& [name, value] : report.scores) json[name] = value;
  }
  return json;
}

void train_command(const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  const bool resume = !arguments.resume.empty();
  const TrainingSettings& settings = arguments.settings;
  if (settings.model.empty()) fail<InputError>("train: name a model; `striate models` lists them");
  if (settings.data.empty())
    fail<InputError>("train: --data is missing; `striate data` lists them");
  const auto device = make_device(arguments.run);
  const Threads threads(arguments.run.threads);
  const fs::path where = resume                  ? fs::path(arguments.resume)
                         : arguments.out.empty() ? free_folder(settings.model)
                                                 : fs::path(arguments.out);
  if (!resume && fs::exists(where / "checkpoint.safetensors")) {
    fail<InputError>("{}: already holds a run; give another --out, or --resume {}", where.string(),
                     where.string());
  }
  const Training training =
      open_training(settings, threads, resume ? where / "checkpoint.safetensors" : fs::path());
  RunFolder folder(where);

  const bool json = arguments.run.json;
  if (!json) {
    print(fmt::format("{} on {}: {} {}, {} held back to validate, into {}\n", settings.model,
                      settings.data, grouped(training.samples), training.kind,
                      grouped(training.held_back), where.string()));
    for (const std::string& note : training.notes) print(note + '\n');
    print(loaded_text(training));
    std::fflush(stdout);
  }
  const std::int64_t total = training.samples;
  std::unique_ptr<Progress> progress;
  TrainingHooks hooks;
  hooks.stop = &stop_when_interrupted();
  hooks.save_seconds = arguments.save_seconds;
  hooks.on_step = [&](const StepReport& report) {
    if (!progress || report.step == 1) {
      progress = std::make_unique<Progress>(
          fmt::format("epoch {}/{}", report.epoch, settings.train.epochs), total, training.unit,
          json);
    }
    progress->advance_to(total * report.step / report.steps, "loss " + decimal(report.loss));
  };
  bool any_epoch = false;
  hooks.on_epoch = [&](const EpochReport& report) {
    progress.reset();
    any_epoch = true;
    if (json) return;
    print(epoch_line(report, training));
    std::fflush(stdout);
  };
  std::string finishing;
  hooks.on_finish = [&](std::string_view what, std::int64_t done, std::int64_t all) {
    if (!progress || finishing != what) {
      progress = std::make_unique<Progress>(std::string(what), all, "", json);
      finishing = what;
    }
    progress->advance_to(done);
  };
  const TrainingOutcome outcome = [&] {
    try {
      return run_training(training, device, folder, resume, hooks);
    } catch (const SystemError& error) {
      progress.reset();
      if (!fs::exists(folder.checkpoint())) throw;
      fail<SystemError>("{}; the checkpoint before it is kept: striate train --resume {} goes on",
                        error.what(), where.string());
    }
  }();
  progress.reset();
  if (any_epoch) {
    const std::vector<EpochReport> reports = read_metrics(folder.metrics());
    write_file(where / "curves.png",
               training_curves(settings.model, reports, training.labels).png());
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (json) {
    print(outcome_json(outcome, training, folder, seconds));
  } else if (outcome.end == TrainEnd::stopped) {
    print(fmt::format("stopped; striate train --resume {} goes on\n", where.string()));
  } else {
    print(fmt::format(
        "{} in {}{}\n",
        outcome.end == TrainEnd::early_stop ? "stopped early, no longer improving," : "trained",
        duration(seconds), best_text(outcome, training)));
  }
  if (outcome.end == TrainEnd::stopped) throw CLI::RuntimeError(130);
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->settings.train.batch = -1;
  arguments->settings.train.optimizer.name = "adam";
  arguments->settings.train.schedule = "cosine";
  // Read first, so that flags beside it win.
  app.add_option_function<std::string>(
      "--config", [arguments](const std::string& path) { read_config(path, arguments->settings); },
      "settings from a TOML file, such as a run's config.toml; flags go before it");
  app.add_option_function<std::string>(
      "--resume",
      [arguments](const std::string& folder) {
        arguments->resume = folder;
        read_config(fs::path(folder) / "config.toml", arguments->settings);
      },
      "goes on with the run in this folder, with its settings");
  app.add_option("MODEL", arguments->settings.model, "a model that `striate models` lists");
  arguments->settings.fields(
      [&]<class Field>(std::string_view name, Field& field, std::string_view help) {
        if (name != "model") add_option(app, name, field, help);
      });
  app.add_option("--out", arguments->out, "the run's folder; runs/MODEL where none is given");
  app.add_option("--save-seconds", arguments->save_seconds,
                 "within an epoch, save when the checkpoint is older than this")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  add_options(app, arguments->run);
  app.callback([arguments] { train_command(*arguments); });
}

}  // namespace

void register_command_train(CommandRegistry& registry);
void register_command_train(CommandRegistry& registry) {
  registry.add({.name = "train",
                .doc = "train a network",
                .example = "striate train cnn --data fashion-mnist --epochs 6 --out runs/first",
                .set_up = set_up});
}

}  // namespace striate
