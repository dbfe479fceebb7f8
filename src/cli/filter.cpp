#include <array>
#include <cmath>
#include <optional>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/draw/contact_sheet.h"
#include "striate/graph/plan.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

struct Kernel {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  // row by row
  double shift = 0;            // added to the result
};

// Gradients and reliefs are shown around a middle grey: their values have both signs.
constexpr double kMiddle = 128;

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> rows = [] {
    std::vector<Kernel> all{{"identity", 3, 3, {0, 0, 0, 0, 1, 0, 0, 0, 0}},
                            {"blur", 3, 3, {1, 2, 1, 2, 4, 2, 1, 2, 1}},
                            {"sharpen", 3, 3, {0, -1, 0, -1, 5, -1, 0, -1, 0}},
                            {"emboss", 3, 3, {-2, -1, 0, -1, 1, 1, 0, 1, 2}},
                            {"outline", 3, 3, {-1, -1, -1, -1, 8, -1, -1, -1, -1}},
                            {"sobel", 3, 3, {-1, 0, 1, -2, 0, 2, -1, 0, 1}, kMiddle},
                            {"sobel-y", 3, 3, {-1, -2, -1, 0, 0, 0, 1, 2, 1}, kMiddle}};
    for (double& value : all[1].values) value /= 16;
    return all;
  }();
  return rows;
}

// "0 1 0; 1 -4 1; 0 1 0": rows end with a semicolon, numbers with a blank or a comma.
Kernel parse_numbers(const std::string& text) {
  constexpr std::size_t kMost = 99;
  Kernel kernel{.name = text};
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    std::string row = text.substr(begin, end - begin);
    std::replace(row.begin(), row.end(), ',', ' ');
    std::int64_t columns = 0;
    for (std::size_t at = row.find_first_not_of(' '); at != std::string::npos;
         at = row.find_first_not_of(' ', at)) {
      const std::size_t stop = std::min(row.find(' ', at), row.size());
      const std::string word = row.substr(at, stop - at);
      char* rest = nullptr;
      const double value = std::strtod(word.c_str(), &rest);
      if (*rest != '\0' || !std::isfinite(value)) {
        fail<InputError>("--kernel: expected numbers, got \"{}\"", word);
      }
      kernel.values.push_back(value);
      ++columns;
      at = stop;
    }
    if (kernel.rows > 0 && columns != kernel.columns) {
      fail<InputError>("--kernel: row {} has {} numbers, the first has {}", kernel.rows + 1,
                       columns, kernel.columns);
    }
    kernel.columns = columns;
    ++kernel.rows;
    begin = end + 1;
  }
  if (kernel.columns == 0 || kernel.values.size() > kMost * kMost) {
    fail<InputError>("--kernel: expected rows of 1 to {} numbers, got \"{}\"", kMost, text);
  }
  return kernel;
}

Kernel find_kernel(const std::string& text) {
  std::vector<std::string> names;
  for (const Kernel& kernel : kernels()) {
    if (kernel.name == text) return kernel;
    names.push_back(kernel.name);
  }
  if (text.find_first_of("0123456789") == std::string::npos) {
    fail<InputError>("--kernel: unknown kernel \"{}\"{}", text, suggestion(text, names));
  }
  return parse_numbers(text);
}

// The mathematician's convolution reads the kernel from its last number to its first.
void turn_over(Kernel& kernel) { std::reverse(kernel.values.begin(), kernel.values.end()); }

// One Conv node for each channel by itself, borders padded with zeros so that the size stays: the
// middle of an even kernel is the one behind.
Image filtered(const Image& image, const Kernel& kernel,
               const std::shared_ptr<const Device>& device) {
  const std::int64_t channels = image.channels;
  Builder b("filter");
  const Value x = b.input("input", {1, channels, image.height, image.width});
  const Value weight =
      b.parameter("kernel", {channels, 1, kernel.rows, kernel.columns}, constant_initial(0));
  const std::int64_t top = kernel.rows / 2;
  const std::int64_t left = kernel.columns / 2;
  using Ints = std::vector<std::int64_t>;
  const Value y =
      b.node("Conv", "conv", {x, weight},
             {{"kernel_shape", Ints{kernel.rows, kernel.columns}},
              {"pads", Ints{top, left, kernel.rows - 1 - top, kernel.columns - 1 - left}},
              {"group", channels}});
  const Program program(b.finish(y, "output"), device);
  Weights weights;
  Tensor values(DType::f32, {channels, 1, kernel.rows, kernel.columns});
  float* to = values.data<float>();
  for (std::int64_t c = 0; c < channels; ++c) {
    for (const double value : kernel.values) *to++ = static_cast<float>(value);
  }
  weights["kernel"] = std::move(values);
  Tensor input(DType::f32, {1, channels, image.height, image.width});
  const auto count = static_cast<std::size_t>(channels);
  const std::size_t pixels = image.pixels.size() / count;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    input.data<float>()[i % count * pixels + i / count] = image.pixels[i];
  }
  const Tensor output = program.run({{"input", input.view()}}, weights, "output");
  Image result(image.width, image.height, image.channels);
  for (std::size_t i = 0; i < result.pixels.size(); ++i) {
    const double value =
        double{output.data<float>()[i % count * pixels + i / count]} + kernel.shift;
    result.pixels[i] = static_cast<std::uint8_t>(std::clamp(std::round(value), 0.0, 255.0));
  }
  return result;
}

struct Arguments {
  std::string image;
  std::vector<std::string> kernels;
  bool flip = false;
  bool grey = false;
  std::optional<double> shift;
  std::string out = "filtered.png";
  DeviceOptions run;
};

std::string kernel_text(const Kernel& kernel) {
  std::vector<Table::Column> columns(static_cast<std::size_t>(kernel.columns),
                                     {"", Table::Align::right});
  std::size_t width = 0;
  std::vector<std::string> cells;
  for (const double value : kernel.values) {
    cells.push_back(fmt::format("{:.4g}", value));
    width = std::max(width, cells.back().size());
  }
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += fmt::format("  {:>{}}", cells[i], width);
    if ((i + 1) % static_cast<std::size_t>(kernel.columns) == 0) text += '\n';
  }
  return text;
}

void filter_command(const Arguments& arguments) {
  const auto device = make_device(arguments.run);
  std::vector<Kernel> wanted;
  for (const std::string& text : arguments.kernels) wanted.push_back(find_kernel(text));
  if (wanted.empty()) wanted = kernels();
  for (Kernel& kernel : wanted) {
    if (arguments.flip) turn_over(kernel);
    if (arguments.shift) kernel.shift = *arguments.shift;
  }
  Image image = read_image(arguments.image);
  if (arguments.grey) image = to_grey(std::move(image));
  std::vector<draw::Tile> tiles;
  for (const Kernel& kernel : wanted) {
    tiles.push_back({.picture = filtered(image, kernel, device), .title = kernel.name});
  }
  if (tiles.size() == 1) {
    write_file(arguments.out, encode_png(tiles[0].picture));
  } else {
    const std::string heading = std::filesystem::path(arguments.image).filename().string() +
                                (arguments.flip ? ", convolved" : ", cross-correlated");
    write_file(
        arguments.out,
        draw::contact_sheet(tiles, {.picture = 256, .heading = heading, .marks = false}).png());
  }
  if (arguments.run.json) {
    Json all = Json::array();
    for (const Kernel& kernel : wanted) {
      all.push_back({{"name", kernel.name},
                     {"rows", kernel.rows},
                     {"columns", kernel.columns},
                     {"values", kernel.values},
                     {"shift", kernel.shift}});
    }
    print(Json{{"image", arguments.image},
               {"flipped", arguments.flip},
               {"kernels", std::move(all)},
               {"written", arguments.out}});
    return;
  }
  for (const Kernel& kernel : wanted) {
    print(fmt::format("{}{}\n{}", kernel.name,
                      kernel.shift == 0 ? "" : fmt::format(", plus {:g}", kernel.shift),
                      kernel_text(kernel)));
  }
  const char* const about =
      arguments.flip
          ? "The kernel is shown as it was laid on the picture: turned over, which makes it "
            "convolution as mathematics has it.\n"
          : "Laid on the picture as written: cross-correlation, which is what the networks' "
            "\"convolution\" computes. --flip turns the kernel over, which is the mathematician's "
            "convolution.\n";
  print(std::string(about));
  print(fmt::format("wrote {}\n", arguments.out));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("IMAGE", arguments->image, "PNG or JPEG, grey or colour")->required();
  std::string known;
  for (const Kernel& kernel : kernels()) known += (known.empty() ? "" : ", ") + kernel.name;
  app.add_option("--kernel", arguments->kernels,
                 known +
                     ", or numbers: \"0 1 0; 1 -4 1; 0 1 0\"; several make a contact sheet; "
                     "without it, all of them")
      ->allow_extra_args(false);
  app.add_flag("--flip", arguments->flip,
               "turn the kernel over: convolution as mathematics has it");
  app.add_flag("--grey", arguments->grey, "make the picture grey first");
  app.add_option(
      "--shift", arguments->shift,
      "added to every value before it becomes a byte; 128 shows both signs (sobel has it)");
  app.add_option("--out", arguments->out, "PNG that is written")->capture_default_str();
  add_options(app, arguments->run);
  app.callback([arguments] { filter_command(*arguments); });
}

}  // namespace

void register_command_filter(CommandRegistry& registry);
void register_command_filter(CommandRegistry& registry) {
  registry.add(
      {.name = "filter",
       .doc = "lay a small kernel on a picture, through the library's own Conv",
       .example = "striate filter boot.png --kernel outline --kernel \"0 1 0; 1 -4 1; 0 1 0\"",
       .set_up = set_up});
}

}  // namespace striate
