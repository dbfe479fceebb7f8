#include "cli/command.h"
#include "cli/common.h"
#include "striate/base/error.h"
#include "striate/tasks/sequence/sequence_model.h"

namespace striate {
namespace {

struct Arguments {
  std::string model;
  std::string prompt;
  std::int64_t length = 500;
  DrawOptions draw;
  DeviceOptions run;
};

// Words stand with blanks between them, lines below one another.
class Writer {
 public:
  Writer(const SequenceModel& model, bool quiet)
      : words_(model.network().unit == "words"), quiet_(quiet) {}

  void write(const std::string& symbol) {
    std::string piece = symbol;
    if (words_ && symbol == "<eos>") {
      piece = "\n";
    } else if (words_ && !text_.empty() && text_.back() != '\n') {
      piece = " " + symbol;
    }
    text_ += piece;
    if (quiet_) return;
    print(piece);
    std::fflush(stdout);
  }
  const std::string& text() const { return text_; }

 private:
  bool words_, quiet_;
  std::string text_;
};

void generate_command(const Arguments& arguments) {
  constexpr std::int64_t kMost = 10000000;
  if (arguments.length < 0 || arguments.length > kMost) {
    fail<InputError>("--length: expected 0 to {}, got {}", kMost, arguments.length);
  }
  const SequenceModel model = SequenceModel::load(arguments.model, make_device(arguments.run));
  SymbolStream stream(model);
  const std::vector<std::int64_t> prompt = model.numbered(arguments.prompt);
  draw_symbol({0.0}, arguments.draw, 0);  // refuses options before anything is written
  const std::atomic<bool>& stop = stop_when_interrupted();
  Writer writer(model, arguments.run.json);
  const auto symbol = [&](std::int64_t number) {
    return model.card().symbols[static_cast<std::size_t>(number)];
  };
  for (const std::int64_t number : prompt) {
    writer.write(symbol(number));
    stream.read(number);
  }
  double log_probability = 0;
  std::int64_t drawn = 0;
  for (; drawn < arguments.length && !stop; ++drawn) {
    const std::int64_t number = stream.draw(arguments.draw, drawn);
    const auto& known = stream.log_probabilities();
    if (!known.empty()) log_probability += known[static_cast<std::size_t>(number)];
    writer.write(symbol(number));
    stream.read(number);
  }
  if (arguments.run.json) {
    print(Json{{"model", model.card().model},
               {"prompt", arguments.prompt},
               {"text", writer.text()},
               {"drawn", drawn},
               {"log_probability", log_probability}});
  } else {
    print(std::string("\n"));
  }
  if (stop) throw CLI::RuntimeError(130);
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MODEL", arguments->model, "a model file of char_lm, word_lm or their like")
      ->required();
  app.add_option("--prompt", arguments->prompt, "text to go on from");
  app.add_option("--length", arguments->length, "symbols to draw")->capture_default_str();
  app.add_option("--temperature", arguments->draw.temperature,
                 "below 1 likelier symbols are drawn more often; 0: always the likeliest")
      ->capture_default_str();
  app.add_option("--top-k", arguments->draw.top_k,
                 "draw from so many of the likeliest symbols; 0: from all")
      ->capture_default_str();
  app.add_option("--seed", arguments->draw.seed, "number that every draw follows from")
      ->capture_default_str();
  add_options(app, arguments->run);
  app.callback([arguments] { generate_command(*arguments); });
}

}  // namespace

void register_command_generate(CommandRegistry& registry);
void register_command_generate(CommandRegistry& registry) {
  registry.add({.name = "generate",
                .doc = "write text with a language model, symbol by symbol",
                .example = "striate generate runs/char_lm/best.safetensors --prompt \"ROMEO:\" "
                           "--temperature 0.8 --length 400",
                .set_up = set_up});
}

}  // namespace striate
