#include "draw/text.h"

#include <cstddef>

#include "striate/codec/utf8.h"

namespace striate::draw {
namespace {

// As utf8_length, but for what XML 1.0 forbids.
std::size_t character(std::string_view text) {
  const std::size_t length = utf8_length(text);
  const bool forbidden = text.starts_with("\xef\xbf\xbe") || text.starts_with("\xef\xbf\xbf");
  return forbidden ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character(text);
    if (length == 0) {
      result += "\xef\xbf\xbd";
      text.remove_prefix(1);
      continue;
    }
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x20 || first == 0x7f) {
      result += ' ';
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string xml_escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string_view without_last(std::string_view text) {
  while (!text.empty()) {
    const bool continuation = (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80;
    text.remove_suffix(1);
    if (!continuation) break;
  }
  return text;
}

}  // namespace striate::draw
