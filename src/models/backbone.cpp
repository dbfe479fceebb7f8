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

// How many pixels of the picture a value's pixels are apart, and how many they would be more if nothing
// had been kept finer.
struct Apart {
  std::int64_t pixels = 1;
  std::int64_t kept = 1;
};

// Rewrites the windows so that no value's pixels are further apart than `most` (0: as they are).
// Returns how far those of `value` are.
std::int64_t keep_finer(Graph& graph, std::int64_t most, const std::string& value) {
  using Ints = std::vector<std::int64_t>;
  const ValueInfos infos = infer_shapes(graph);
  std::map<std::string, Apart, std::less<>> all;
  for (Node& node : graph.nodes) {
    Apart apart;
    for (const std::string& input : node.inputs) {
      const auto found = all.find(input);
      if (found != all.end() && found->second.pixels > apart.pixels) apart = found->second;
    }
    if (node.op == "Conv" || node.op == "MaxPool" || node.op == "AveragePool") {
      const Window w =
          operators().find(node.op).make(node.attributes)->window(operands(node.inputs, infos));
      const std::int64_t k = apart.kept;
      if (k > 1) {
        node.attributes["dilations"] = Ints{w.h.dilation * k, w.w.dilation * k};
        node.attributes["pads"] = Ints{w.h.pad * k, w.w.pad * k, w.h.pad_end * k, w.w.pad_end * k};
      }
      if (most > 0 && w.h.stride > 1 && apart.pixels * w.h.stride > most) {
        node.attributes["strides"] = Ints{1, 1};
        apart.kept *= w.h.stride;
      } else {
        apart.pixels *= w.h.stride;
      }
    }
    for (const std::string& output : node.outputs) all[output] = apart;
  }
  return all[value].pixels;
}

}  // namespace

Backbone begin_backbone(const std::string& graph_name, const std::string& backbone,
                        const ModelSize& size, std::int64_t rows, std::int64_t stride) {
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
  const std::int64_t apart = keep_finer(graph, stride, last);
  return {.builder = Builder(std::move(graph)), .map = {last}, .stride = apart};
}

}  // namespace striate
