#include <charconv>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/window_picture.h"
#include "striate/base/files.h"
#include "striate/device/device.h"
#include "striate/formats/chain.h"
#include "striate/graph/summary.h"

namespace striate {
namespace {

struct Arguments {
  std::string chain;
  std::string input;
  std::optional<std::int64_t> kernel, stride, padding, output;
  std::int64_t dilation = 1, groups = 1;
  std::int64_t channels = 0, filters = 0;
  bool transposed = false;
  std::string out;
  bool json = false;
};

// --input 32 or 32x32x3.
ConvQuery question(const Arguments& arguments, std::int64_t& channels) {
  ConvQuery query{.kernel = arguments.kernel,
                  .stride = arguments.stride,
                  .padding = arguments.padding,
                  .output = arguments.output,
                  .dilation = arguments.dilation,
                  .transposed = arguments.transposed};
  if (arguments.input.empty()) return query;
  if (arguments.input.find('x') == std::string::npos) {
    std::int64_t side = 0;
    const char* end = arguments.input.data() + arguments.input.size();
    const auto [last, error] = std::from_chars(arguments.input.data(), end, side);
    if (error != std::errc() || last != end) {
      fail<InputError>("--input: expected a side or HxWxC, got {}", arguments.input);
    }
    query.input = side;
    return query;
  }
  const Shape size = read_chain_size(arguments.input);
  if (size[2] != size[3]) {
    fail<InputError>(
        "--input: expected a square; for other sizes give a chain: striate conv "
        "\"{} -> 3x3x8\"",
        arguments.input);
  }
  if (channels != 0 && channels != size[1]) {
    fail<InputError>("--channels: expected the {} of --input, got {}", size[1], channels);
  }
  query.input = size[2];
  channels = size[1];
  return query;
}

std::string times(std::int64_t factor, const std::string& other) {
  return fmt::format("{}·{}", factor, other);
}

// The formula with its numbers.
std::string formula(const ConvAnswer& a, std::int64_t dilation, bool transposed) {
  const std::string span = dilation == 1 ? fmt::format("{}", a.kernel)
                                         : fmt::format("({}·({} - 1) + 1)", dilation, a.kernel);
  const std::int64_t picture = transposed ? a.output : a.input;
  const std::int64_t windows = transposed ? a.input : a.output;
  return fmt::format("{} + {} = {} + {}{}", picture, times(2, std::to_string(a.padding)), span,
                     times(a.stride, fmt::format("({} - 1)", windows)),
                     a.unused == 0 ? "" : fmt::format(" + {}", a.unused));
}

std::string rule(std::int64_t dilation, bool transposed) {
  const std::string span = dilation == 1 ? "kernel" : "(dilation·(kernel - 1) + 1)";
  return transposed ? fmt::format("output + 2·padding = {} + stride·(input - 1) + added", span)
                    : fmt::format("input + 2·padding = {} + stride·(output - 1) + unused", span);
}

struct Work {
  std::int64_t weights = 0, biases = 0, macs = 0;
};

Work work(const ConvAnswer& a, const Arguments& arguments, std::int64_t channels) {
  const std::int64_t weights =
      Shape{a.kernel, a.kernel, channels / arguments.groups, arguments.filters}.elements();
  const std::int64_t side = arguments.transposed ? a.input : a.output;
  return {weights, arguments.filters, Shape{weights, side, side}.elements()};
}

Json answer_json(const ConvAnswer& a, const Arguments& arguments, std::int64_t channels) {
  Json json{{"input", a.input},
            {"kernel", a.kernel},
            {"stride", a.stride},
            {"padding", a.padding},
            {"output", a.output},
            {"unused", a.unused},
            {"formula", formula(a, arguments.dilation, arguments.transposed)}};
  if (channels > 0 && arguments.filters > 0) {
    const Work w = work(a, arguments, channels);
    json["weights"] = w.weights;
    json["biases"] = w.biases;
    json["macs"] = w.macs;
  }
  return json;
}

// Two pictures that become the same one, and what a transposed convolution makes of it: run, not
// recited.
std::string no_inverse() {
  const auto device = make_reference_device();
  const auto vector = [](std::vector<float> values) {
    return Tensor::of<float>({1, 1, 1, static_cast<std::int64_t>(values.size())}, values);
  };
  const Tensor kernel = vector({1, 1});
  const ConvGeometry g{.w = 2, .ow = 1, .s = 2};
  std::string text;
  for (const auto& [left, right] : {std::pair(2.0F, 8.0F), std::pair(3.0F, 7.0F)}) {
    const Tensor x = vector({left, right});
    Tensor y = vector({0});
    Tensor back = vector({0, 0});
    device->conv_forward(g, x.view(), kernel.view(), {}, y.view(), {});
    device->conv_backward_data(g, std::as_const(y).view(), kernel.view(), back.view(), false, {});
    const auto at = [](const Tensor& t, int i) { return t.data<float>()[i]; };
    text += fmt::format(
        "  {} and {} under the kernel [1 1] become {}; transposed, {} becomes {} and {}\n", left,
        right, at(y, 0), at(y, 0), at(back, 0), at(back, 1));
  }
  return "It gives back the size, not the picture: it is no inverse.\n" + text;
}

void print_one(const ConvAnswer& a, const Arguments& arguments, std::int64_t channels) {
  print(fmt::format("{}\n{}\n", rule(arguments.dilation, arguments.transposed),
                    formula(a, arguments.dilation, arguments.transposed)));
  if (a.unused > 0) {
    print(arguments.transposed
              ? fmt::format("{} pixel{} are added at the output's end (output padding).\n",
                            a.unused, a.unused == 1 ? "" : "s")
              : fmt::format("Rounding down leaves {} pixel{} at the end unused.\n", a.unused,
                            a.unused == 1 ? "" : "s"));
  }
  if (channels > 0 && arguments.filters > 0) {
    const Work w = work(a, arguments, channels);
    print(
        fmt::format("{0}x{0}x{1} -> {2}x{2}x{3}: weights {4}·{4}·{5}·{3} = {6}, biases {3}, "
                    "multiply-adds {7} (padding counted)\n",
                    a.input, channels, a.output, arguments.filters, a.kernel,
                    channels / arguments.groups, grouped(w.weights), grouped(w.macs)));
  }
  print("\n" + window_lines(a, arguments.dilation, arguments.transposed));
  if (arguments.transposed) print("\n" + no_inverse());
}

void print_all(const ConvAnswers& found, const Arguments& arguments) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"input", kRight},
               {"kernel", kRight},
               {"stride", kRight},
               {"padding", kRight},
               {"output", kRight},
               {arguments.transposed ? "added" : "unused", kRight},
               {rule(arguments.dilation, arguments.transposed)}});
  for (const ConvAnswer& a : found.answers) {
    const auto text = [](std::int64_t number) { return std::to_string(number); };
    table.add({text(a.input), text(a.kernel), text(a.stride), text(a.padding), text(a.output),
               text(a.unused), formula(a, arguments.dilation, arguments.transposed)});
  }
  print(table.str());
  if (found.more > 0) {
    print(fmt::format("… and {} more: say more of what you know.\n", grouped(found.more)));
  }
}

void answer(const Arguments& arguments) {
  std::int64_t channels = arguments.channels;
  const ConvQuery query = question(arguments, channels);
  const std::int64_t groups = arguments.groups;
  if (groups > 1 && (channels % groups != 0 || arguments.filters % groups != 0)) {
    fail<InputError>("--groups: {} groups do not divide {} channels into {}", groups, channels,
                     arguments.filters);
  }
  const ConvAnswers found = solve(query, arguments.json ? 100000 : 60);
  if (found.answers.empty()) {
    fail<InputError>("no convolution does that: {} has no answer with these numbers",
                     rule(arguments.dilation, arguments.transposed));
  }
  const bool one = found.answers.size() == 1;
  if (!arguments.out.empty()) {
    if (!one) fail<InputError>("--out: expected one answer to draw, got {}", found.answers.size());
    const draw::Canvas picture =
        window_picture(found.answers[0], arguments.dilation, arguments.transposed);
    if (arguments.out.ends_with(".svg")) {
      write_file(arguments.out, std::string_view(picture.svg()));
    } else {
      write_file(arguments.out, picture.png(2));
    }
  }
  if (arguments.json) {
    Json answers = Json::array();
    for (const ConvAnswer& a : found.answers)
      answers.push_back(answer_json(a, arguments, channels));
    print(Json{{"answers", std::move(answers)}, {"more", found.more}});
  } else if (one) {
    print_one(found.answers[0], arguments, channels);
  } else {
    print_all(found, arguments);
  }
  if (!arguments.out.empty() && !arguments.json) print("wrote " + arguments.out + "\n");
}

// One layer of a chain as an answer, along one side.
ConvAnswer side(const Window::Axis& w, std::int64_t in, std::int64_t out, bool transposed) {
  const std::int64_t picture = transposed ? out : in;
  const std::int64_t windows = transposed ? in : out;
  return {.input = in,
          .kernel = w.kernel,
          .stride = w.stride,
          .padding = w.pad,
          .output = out,
          .unused = picture + w.pad + w.pad_end - w.extent() - w.stride * (windows - 1)};
}

void explain_chain(const Arguments& arguments) {
  const Summary summary = summarize(read_chain(arguments.chain).graph);
  constexpr auto kRight = Table::Align::right;
  Table table({{"layer"},
               {"output"},
               {"along the width"},
               {"unused", kRight},
               {"parameters", kRight},
               {"multiply-adds", kRight},
               {"sees", kRight}});
  Json layers = Json::array();
  const auto hwc = [](const Shape& s) {
    return s.rank() == 4 ? fmt::format("{}x{}x{}", s[2], s[3], s[1]) : fmt::format("{}", s[1]);
  };
  table.add({"input", hwc(summary.input), "", "", "", "", "1"});
  for (const SummaryRow& row : summary.rows) {
    std::string filled;
    std::string unused;
    Json json{{"name", row.name},
              {"output", std::vector<std::int64_t>(row.output.begin() + 1, row.output.end())},
              {"parameters", row.parameters},
              {"macs", row.macs}};
    if (row.window.named) {
      const bool transposed = row.window.kind == Window::Kind::transposed;
      const Window::Axis& w = row.window.w;
      const ConvAnswer a = side(w, row.input[3], row.output[3], transposed);
      filled = w.pad == w.pad_end ? formula(a, w.dilation, transposed) : "";
      if (a.unused > 0) unused = std::to_string(a.unused);
      json["formula"] = filled;
      json["unused"] = a.unused;
    }
    const bool all = row.sees.kind == ReceptiveField::Kind::everything;
    const std::int64_t sees = row.sees.w.size;
    table.add({row.name, hwc(row.output), filled, unused,
               row.parameters == 0 ? "" : grouped(row.parameters),
               row.macs == 0 ? "" : grouped(row.macs), all ? "all" : std::to_string(sees)});
    layers.push_back(std::move(json));
  }
  table.rule();
  table.add({"total", "", "", "", grouped(summary.parameters), grouped(summary.macs), ""});
  if (arguments.json) {
    print(Json{{"layers", std::move(layers)},
               {"total",
                {{"parameters", summary.parameters},
                 {"weights", summary.parameters - summary.biases},
                 {"macs", summary.macs}}}});
    return;
  }
  print(table.str());
  print(
      fmt::format("Of the parameters {} are weights and {} biases; multiply-adds count padding.\n",
                  grouped(summary.parameters - summary.biases), grouped(summary.biases)));
}

void conv_command(const Arguments& arguments) {
  if (!arguments.chain.empty()) {
    if (!is_chain(arguments.chain)) {
      fail<InputError>("expected a chain such as \"32x32x3 -> 5x5x4 -> 5x5x10\", got \"{}\"",
                       arguments.chain);
    }
    explain_chain(arguments);
  } else {
    answer(arguments);
  }
}

void set_up(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option(
      "CHAIN", a->chain,
      "layers behind arrows: \"32x32x3 -> 5x5x4/2p1 -> max2 -> [1x1x8 | 3x3x8 same] -> "
      "dense 10\"; after a layer: /2 stride, p1 padding, same, d2 dilation, g4 groups, t "
      "transposed, nobias");
  app.add_option("--input", a->input, "the input's side, or HxWxC");
  app.add_option("--kernel", a->kernel, "the kernel's side");
  app.add_option("--stride", a->stride, "1 where nothing else follows");
  app.add_option("--padding", a->padding, "on each side; 0 where nothing else follows");
  app.add_option("--output", a->output, "the output's side");
  app.add_option("--dilation", a->dilation, "distance of the kernel's taps")->capture_default_str();
  const auto positive = CLI::Range(std::int64_t{1}, std::int64_t{1} << 20);
  app.add_option("--channels", a->channels, "of the input")->check(positive);
  app.add_option("--filters", a->filters, "channels of the output")->check(positive);
  app.add_option("--groups", a->groups, "independent sets of channels")->check(positive);
  app.add_flag("--transposed", a->transposed, "a transposed convolution");
  app.add_option("--out", a->out, "draw what the middle output pixel sees: FILE.png or FILE.svg");
  app.add_flag("--json", a->json, "print JSON for programs");
  app.callback([a] { conv_command(*a); });
}

}  // namespace

void register_command_conv(CommandRegistry& registry);
void register_command_conv(CommandRegistry& registry) {
  registry.add({.name = "conv",
                .doc = "the calculator of sizes: give what you know of a convolution",
                .example = "striate conv --input 7 --output 3 --kernel 3",
                .set_up = set_up});
}

}  // namespace striate
