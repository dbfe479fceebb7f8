#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string in, out, model;
  std::int64_t classes = 0;
  std::uint64_t seed = 1;
  bool convolutional = false;
  bool json = false;
};

bool is_network(const std::string& name) {
  return name.ends_with(".cfg") || (!fs::exists(name) && fs::path(name).extension().empty());
}

Graph build(const Network& network, std::int64_t classes, const Preprocessing& pictures) {
  ModelSize size = network.row.natural;
  if (pictures.height > 0) {
    size.channels = pictures.channels;
    size.height = pictures.height;
    size.width = pictures.width;
  }
  if (classes > 0) size.classes = classes;
  return network.row.build(size);
}

// What goes into the file: the weights as they are where nobody says what they are for.
struct Conversion {
  ModelFile file;
  std::string model;  // as far as it is known
  std::string note;
};

// The network that the weights are of: --model, what the file's notes say, or what they look like.
std::optional<Graph> network_of_weights(const Arguments& arguments, Conversion& conversion) {
  ModelCard card = model_card(conversion.file.metadata, arguments.in);
  std::int64_t classes =
      arguments.classes > 0 ? arguments.classes : static_cast<std::int64_t>(card.classes.size());
  if (!arguments.model.empty()) {
    const bool named = card.definition.empty() && !arguments.model.ends_with(".cfg");
    if (named && !card.model.empty() && card.model != arguments.model) {
      fail<InputError>("{}: it holds the weights of {}, not of {}", arguments.in, card.model,
                       arguments.model);
    }
    conversion.model = arguments.model;
    if (classes == 0) {
      const LikelyModel likely = likely_model(conversion.file.weights);
      if (likely.name == arguments.model) classes = likely.size.classes;
    }
    return build(find_network(arguments.model), classes, card.preprocessing);
  }
  if (!card.model.empty()) {
    conversion.model = card.model;
    return build(network_of(card), classes, card.preprocessing);
  }
  const LikelyModel likely = likely_model(conversion.file.weights);
  if (!likely.exact) return std::nullopt;
  conversion.model = likely.name;
  conversion.note = fmt::format("its names and shapes are those of {}", likely.name);
  return models().find(likely.name).build(likely.size);
}

Conversion read(const Arguments& arguments) {
  Conversion conversion;
  if (is_network(arguments.in)) {
    // First weights, as training would draw them.
    const Network network = find_network(arguments.in);
    const Graph graph = build(network, arguments.classes, {});
    conversion.model = arguments.in;
    conversion.note = fmt::format("untrained weights, seed {}", arguments.seed);
    conversion.file = {.weights = initialize(graph, arguments.seed),
                       .metadata = {{"model", arguments.in}},
                       .graph = graph};
    if (!network.definition.empty()) conversion.file.metadata["definition"] = network.definition;
    return conversion;
  }
  std::optional<Graph> definition;
  if (arguments.model.ends_with(".cfg")) {
    definition = build(find_network(arguments.model), arguments.classes, {});
  }
  conversion.file = load_model_file(arguments.in, definition ? &*definition : nullptr);
  if (conversion.file.graph && arguments.model.empty()) {
    conversion.model = conversion.file.graph->name;
    return conversion;
  }
  const std::optional<Graph> graph = network_of_weights(arguments, conversion);
  if (!graph) return conversion;
  // Whoever named the model is told what does not fit.
  std::vector<std::string> notes;
  Weights picked = pick_weights_for(*graph, conversion.file.weights, arguments.in, &notes);
  if (!notes.empty()) {
    conversion.file.weights = std::move(picked);
    notes.insert(notes.begin(), conversion.note);
    if (notes.front().empty()) notes.erase(notes.begin());
    conversion.note = fmt::format("{}", fmt::join(notes, "; "));
  }
  conversion.file.graph = *graph;
  if (!conversion.file.metadata.contains("model")) {
    conversion.file.metadata["model"] = conversion.model;
    const Network network = find_network(conversion.model);
    if (!network.definition.empty()) conversion.file.metadata["definition"] = network.definition;
  }
  return conversion;
}

// Dense layers as the convolutions that they are.
void make_convolutional(Conversion& conversion, const std::string& in) {
  ModelFile& file = conversion.file;
  if (!file.graph) {
    fail<InputError>("{}: making it convolutional needs the network: give --model", in);
  }
  file.weights = pick_weights_for(*file.graph, file.weights, in);
  file.graph = convolutional_form(inference_form(*file.graph));
  std::vector<std::string> changed;
  for (const Parameter& parameter : file.graph->parameters) {
    if (parameter.shape == file.weights.at(parameter.name).shape()) continue;
    changed.push_back(fmt::format("{} {} -> {}", parameter.name,
                                  file.weights.at(parameter.name).shape().str(),
                                  parameter.shape.str()));
  }
  file.weights = convolutional_weights(*file.graph, file.weights);
  file.metadata["convolutional"] = "true";
  conversion.note +=
      fmt::format("{}{}", conversion.note.empty() ? "" : "; ", fmt::join(changed, ", "));
}

void convert_command(const Arguments& arguments) {
  Progress progress("convert", 3, "steps");
  Conversion conversion = read(arguments);
  if (arguments.convolutional) make_convolutional(conversion, arguments.in);
  ModelFile& file = conversion.file;
  progress.advance_to(1, "read");
  const std::string ending = fs::path(arguments.out).extension().string();
  if (ending == ".onnx" && file.graph) {
    file.weights = pick_weights_for(*file.graph, file.weights, arguments.in);
    file.graph = inference_form(*file.graph);
  } else if (ending == ".onnx") {
    const std::string likely = likely_model(file.weights).name;
    fail<InputError>("{}: an ONNX file needs the network: give --model{}", arguments.in,
                     likely.empty() ? "" : fmt::format("; did you mean \"{}\"?", likely));
  }
  progress.advance_to(2, "writing");
  save_model_file(arguments.out, file);
  progress.clear();
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : file.weights) numbers += tensor.elements();
  const auto bytes = static_cast<std::int64_t>(fs::file_size(arguments.out));
  const bool notes_lost =
      (ending != ".safetensors" && ending != ".onnx") &&
      (file.metadata.contains("classes") || file.metadata.contains("preprocessing"));
  if (arguments.json) {
    print(Json{{"file", arguments.out},
               {"model", conversion.model},
               {"tensors", file.weights.size()},
               {"numbers", numbers},
               {"bytes", bytes},
               {"note", conversion.note},
               {"notes_lost", notes_lost}});
    return;
  }
  print(fmt::format("wrote {}: {}{} tensors, {} numbers, {} bytes{}\n", arguments.out,
                    conversion.model.empty() ? "" : conversion.model + ", ",
                    grouped(static_cast<std::int64_t>(file.weights.size())), grouped(numbers),
                    grouped(bytes), conversion.note.empty() ? "" : "; " + conversion.note));
  if (notes_lost) {
    print(fmt::format("class names and preprocessing stayed behind: {} files hold none\n", ending));
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("IN", arguments->in,
                 "a file of weights (.safetensors, .pth .pt .th, .onnx, .weights), or a model's "
                 "name or .cfg file for untrained ones")
      ->required();
  app.add_option("OUT", arguments->out, "the file to write, in the format of its ending")
      ->required();
  app.add_option("--model", arguments->model,
                 "what the weights are for, where the file does not say: a model, or a .cfg file");
  app.add_option("--classes", arguments->classes, "classes that the network tells apart")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24));
  app.add_option("--seed", arguments->seed, "of untrained weights")->capture_default_str();
  app.add_flag(
      "--convolutional", arguments->convolutional,
      "dense layers become the convolutions that they are: takes larger pictures, and gives "
      "a map of scores");
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { convert_command(*arguments); });
}

}  // namespace

void register_command_convert(CommandRegistry& registry);
void register_command_convert(CommandRegistry& registry) {
  registry.add({.name = "convert",
                .doc = "weights and networks from one file format into another",
                .example = "striate convert resnet18.pth resnet18.onnx --model resnet18",
                .set_up = set_up});
}

}  // namespace striate
