#include "striate/graph/rewrite.h"

#include <algorithm>
#include <set>

#include "striate/base/suggest.h"

namespace striate {

Graph inference_form(Graph graph) {
  graph.updates.clear();
  graph.auxiliary.clear();
  // What a dropped node gave, and what stands for it.
  std::map<std::string, std::string, std::less<>> stands_for;
  for (Node& node : graph.nodes) {
    for (std::string& name : node.inputs) {
      const auto found = stands_for.find(name);
      if (found != stands_for.end()) name = found->second;
    }
    if (node.op == "BatchNormalization") {
      node.attributes["training_mode"] = std::int64_t{0};
      node.outputs.resize(1);
    }
    const bool is_output = std::find(graph.outputs.begin(), graph.outputs.end(), node.outputs[0]) !=
                           graph.outputs.end();
    if (node.op != "Dropout") continue;
    if (is_output) {
      node.op = "Identity";
      node.inputs.resize(1);
      node.attributes.clear();
    } else {
      stands_for[node.outputs[0]] = node.inputs[0];
    }
  }
  prune(graph);
  return graph;
}

void rename_value(Graph& graph, std::string from, std::string to) {
  const auto rename = [&](std::string& name) {
    if (name == from) name = to;
  };
  for (GraphInput& input : graph.inputs) rename(input.name);
  for (Parameter& parameter : graph.parameters) rename(parameter.name);
  if (auto constant = graph.constants.extract(from)) {
    constant.key() = to;
    graph.constants.insert(std::move(constant));
  }
  for (Node& node : graph.nodes) {
    std::for_each(node.inputs.begin(), node.inputs.end(), rename);
    std::for_each(node.outputs.begin(), node.outputs.end(), rename);
  }
  std::for_each(graph.outputs.begin(), graph.outputs.end(), rename);
  std::for_each(graph.auxiliary.begin(), graph.auxiliary.end(), rename);
  for (StateUpdate& update : graph.updates) {
    rename(update.parameter);
    rename(update.value);
  }
}

Graph freeze(Graph graph, const std::vector<std::string>& paths) {
  const auto holds = [](std::string_view path, std::string_view name) {
    return name.starts_with(path) && (name.size() == path.size() || name[path.size()] == '.');
  };
  for (const std::string& path : paths) {
    bool any = false;
    for (Parameter& parameter : graph.parameters) {
      if (!holds(path, parameter.name)) continue;
      parameter.trainable = false;
      any = true;
    }
    if (any) continue;
    std::vector<std::string> known;  // every path that holds something
    for (const Parameter& parameter : graph.parameters) {
      for (std::size_t dot = parameter.name.find('.'); dot != std::string::npos;
           dot = parameter.name.find('.', dot + 1)) {
        const std::string begin = parameter.name.substr(0, dot);
        if (std::find(known.begin(), known.end(), begin) == known.end()) known.push_back(begin);
      }
    }
    fail<InputError>("freeze: {} has no parameter under \"{}\"{}", graph.name, path,
                     suggestion(path, known));
  }
  for (Node& node : graph.nodes) {
    if (node.op != "BatchNormalization" || node.outputs.size() < 2) continue;
    if (graph.find_parameter(node.inputs[1])->trainable) continue;
    node.attributes["training_mode"] = std::int64_t{0};
    std::erase_if(graph.updates, [&](const StateUpdate& update) {
      return std::find(node.outputs.begin() + 1, node.outputs.end(), update.value) !=
             node.outputs.end();
    });
    node.outputs.resize(1);
  }
  return graph;
}

void prune(Graph& graph) {
  std::set<std::string, std::less<>> needed(graph.outputs.begin(), graph.outputs.end());
  for (const StateUpdate& update : graph.updates) needed.insert(update.value);
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool used = std::any_of(
        node->outputs.begin(), node->outputs.end(),
        [&](const std::string& name) { return !name.empty() && needed.contains(name); });
    if (!used) continue;
    needed.insert(node->inputs.begin(), node->inputs.end());
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  std::erase_if(graph.inputs, [&](const GraphInput& i) { return !needed.contains(i.name); });
  std::erase_if(graph.parameters, [&](const Parameter& p) { return !needed.contains(p.name); });
  std::erase_if(graph.constants, [&](const auto& c) { return !needed.contains(c.first); });
}

}  // namespace striate
