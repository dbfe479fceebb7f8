#include "striate/base/error.h"

namespace striate {

std::string one_line(std::string_view text) {
  constexpr std::size_t kLongest = 4000;
  std::string line;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  if (text.size() > kLongest) line += fmt::format(" … ({} bytes more)", text.size() - kLongest);
  return line;
}

}  // namespace striate
