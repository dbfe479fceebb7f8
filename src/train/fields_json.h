#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "striate/base/error.h"

namespace striate {

/// The fields of a struct (base/fields.h) as a JSON object, and back. Numbers come back with the
/// bits they had; those JSON lacks are written as "nan", "inf" and "-inf".
template <class Struct>
nlohmann::ordered_json fields_to_json(const Struct& values) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  values.fields([&]<class Field>(std::string_view name, const Field& field, std::string_view) {
    if constexpr (std::is_same_v<Field, double>) {
      if (!std::isfinite(field)) {
        json[std::string(name)] = std::isnan(field) ? "nan" : field > 0 ? "inf" : "-inf";
        return;
      }
    }
    json[std::string(name)] = field;
  });
  return json;
}

/// Fills every field from the object `json`. Throws InputError, beginning with `where`, for a field
/// that is missing or of another kind, and for one that the struct does not have.
template <class Struct>
void fields_from_json(const nlohmann::json& json, Struct& values, std::string_view where) {
  if (!json.is_object()) fail<InputError>("{}: expected an object", where);
  std::size_t known = 0;
  values.fields([&]<class Field>(std::string_view name, Field& field, std::string_view) {
    ++known;
    const auto found = json.find(std::string(name));
    if (found == json.end()) fail<InputError>("{}: {} is missing", where, name);
    const nlohmann::json& value = *found;
    if constexpr (std::is_same_v<Field, double>) {
      if (value == "nan" || value == "inf" || value == "-inf") {
        constexpr double kInfinity = std::numeric_limits<double>::infinity();
        field = value == "nan" ? std::nan("") : value == "inf" ? kInfinity : -kInfinity;
        return;
      }
    }
    constexpr bool is_integer = std::is_integral_v<Field> && !std::is_same_v<Field, bool>;
    const bool fits = std::is_same_v<Field, bool>          ? value.is_boolean()
                      : std::is_same_v<Field, std::string> ? value.is_string()
                      : is_integer                         ? value.is_number_integer()
                                                           : value.is_number();
    if (!fits) fail<InputError>("{}: {} is a {}", where, name, value.type_name());
    field = value.template get<Field>();
  });
  if (json.size() != known) fail<InputError>("{}: fields that are not known here", where);
}

}  // namespace striate
