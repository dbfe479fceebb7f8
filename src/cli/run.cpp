#include <algorithm>
#include <set>

#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/formats/npy.h"
#include "striate/formats/onnx.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string model, weights;
  std::vector<std::string> inputs, outputs;
  DeviceOptions run;
};

// "NAME=x.npy" or "x.npy". A file's name may hold "=" behind a "/", and so may a known name.
struct Named {
  std::string name, file;

  Named(const std::string& text, const std::vector<std::string>& known) : file(text) {
    const std::size_t equals = text.find('=');
    for (const std::string& candidate : known) {
      if (!text.starts_with(candidate + "=")) continue;
      name = candidate;
      file = text.substr(candidate.size() + 1);
      return;
    }
    if (equals == std::string::npos || text.find('/') < equals) return;
    name = text.substr(0, equals);
    file = text.substr(equals + 1);
  }
};

// Gives each of `wanted` its name: those without one take the names that are left, in order.
std::vector<Named> matched(const std::vector<std::string>& wanted,
                           const std::vector<std::string>& names, const char* option) {
  std::vector<Named> result;
  std::set<std::string> taken;
  for (const std::string& text : wanted) {
    result.emplace_back(text, names);
    const std::string& name = result.back().name;
    if (name.empty()) continue;
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      fail<InputError>("{}: the network has no {}; it has {}", option, name,
                       fmt::format("{}", fmt::join(names, ", ")));
    }
    if (!taken.insert(name).second) fail<InputError>("{}: {} is given twice", option, name);
  }
  for (Named& named : result) {
    if (!named.name.empty()) continue;
    const auto free = std::find_if(names.begin(), names.end(),
                                   [&](const std::string& name) { return !taken.contains(name); });
    if (free == names.end()) {
      fail<InputError>("{}: {} is one too many: the network has {}", option, named.file,
                       names.size());
    }
    named.name = *free;
    taken.insert(*free);
  }
  return result;
}

OnnxModel load_network(const Arguments& arguments, const KnownInputs& known) {
  if (arguments.model.ends_with(".onnx")) {
    OnnxModel model = load_onnx(arguments.model, known);
    if (!arguments.weights.empty()) {
      model.weights = pick_weights_for(model.graph, load_model_file(arguments.weights).weights,
                                       arguments.weights);
    }
    return model;
  }
  const bool file = fs::exists(arguments.model) && !arguments.model.ends_with(".cfg");
  const std::string& weights = file ? arguments.model : arguments.weights;
  if (weights.empty()) {
    find_network(arguments.model);  // a misspelt name is told so
    fail<InputError>("{}: a network without weights: give --weights FILE", arguments.model);
  }
  Graph graph;
  ModelFile content;
  if (file) {
    content = load_model_file(weights);
    const ModelCard card = model_card(content.metadata, weights);
    const LikelyModel likely = card.model.empty() ? likely_model(content.weights) : LikelyModel{};
    if (card.model.empty() && !likely.exact) {
      fail<InputError>(
          "{}: it does not say which model its weights are for: give the model, and "
          "this file as --weights",
          weights);
    }
    graph = card.model.empty()     ? models().find(likely.name).build(likely.size)
            : card.classes.empty() ? network_of(card).row.build(network_of(card).row.natural)
                                   : network_of(card).row.build(size_of(card));
  } else {
    const Network network = find_network(arguments.model);
    ModelSize size = network.row.natural;
    graph = network.row.build(size);
    content = load_model_file(weights, &graph);
    const LikelyModel likely = likely_model(content.weights);
    const ModelCard card = model_card(content.metadata, weights);
    if (!card.classes.empty() && card.preprocessing.height > 0) {
      graph = network.row.build(size_of(card));
    } else if (likely.name == network.row.name) {
      graph = network.row.build(likely.size);
    }
  }
  OnnxModel model{.weights = pick_weights_for(graph, content.weights, weights)};
  model.graph = inference_form(std::move(graph));
  return model;
}

// float32 and float64 become each other, int32 and int64 too; nothing else does.
Tensor fitted(Tensor tensor, DType dtype, const std::string& what) {
  if (tensor.dtype() == dtype) return tensor;
  if (is_float(tensor.dtype()) && is_float(dtype)) return tensor.cast(dtype);
  if (tensor.dtype() == DType::i32 && dtype == DType::i64) {
    const auto values = tensor.values<std::int32_t>();
    return Tensor::of<std::int64_t>(tensor.shape(),
                                    std::vector<std::int64_t>(values.begin(), values.end()));
  }
  fail<InputError>("{}: expected {}, got {}", what, name_of(dtype), name_of(tensor.dtype()));
}

struct Run {
  OnnxModel model;
  std::shared_ptr<const Plan> plan;
};

// Integers that an operator must know when the network is compiled are put into it.
Run compile(const Arguments& arguments, const OnnxModel& open,
            const std::map<std::string, Tensor, std::less<>>& given) {
  const std::shared_ptr<const Device> device = make_device(arguments.run);
  const auto attempt = [&](OnnxModel model) {
    Shapes shapes;
    for (const GraphInput& input : model.graph.inputs) {
      shapes[input.name] = given.at(input.name).shape();
    }
    Run run{.model = std::move(model), .plan = nullptr};
    run.plan = Plan::compile(run.model.graph, device, shapes, {});
    return run;
  };
  KnownInputs known;
  for (const GraphInput& input : open.graph.inputs) {
    if (!is_float(input.dtype)) known[input.name] = given.at(input.name);
  }
  try {
    return attempt(open);
  } catch (const ModelError& error) {
    const std::string what = error.what();
    if (known.empty() || what.find("known when the network is compiled") == std::string::npos) {
      throw;
    }
  }
  return attempt(load_network(arguments, known));
}

void run_command(const Arguments& arguments) {
  const OnnxModel open = load_network(arguments, {});
  std::vector<std::string> names;
  for (const GraphInput& input : open.graph.inputs) names.push_back(input.name);
  const std::vector<Named> inputs = matched(arguments.inputs, names, "--input");
  const std::vector<Named> outputs = matched(arguments.outputs, open.graph.outputs, "--output");
  if (inputs.size() != names.size()) {
    fail<InputError>("--input: expected an array for each of {}, got {}", fmt::join(names, ", "),
                     inputs.size());
  }
  std::map<std::string, Tensor, std::less<>> given;
  for (const Named& input : inputs) {
    given[input.name] =
        fitted(load_npy(input.file), open.graph.find_input(input.name)->dtype, input.file);
  }
  const Run run = compile(arguments, open, given);
  Workspace workspace(run.plan);
  Inputs views;
  for (const GraphInput& input : run.model.graph.inputs) {
    views[input.name] = given.at(input.name).view();
  }
  run.plan->forward(workspace, views, run.model.weights,
                    RunOptions{.cancel = &stop_when_interrupted()});
  Json list = Json::array();
  Table table({{"output"}, {"type"}, {"shape"}, {"file"}});
  for (const std::string& name : open.graph.outputs) {
    const Tensor tensor = workspace.fetch(name);
    const auto to = std::find_if(outputs.begin(), outputs.end(),
                                 [&](const Named& output) { return output.name == name; });
    const std::string file = to == outputs.end() ? "" : to->file;
    if (!file.empty()) save_npy(file, tensor);
    table.add({name, std::string(name_of(tensor.dtype())), tensor.shape().str(), file});
    list.push_back(
        {{"output", name},
         {"type", name_of(tensor.dtype())},
         {"shape", std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end())},
         {"file", file}});
  }
  if (arguments.run.json) {
    print(Json{{"model", arguments.model}, {"outputs", std::move(list)}});
  } else {
    print(table.str());
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model,
                 "a model's name or a .cfg file with --weights, an .onnx file, or a model file")
      ->required();
  app.add_option("--weights", arguments->weights, "file of the network's weights");
  app.add_option("--input", arguments->inputs,
                 "[NAME=]FILE.npy for an input; those without a name in the network's order")
      ->required();
  app.add_option("--output", arguments->outputs, "[NAME=]FILE.npy for an output, likewise");
  add_options(app, arguments->run);
  app.callback([arguments] { run_command(*arguments); });
}

}  // namespace

void register_command_run(CommandRegistry& registry);
void register_command_run(CommandRegistry& registry) {
  registry.add({.name = "run",
                .doc = "a network on arrays of NumPy's format",
                .example = "striate run model.onnx --input x.npy --output y.npy",
                .set_up = set_up});
}

}  // namespace striate
