#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

/// What a safetensors header says of one tensor, before it is believed.
struct SafeTensorsEntry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> offsets;  ///< begin and end in the data
};

struct SafeTensorsHeader {
  std::vector<SafeTensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Reads the header's JSON: of the format's form and nothing else, every name once, no deeper than
/// the form goes. `file` stands for the file in messages. Throws InputError.
SafeTensorsHeader parse_safetensors_header(std::string_view json, std::string_view file);

/// A name from outside for a message: escaped, so that it stays on one line, and cut short.
std::string shown(std::string_view name);

}  // namespace striate
