#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

/// One object of an array: what it holds itself. Numbers and truths stand among `texts` too.
struct JsonRecord {
  std::int64_t line = 0;
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, double, std::less<>> numbers;
  std::map<std::string, std::vector<double>, std::less<>> lists;  ///< of numbers alone
};

/// Reads the objects in the outermost array, or in the arrays of the outermost object, one after
/// another; deeper ones, and keys that are not `wanted`, are passed over, so that memory is what one
/// of them takes. `on_record` is told the array's key, empty for the outermost one. Throws
/// InputError naming `file` and the line for what is no JSON.
void read_json_records(
    std::string_view text, std::string_view file, const std::vector<std::string>& wanted,
    const std::function<void(std::string_view section, const JsonRecord& record)>& on_record);

}  // namespace striate
