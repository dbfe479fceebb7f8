#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "striate/base/fields.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// An ONNX attribute's value. ONNX stores floats in 32 bits; here they are double, so that the
/// gradient checks are not limited by them.
using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>,
                               std::vector<double>, Tensor, std::vector<std::string>>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

/// Throws ModelError: attribute `name` holds another kind of value than the operator reads.
[[noreturn]] void attribute_kind_error(std::string_view name, const Attribute& found,
                                       std::string_view expected);
/// Throws ModelError when `attributes` has a name that is not in `known`.
void check_attribute_names(const Attributes& attributes, const std::vector<std::string>& known);

/// Fills the fields of an operator's attribute struct (see base/fields.h); what is not given keeps
/// its default. Fields may be bool, int64, double, string and vectors of int64, double or string.
template <class Struct>
Struct read_attributes(const Attributes& attributes) {
  Struct result;
  std::vector<std::string> known;
  result.fields([&]<class Field>(std::string_view name, Field& field, std::string_view) {
    known.emplace_back(name);
    const auto found = attributes.find(name);
    if (found == attributes.end()) return;
    using Stored = std::conditional_t<std::is_same_v<Field, bool>, std::int64_t, Field>;
    const Stored* value = std::get_if<Stored>(&found->second);
    if (value == nullptr) {
      attribute_kind_error(name, found->second,
                           std::is_same_v<Stored, std::int64_t>  ? "an integer"
                           : std::is_same_v<Stored, double>      ? "a number"
                           : std::is_same_v<Stored, std::string> ? "a string"
                                                                 : "a list");
    }
    if constexpr (std::is_same_v<Field, bool>) {
      field = *value != 0;
    } else {
      field = *value;
    }
  });
  check_attribute_names(attributes, known);
  return result;
}

/// The attributes of a struct, all of them, as a graph stores them.
template <class Struct>
Attributes write_attributes(const Struct& values) {
  Attributes attributes;
  values.fields([&]<class Field>(std::string_view name, const Field& field, std::string_view) {
    if constexpr (std::is_same_v<Field, bool>) {
      attributes.emplace(name, static_cast<std::int64_t>(field));
    } else if constexpr (std::is_same_v<Field, std::vector<std::int64_t>> ||
                         std::is_same_v<Field, std::vector<double>> ||
                         std::is_same_v<Field, std::vector<std::string>> ||
                         std::is_same_v<Field, std::string>) {
      if (!field.empty()) attributes.emplace(name, field);
    } else {
      attributes.emplace(name, field);
    }
  });
  return attributes;
}

}  // namespace striate
