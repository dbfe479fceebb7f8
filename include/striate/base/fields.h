#pragma once

#include <string_view>

namespace striate {

/// A struct of attributes or options lists each field once, in
///
///     template <class Visitor> void fields(Visitor&& visit) {
///       visit("epochs", epochs, "passes over the training pictures");
///     }
///
/// and every reader and writer of such structs (command line, TOML, JSON, ONNX attributes) is a
/// visitor: a callable `(std::string_view name, Field& field, std::string_view help)`, for a const
/// struct `(…, const Field& field, …)`. STRIATE_FIELDS gives both forms from one list.
#define STRIATE_FIELDS(...)                             \
  template <class Visitor>                              \
  void fields([[maybe_unused]] Visitor&& visit) {       \
    __VA_ARGS__                                         \
  }                                                     \
  template <class Visitor>                              \
  void fields([[maybe_unused]] Visitor&& visit) const { \
    __VA_ARGS__                                         \
  }

}  // namespace striate
