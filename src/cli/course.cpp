// The course's own tables, each beside what the networks here come to.

#include <algorithm>
#include <cmath>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/suggest.h"
#include "striate/graph/plan.h"
#include "striate/graph/summary.h"
#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

constexpr auto kRight = Table::Align::right;

struct Arguments {
  std::string table;
  bool json = false;
  bool markdown = false;
};

Graph built(const std::string& model) {
  const ModelRow& row = models().find(model);
  return row.build(row.natural);
}

void show(const Arguments& arguments, const Table& table, const std::string& text,
          const Json& json) {
  if (arguments.json) {
    print(json);
  } else {
    print((arguments.markdown ? table.markdown() : table.str()) + "\n" + text);
  }
}

// AlexNet as the lecture counts it: weights alone, in two towers, 13x13 pixels into the first dense
// layer. `printed` is the lecture's round figure.
struct LectureLine {
  const char* lecture;  ///< the layer in alexnet_lecture and alexnet_paper
  const char* printed;
};
constexpr LectureLine kAlexnet[] = {{"conv1", "35k"},  {"conv2", "307k"}, {"conv3", "884k"},
                                    {"conv4", "663k"}, {"conv5", "442k"}, {"fc6", "177M"},
                                    {"fc7", "16M"},    {"fc8", "4M"}};

// "11·11·3·96", in two towers "2·(5·5·48·128)"; a dense layer on a map by that map's size.
std::string weights_formula(const Graph& graph, const ValueInfos& infos, const std::string& layer) {
  const Shape w = graph.find_parameter(layer + ".weight")->shape;
  if (w.rank() == 2) {
    for (const Node& node : graph.nodes) {
      if (node.op != "Flatten" || layer != "fc6") continue;
      const Shape map = infos.at(node.inputs[0]).shape;
      return fmt::format("{}·{}·{}·{}", map[2], map[3], map[1], w[0]);
    }
    return fmt::format("{}·{}", w[1], w[0]);
  }
  for (const Node& node : graph.nodes) {
    if (node.name != layer) continue;
    const std::int64_t groups = infos.at(node.inputs[0]).shape[1] / w[1];
    const std::string one = fmt::format("{}·{}·{}·{}", w[2], w[3], w[1], w[0] / groups);
    return groups == 1 ? one : fmt::format("{}·({})", groups, one);
  }
  return "";
}

void alexnet(const Arguments& arguments) {
  const Graph lecture = built("alexnet_lecture");
  const Graph paper = built("alexnet_paper");
  const ValueInfos lecture_infos = infer_shapes(lecture);
  const ValueInfos paper_infos = infer_shapes(paper);
  Table table({{"layer"},
               {"the lecture's weights"},
               {"come to", kRight},
               {"printed", kRight},
               {"the network's weights"},
               {"come to", kRight},
               {"with biases", kRight}});
  Json lines = Json::array();
  std::int64_t sums[3] = {};
  for (const LectureLine& line : kAlexnet) {
    const std::string layer = line.lecture;
    const auto elements = [](const Graph& graph, const std::string& name) {
      return graph.find_parameter(name)->shape.elements();
    };
    const std::int64_t counted = elements(lecture, layer + ".weight");
    const std::int64_t weights = elements(paper, layer + ".weight");
    const std::int64_t all = weights + elements(paper, layer + ".bias");
    sums[0] += counted;
    sums[1] += weights;
    sums[2] += all;
    const std::string there = weights_formula(lecture, lecture_infos, layer);
    const std::string here = weights_formula(paper, paper_infos, layer);
    table.add({layer, there, grouped(counted), line.printed, here == there ? "the same" : here,
               grouped(weights), grouped(all)});
    lines.push_back({{"layer", layer},
                     {"lecture_formula", there},
                     {"lecture", counted},
                     {"printed", line.printed},
                     {"network_formula", here},
                     {"network_weights", weights},
                     {"network_parameters", all}});
  }
  table.rule();
  table.add({"sum", "", grouped(sums[0]), "", "", grouped(sums[1]), grouped(sums[2])});
  show(arguments, table,
       "The sums differ in one line: the network's third pooling leaves 6x6 pixels for the first "
       "dense layer, and the lecture's count is of the 13x13 before it.\n",
       {{"lines", std::move(lines)},
        {"lecture", sums[0]},
        {"network_weights", sums[1]},
        {"network_parameters", sums[2]}});
}

// Szegedy et al., arXiv:1409.4842, table 1, as printed: parameters in K = 1024, operations in
// millions of multiply-adds. `block` is the begin of the layers' names in googlenet_paper.
struct PrintedRow {
  const char* name;
  const char* block;
  const char* other;  ///< a second one that the paper counts with it
  const char* parameters;
  const char* operations;
};
constexpr PrintedRow kGooglenet[] = {{"conv 7x7/2", "conv1", "", "2.7K", "34M"},
                                     {"conv 3x3/1", "conv2", "conv3", "112K", "360M"},
                                     {"inception 3a", "inception3a", "", "159K", "128M"},
                                     {"inception 3b", "inception3b", "", "380K", "304M"},
                                     {"inception 4a", "inception4a", "", "364K", "73M"},
                                     {"inception 4b", "inception4b", "", "437K", "88M"},
                                     {"inception 4c", "inception4c", "", "463K", "100M"},
                                     {"inception 4d", "inception4d", "", "580K", "119M"},
                                     {"inception 4e", "inception4e", "", "840K", "170M"},
                                     {"inception 5a", "inception5a", "", "1072K", "54M"},
                                     {"inception 5b", "inception5b", "", "1388K", "71M"},
                                     {"linear", "fc", "", "1000K", "1M"}};

struct Count {
  std::int64_t weights = 0, biases = 0, macs = 0;
};

Count count_of(const Graph& graph, const Summary& blocks, const PrintedRow& row) {
  Count count;
  for (const std::string block : {row.block, row.other}) {
    if (block.empty()) continue;
    for (const Parameter& p : graph.parameters) {
      if (!p.name.starts_with(block + ".")) continue;
      (p.shape.rank() == 1 ? count.biases : count.weights) += p.shape.elements();
    }
    for (const SummaryRow& layer : blocks.rows) {
      if (layer.name == block) count.macs += layer.macs;
    }
  }
  return count;
}

// Whether the printed figure is this one, rounded or cut off.
bool agrees(double value, const std::string& printed) {
  const double figure = std::stod(printed);
  return std::abs(value - figure) < 1;
}

void googlenet(const Arguments& arguments) {
  const Graph graph = built("googlenet_paper");
  const Summary blocks = grouped_by_block(summarize(graph), 1);
  Table table({{"layer"},
               {"weights", kRight},
               {"in K = 1024", kRight},
               {"printed", kRight},
               {""},
               {"multiply-adds", kRight},
               {"in M", kRight},
               {"printed", kRight},
               {""}});
  Json lines = Json::array();
  Count sum;
  int differences = 0;
  for (const PrintedRow& row : kGooglenet) {
    const Count count = count_of(graph, blocks, row);
    const double thousands = static_cast<double>(count.weights) / 1024;
    const double millions = static_cast<double>(count.macs) * 1e-6;
    const bool same_parameters = agrees(thousands, row.parameters);
    const bool same_operations = agrees(millions, row.operations);
    differences += (same_parameters ? 0 : 1) + (same_operations ? 0 : 1);
    table.add({row.name, grouped(count.weights), fmt::format("{:.1f}", thousands), row.parameters,
               same_parameters ? "" : "differs", grouped(count.macs),
               fmt::format("{:.1f}", millions), row.operations, same_operations ? "" : "differs"});
    lines.push_back({{"layer", row.name},
                     {"weights", count.weights},
                     {"biases", count.biases},
                     {"printed_parameters", row.parameters},
                     {"parameters_agree", same_parameters},
                     {"macs", count.macs},
                     {"printed_operations", row.operations},
                     {"operations_agree", same_operations}});
    sum.weights += count.weights;
    sum.biases += count.biases;
    sum.macs += count.macs;
  }
  table.rule();
  table.add({"sum", grouped(sum.weights), "", "", "", grouped(sum.macs), "", "", ""});
  show(
      arguments, table,
      fmt::format("{} of the {} printed figures differ from what the table's own columns of widths "
                  "come to. With {} biases the network has {} parameters.\n",
                  differences, 2 * std::size(kGooglenet), grouped(sum.biases),
                  grouped(sum.weights + sum.biases)),
      {{"lines", std::move(lines)},
       {"weights", sum.weights},
       {"parameters", sum.weights + sum.biases},
       {"macs", sum.macs},
       {"differences", differences}});
}

// Round figures as lectures quote them, and the networks that could be meant.
struct Figure {
  const char* name;
  const char* quoted;
  double value;
  const char* models[4];
};
constexpr Figure kFigures[] = {
    {"AlexNet", "60M", 60e6, {"alexnet_paper", "alexnet", nullptr, nullptr}},
    {"VGG", "110M", 110e6, {"vgg11", "vgg16", "vgg19", nullptr}},
    {"GoogLeNet", "4M", 4e6, {"googlenet_paper", "googlenet", nullptr, nullptr}}};

void figures(const Arguments& arguments) {
  Table table({{"network"},
               {"quoted", kRight},
               {"here"},
               {"parameters", kRight},
               {"quoted / exact", kRight}});
  Json lines = Json::array();
  for (const Figure& figure : kFigures) {
    for (const char* model : figure.models) {
      if (model == nullptr) break;
      const std::int64_t exact = summarize(built(model)).parameters;
      table.add({figure.name, figure.quoted, model, grouped(exact),
                 fmt::format("{:.2f}", figure.value / static_cast<double>(exact))});
      lines.push_back({{"network", figure.name},
                       {"quoted", figure.quoted},
                       {"model", model},
                       {"parameters", exact}});
    }
  }
  show(arguments, table,
       "Only AlexNet's figure is the network's, rounded. No VGG has 110M: the smallest has 132.9M. "
       "GoogLeNet has 7.0M as printed and 6.6M in torchvision's form, without the heads that only "
       "training has.\n",
       {{"figures", std::move(lines)}});
}

// A transposed convolution takes a convolution's shapes back, not its numbers: what was added up is
// not taken apart.
void transposed(const Arguments& arguments) {
  Builder b("sum_and_back");
  const Value x = b.input("input", {1, 1, 1, 2});
  const float ones[] = {1, 1};
  const Value kernel = b.constant("kernel", Tensor::of<float>({1, 1, 1, 2}, ones));
  const Value sum = b.node("Conv", "sum", {x, kernel});
  const Value back = b.node("ConvTranspose", "back", {sum, kernel});
  Graph graph = b.finish(back, "logits");
  graph.outputs.emplace_back("sum");
  const Program program(graph, make_cpu_device(1));
  Table table({{"input"}, {"kernel"}, {"convolution"}, {"transposed convolution of that"}});
  Json lines = Json::array();
  for (const auto& [left, right] : {std::pair<float, float>{2, 8}, {3, 7}}) {
    const float pair[] = {left, right};
    const Tensor input = Tensor::of<float>({1, 1, 1, 2}, pair);
    const auto of = [&](const char* value) {
      const Tensor found = program.run({{"input", input.view()}}, {}, value);
      return std::vector<float>(found.values<float>().begin(), found.values<float>().end());
    };
    table.add({fmt::format("{} {}", left, right), "1 1",
               fmt::format("{}", fmt::join(of("sum"), " ")),
               fmt::format("{}", fmt::join(of("logits"), " "))});
    lines.push_back({{"input", {left, right}}, {"convolution", of("sum")}, {"back", of("logits")}});
  }
  show(arguments, table,
       "2 + 8 and 3 + 7 are both 10: a transposed convolution goes back to the input's shape, and "
       "is the gradient of the convolution, but no inverse of it.\n",
       {{"lines", std::move(lines)}});
}

void course_command(const Arguments& arguments) {
  const std::vector<std::pair<std::string, void (*)(const Arguments&)>> tables{
      {"alexnet", alexnet},
      {"googlenet", googlenet},
      {"figures", figures},
      {"transposed", transposed}};
  std::vector<std::string> names;
  for (const auto& [name, print_table] : tables) {
    if (name == arguments.table) return print_table(arguments);
    names.push_back(name);
  }
  fail<InputError>("course: unknown table {}{}; there are {}", arguments.table,
                   suggestion(arguments.table, names), fmt::join(names, ", "));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("TABLE", arguments->table,
                 "alexnet: the lecture's eight lines; googlenet: the paper's table; figures: the "
                 "popular round ones; transposed: that transposed convolution is no inverse")
      ->required();
  app.add_flag("--markdown", arguments->markdown, "print the table as Markdown");
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { course_command(*arguments); });
}

}  // namespace

void register_command_course(CommandRegistry& registry);
void register_command_course(CommandRegistry& registry) {
  registry.add({.name = "course",
                .doc = "the course's tables beside the exact counts",
                .example = "striate course googlenet",
                .set_up = set_up});
}

}  // namespace striate
