#include "striate/graph/summary.h"

#include "cli/command.h"
#include "cli/common.h"
#include "cli/network_options.h"
#include "cli/table.h"
#include "striate/graph/unroll.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/memory.h"

namespace striate {
namespace {

struct Arguments {
  std::string model;
  SizeOptions size;
  CountConvention convention;
  bool operations = false;
  int depth = 0;
  std::int64_t unroll = 0;
  OptimizerOptions optimizer{.name = "adam"};
  bool json = false;
  bool markdown = false;
};

// "3" where both sides agree, else "3x5".
template <class T>
std::string both(const T& h, const T& w) {
  return h == w ? fmt::format("{}", h) : fmt::format("{}x{}", h, w);
}

std::string kernel(const Window& window) {
  if (!window.named) return "";
  std::string text = fmt::format("{}x{}", window.h.kernel, window.w.kernel);
  if (window.h.dilation != 1 || window.w.dilation != 1) {
    text += " d" + both(window.h.dilation, window.w.dilation);
  }
  return text;
}

std::string stride(const Window& window) {
  if (!window.named) return "";
  return (window.kind == Window::Kind::transposed ? "1/" : "") +
         both(window.h.stride, window.w.stride);
}

// "1", or begin+end where they differ.
std::string padding(const Window& window) {
  if (!window.named) return "";
  const auto side = [](const Window::Axis& axis) {
    return axis.pad == axis.pad_end ? fmt::format("{}", axis.pad)
                                    : fmt::format("{}+{}", axis.pad, axis.pad_end);
  };
  return both(side(window.h), side(window.w));
}

struct Seen {
  std::string size, step, from;
};

Seen seen(const ReceptiveField& field) {
  if (field.kind == ReceptiveField::Kind::everything) return {"all", "", ""};
  if (field.kind == ReceptiveField::Kind::uneven) return {"uneven", "", ""};
  return {both(field.h.size, field.w.size), both(field.h.stride, field.w.stride),
          both(field.h.offset, field.w.offset)};
}

std::string or_blank(std::int64_t number) { return number == 0 ? "" : grouped(number); }

Table summary_table(const Summary& summary, bool operations) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"layer"},
               {"operator"},
               {"output"},
               {"kernel"},
               {"stride", kRight},
               {"pad", kRight},
               {"parameters", kRight},
               {operations ? "operations" : "multiply-adds", kRight},
               {"sees", kRight},
               {"step", kRight},
               {"from", kRight},
               {"bytes", kRight}});
  table.add({"input", "", summary.input.str(), "", "", "", "", "", "1", "1", "0",
             grouped(4 * summary.input.elements())});
  for (const SummaryRow& row : summary.rows) {
    const auto [size, step, from] = seen(row.sees);
    table.add({row.name, row.nodes > 1 ? fmt::format("{} nodes", row.nodes) : row.op,
               row.output.str(), kernel(row.window), stride(row.window), padding(row.window),
               or_blank(row.parameters), or_blank(operations ? row.operations : row.macs), size,
               step, from, grouped(row.bytes)});
  }
  table.rule();
  table.add({"total", "", "", "", "", "", grouped(summary.parameters),
             grouped(operations ? summary.operations : summary.macs), "", "", "",
             grouped(summary.bytes)});
  return table;
}

std::string convention_text(const CountConvention& c, bool operations, std::int64_t batch) {
  std::vector<std::string> counted{"convolutions and matrix products"};
  std::vector<std::string> left;
  (c.padding ? counted : left).emplace_back("products with padding");
  (c.bias ? counted : left).emplace_back("biases");
  (c.batch_norm ? counted : left).emplace_back("batch norms");
  (c.auxiliary ? counted : left).emplace_back("auxiliary heads");
  return fmt::format("Counted as {} for {} picture{}: {}. Not counted: {}.",
                     operations ? "operations (a multiply-add is two)" : "multiply-adds", batch,
                     batch == 1 ? "" : "s", fmt::join(counted, ", "),
                     left.empty() ? "activations, poolings, other norms"
                                  : fmt::format("{}", fmt::join(left, ", ")));
}

Json convention_json(const CountConvention& convention) {
  Json json;
  convention.fields([&]<class Field>(std::string_view name, const Field& field, std::string_view) {
    json[std::string(name)] = field;
  });
  return json;
}

Json pair_json(const auto& h, const auto& w) { return Json::array({h, w}); }

Json layer_json(const SummaryRow& row) {
  Json json{{"name", row.name},
            {"op", row.op},
            {"output", std::vector<std::int64_t>(row.output.begin(), row.output.end())},
            {"parameters", row.parameters},
            {"macs", row.macs},
            {"operations", row.operations},
            {"bytes", row.bytes}};
  if (row.nodes > 1) json["nodes"] = row.nodes;
  const Window& w = row.window;
  if (w.named) {
    json["kernel"] = pair_json(w.h.kernel, w.w.kernel);
    json["stride"] = pair_json(w.h.stride, w.w.stride);
    json["dilation"] = pair_json(w.h.dilation, w.w.dilation);
    json["padding"] = Json::array({w.h.pad, w.w.pad, w.h.pad_end, w.w.pad_end});
  }
  const ReceptiveField& sees = row.sees;
  const bool window = sees.kind == ReceptiveField::Kind::window;
  json["receptive_field"] = window ? pair_json(sees.h.size, sees.w.size)
                            : sees.kind == ReceptiveField::Kind::everything ? Json("all")
                                                                            : Json(nullptr);
  if (window) {
    json["receptive_stride"] = pair_json(sees.h.stride, sees.w.stride);
    json["receptive_offset"] = pair_json(sees.h.offset, sees.w.offset);
  }
  return json;
}

Json summary_json(const Summary& summary, const NetworkMemory& memory, const std::string& rule) {
  Json layers = Json::array();
  for (const SummaryRow& row : summary.rows) layers.push_back(layer_json(row));
  return {{"model", summary.name},
          {"input", std::vector<std::int64_t>(summary.input.begin(), summary.input.end())},
          {"layers", std::move(layers)},
          {"total",
           {{"parameters", summary.parameters},
            {"buffers", summary.buffers},
            {"macs", summary.macs},
            {"operations", summary.operations},
            {"bytes", summary.bytes}}},
          {"memory",
           {{"weights", memory.weights},
            {"run", memory.run},
            {"train", memory.train},
            {"optimizer", rule}}},
          {"convention", convention_json(summary.convention)}};
}

std::string memory_text(const NetworkMemory& memory, const std::string& rule) {
  std::string text = fmt::format("Memory beside the program: {} to run", bytes_text(memory.run));
  if (memory.train == 0) return text + ".";
  return text + fmt::format(", {} to train with {}; weights are {} of either.",
                            bytes_text(memory.train), rule, bytes_text(memory.weights));
}

// The network written out over so many steps; inputs that are time first get as many.
Graph unrolled(const Graph& graph, Shapes& shapes, std::int64_t steps) {
  const std::int64_t own = recurrent_steps(graph, shapes);
  if (own == 0) fail<InputError>("--unroll: {} has no recurrent layer", graph.name);
  if (own != steps) {
    Shapes other = shapes;
    std::vector<std::string> carried;
    for (const CarriedState& state : carried_states(graph)) carried.push_back(state.input);
    for (const GraphInput& input : graph.inputs) {
      if (std::find(carried.begin(), carried.end(), input.name) != carried.end()) continue;
      const auto given = other.find(input.name);
      Shape shape = given == other.end() ? input.shape : given->second;
      if (shape.rank() > 0 && shape[0] == own) shape[0] = steps;
      other[input.name] = shape;
    }
    if (recurrent_steps(graph, other) != steps) {
      fail<InputError>("--unroll: {} reads {} steps of its input, not {}", graph.name, own, steps);
    }
    shapes = other;
  }
  return unroll(graph, shapes).graph;
}

void summary_command(const Arguments& arguments) {
  const ModelRow row = find_network(arguments.model).row;
  const InputSize size = arguments.size.size_for(row.natural);
  Graph graph = row.build(size.model);
  Shape batch = size.shape(graph);
  const RecurrentBiases biases = recurrent_biases(graph);
  if (arguments.unroll > 0) {
    Shapes shapes{{graph.inputs[0].name, batch}};
    graph = unrolled(graph, shapes, arguments.unroll);
    batch = shapes.at(graph.inputs[0].name);
  }

  const Summary summary = grouped_by_block(
      summarize(graph, {{graph.inputs[0].name, batch}}, arguments.convention), arguments.depth);
  const NetworkMemory memory =
      network_memory(graph, make_device(DeviceOptions{}), batch, arguments.optimizer);
  if (arguments.json) {
    Json json = summary_json(summary, memory, arguments.optimizer.name);
    if (biases.one > 0) {
      json["recurrent_biases"] = {
          {"own", biases.own}, {"one_vector", biases.one}, {"two_vectors", biases.two}};
    }
    print(json);
    return;
  }
  const Table table = summary_table(summary, arguments.operations);
  const bool markdown = arguments.markdown;
  print(fmt::format("{}{}: {}\n\n{}\n", markdown ? "## " : "", row.name, row.doc,
                    markdown ? table.markdown() : table.str()));
  const std::string end = markdown ? "\n\n" : "\n";
  print(convention_text(summary.convention, arguments.operations, size.batch) + end);
  print(fmt::format("Parameters are the trained ones; {} running statistics come on top.{}",
                    grouped(summary.buffers), end));
  if (biases.one > 0) {
    const std::int64_t others = summary.parameters - biases.own;
    print(fmt::format(
        "Recurrent layers have {} biases. With one vector a gate, as papers and Keras "
        "count, the network has {} parameters, with PyTorch's two {}.{}",
        grouped(biases.own), grouped(others + biases.one), grouped(others + biases.two), end));
  }
  print(memory_text(memory, arguments.optimizer.name) + end);
  print(std::string(
      "\"sees\": input pixels along a side that one output pixel depends on; \"step\": how far its "
      "neighbour's lie from them; \"from\": the first that pixel 0 sees (negative: padding).\n"));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model,
                 "a model that `striate models` lists, a .cfg or .onnx file, or a chain of layers "
                 "as `striate conv` takes them")
      ->required();
  arguments->size.add_to(app);
  app.add_option("--depth", arguments->depth,
                 "layers whose names share so many parts as one row; 0: each layer")
      ->check(CLI::Range(0, 64));
  app.add_option("--unroll", arguments->unroll,
                 "write recurrent layers out over so many steps: a feed-forward network")
      ->check(CLI::Range(1, 10000));
  app.add_flag("--operations", arguments->operations, "operations: a multiply-add counts as two");
  add_options(app, arguments->convention);
  app.add_option("--optimizer", arguments->optimizer.name, "whose memory training takes")
      ->capture_default_str();
  app.add_option("--momentum", arguments->optimizer.momentum, "sgd's remembers one more tensor");
  app.add_flag("--markdown", arguments->markdown, "print the table as Markdown");
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { summary_command(*arguments); });
}

}  // namespace

void register_command_summary(CommandRegistry& registry);
void register_command_summary(CommandRegistry& registry) {
  registry.add({.name = "summary",
                .doc = "a network layer by layer: shapes, parameters, multiply-adds, what it sees",
                .example = "striate summary resnet50 --input 8x3x224x224 --depth 1",
                .set_up = set_up});
}

}  // namespace striate
