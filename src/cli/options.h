#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

#include <CLI/CLI.hpp>

namespace striate {

/// "clip_norm" is --clip-norm on the command line.
inline std::string flag_name(std::string_view field) {
  std::string flag = "--" + std::string(field);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

/// The option for one field; its default is shown. A flag that is on by default gets --no-….
template <class Field>
void add_option(CLI::App& app, std::string_view name, Field& field, std::string_view help) {
  if constexpr (std::is_same_v<Field, bool>) {
    const std::string flag = flag_name(name);
    app.add_flag(field ? flag + ",!--no-" + flag.substr(2) : flag, field, std::string(help));
  } else {
    CLI::Option* option = app.add_option(flag_name(name), field, std::string(help));
    if constexpr (std::is_same_v<Field, std::string>) {
      if (field.empty()) return;
    }
    option->capture_default_str();
  }
}

/// One option for each field of a struct that lists them (base/fields.h).
template <class Struct>
void add_options(CLI::App& app, Struct& options) {
  options.fields([&]<class Field>(std::string_view name, Field& field, std::string_view help) {
    add_option(app, name, field, help);
  });
}

}  // namespace striate
