#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "cli/command.h"
#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/train/loop.h"

namespace striate {
namespace {

constexpr const char* kVersion = "striate " STRIATE_VERSION;

// An error is one line, whatever it is made of.
int report(int status, const std::string& message) {
  std::fputs(fmt::format("striate: {}\n", one_line(message)).c_str(), stderr);
  return status;
}

const CLI::App& deepest(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : deepest(*chosen.front());
}

// What CLI11 could not place, with what was probably meant.
std::string unknown_argument(const CLI::App& app) {
  const CLI::App& command = deepest(app);
  std::string word;
  for (const std::string& extra : app.remaining(true)) {
    if (word.empty()) word = extra;
  }
  if (!word.starts_with("-")) {
    std::vector<std::string> known;
    if (&command != &app)
      return fmt::format("{}: unexpected argument {}", command.get_name(), word);
    for (const CLI::App* sub : app.get_subcommands(nullptr)) known.push_back(sub->get_name());
    return fmt::format("unknown command {}{}", word, suggestion(word, known));
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  word.resize(std::min(word.find('='), word.size()));
  return fmt::format("{}: unknown option {}{}", command.get_name(), word, suggestion(word, known));
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  // A file that grows too large is then an error of the write like any other.
  std::signal(SIGXFSZ, SIG_IGN);
  CommandRegistry registry;
  register_every_command(registry);
  CLI::App app("Convolutional and recurrent networks: explained, trained and run natively.",
               "striate");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.footer("striate COMMAND --help says more, with an example.");
  for (const CommandRow& row : registry.rows()) {
    CLI::App* command = app.add_subcommand(row.name, row.doc);
    command->footer("Example:\n  " + row.example);
    row.set_up(*command);
  }
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();  // a command that has said why
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::RequiredError& error) {
    if (argc <= 1) {
      std::fputs(app.help().c_str(), stdout);
      return 2;
    }
    // "A subcommand is required" is all CLI11 says of a misspelt one.
    if (app.get_subcommands().empty() && !app.remaining(true).empty()) {
      return report(2, unknown_argument(app));
    }
    return report(2, fmt::format("{}: {}", deepest(app).get_name(), error.what()));
  } catch (const CLI::ExtrasError&) {
    return report(2, unknown_argument(app));
  } catch (const CLI::ParseError& error) {
    return report(2, fmt::format("{}: {}", deepest(app).get_name(), error.what()));
  } catch (const Cancelled&) {
    return report(130, "stopped");
  } catch (const SystemError& error) {
    return report(1, error.what());
  } catch (const DivergedError& error) {
    return report(1, error.what());
  } catch (const Error& error) {
    return report(2, error.what());
  } catch (const std::bad_alloc&) {
    return report(1, "out of memory");
  } catch (const std::exception& error) {
    return report(1, error.what());
  }
}

}  // namespace striate
