#include "cli/eval.h"

#include <array>
#include <string_view>

#include "cli/command.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

struct Evaluator {
  std::string_view task;  // as models have it
  void (*run)(const EvalArguments&);
};
constexpr std::array kEvaluators{
    Evaluator{"classification", eval_classifier}, Evaluator{"segmentation", eval_segmenter},
    Evaluator{"detection", eval_detector}, Evaluator{"sequence", eval_sequence}};

// Of a model by name, or of a file's; a classifier's where nothing says what it is.
std::string task_of(const ClassifierSource& source) {
  const std::string standard = ModelRow{}.task;
  if (!source.weights.empty()) return find_network(source.model).row.task;
  if (!std::filesystem::exists(source.model) || source.model.ends_with(".cfg")) return standard;
  const ModelFile file = load_model_file(source.model);
  const ModelCard card = model_card(file.metadata, source.model);
  if (!card.model.empty()) return network_of(card).row.task;
  const LikelyModel likely = file.graph ? LikelyModel{} : likely_model(file.weights);
  return likely.name.empty() ? standard : models().find(likely.name).task;
}

void eval_command(const EvalArguments& arguments) {
  const std::string task = task_of(arguments.source);
  const bool known = arguments.split == "test" || arguments.split == "train" ||
                     (arguments.split == "val" && (task == "segmentation" || task == "detection"));
  if (!known) fail<InputError>("--split: expected test or train, got {}", arguments.split);
  for (const Evaluator& evaluator : kEvaluators) {
    if (evaluator.task == task) return evaluator.run(arguments);
  }
  throw BugError("internal error: a model is of a task that cannot be measured: " + task);
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<EvalArguments>();
  arguments->source.add_to(app);
  arguments->source.add_cfg_to(app);
  app.add_option("--data", arguments->data, "a dataset, NAME or NAME:PATH")->required();
  app.add_option("--split", arguments->split,
                 "test or train; val, where a dataset with masks or boxes has it")
      ->capture_default_str();
  app.add_option("--batch", arguments->batch, "samples at a time; 0: the task's own")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--resize", arguments->resize,
                 "bring the shorter side to this, then cut out the centre; -1: as the model says");
  app.add_option("--crops", arguments->crops,
                 "10: average over corners, centre and their mirror images, after --resize")
      ->capture_default_str();
  app.add_option("--sheet", arguments->sheet,
                 "PNG of pictures with prediction and truth, or boxes");
  app.add_option("--sheet-pictures", arguments->sheet_pictures, "pictures on the sheet")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--matrix", arguments->matrix, "PNG of the confusion matrix");
  add_options(app, arguments->run);
  app.callback([arguments] {
    arguments->source.settle();
    eval_command(*arguments);
  });
}

}  // namespace

void register_command_eval(CommandRegistry& registry);
void register_command_eval(CommandRegistry& registry) {
  registry.add({.name = "eval",
                .doc = "measure a trained network on a dataset",
                .example = "striate eval runs/first/best.safetensors --data fashion-mnist "
                           "--sheet sheet.png",
                .set_up = set_up});
}

}  // namespace striate
