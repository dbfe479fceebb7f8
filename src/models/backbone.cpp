#include "models/backbone.h"

#include <set>

#include "striate/graph/rewrite.h"

namespace striate {
namespace {

// Leaves what the value comes from, and the state updates of that.
void cut_behind(Graph& graph, const std::string& value) {
  std::set<std::string, std::less<>> needed{value};
  std::vector<Node> kept;
  std::set<std::string, std::less<>> made;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    bool wanted = false;
    for (const std::string& output : node->outputs) wanted = wanted || needed.contains(output);
    if (!wanted) continue;
    needed.insert(node->inputs.begin(), node->inputs.end());
    made.insert(node->outputs.begin(), node->outputs.end());
    kept.push_back(std::move(*node));
  }
  graph.nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  std::erase_if(graph.updates,
                [&](const StateUpdate& update) { return made.find(update.value) == made.end(); });
  graph.auxiliary.clear();
  graph.outputs = {value};
  prune(graph);
}

}  // namespace

Backbone begin_backbone(const std::string& graph_name, const std::string& backbone,
                        const ModelSize& size, std::int64_t rows) {
  const ModelRow& row = models().find(backbone);
  if (row.task != "classification" || row.natural.channels == 0) {
    fail<InputError>("backbone: {} is no classifier of pictures", backbone);
  }
  Graph graph = row.build(size);
  const ValueInfos infos = infer_shapes(graph);
  std::string last;
  for (const Node& node : graph.nodes) {
    const Shape& shape = infos.at(node.outputs[0]).shape;
    if (shape.rank() == 4 && shape[2] >= rows) last = node.outputs[0];
  }
  if (last.empty()) {
    fail<ModelError>("backbone: {} has no map of {} rows or more for pictures of {}x{}", backbone,
                     rows, size.height, size.width);
  }
  cut_behind(graph, last);
  graph.name = graph_name;
  return {.builder = Builder(std::move(graph)), .map = {last}};
}

}  // namespace striate
