#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace striate {

/// One subcommand: adds its options to `app` and sets its callback, which prints to stdout and
/// throws the library's errors.
struct CommandRow {
  std::string name;
  std::string doc;      ///< one line for the list of commands
  std::string example;  ///< shown by --help
  std::function<void(CLI::App& app)> set_up;
};

class CommandRegistry {
 public:
  void add(CommandRow row) { rows_.push_back(std::move(row)); }
  const std::vector<CommandRow>& rows() const { return rows_; }

 private:
  std::vector<CommandRow> rows_;
};

void register_every_command(CommandRegistry& registry);

/// The whole command: parses, runs, prints one line on stderr for an error. 0: done, 1: the
/// machine or the library failed, 2: the input is at fault, 130: interrupted.
int run_command_line(int argc, const char* const* argv);

}  // namespace striate
