#include "striate/codec/utf8.h"

#include <algorithm>
#include <cstdint>

#include "striate/base/error.h"

namespace striate {

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  std::uint32_t code = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kSmallest[length] || surrogate || code > 0x10ffff ? 0 : length;
}

std::string_view utf8_text(std::span<const std::uint8_t> bytes, std::string_view name) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    fail<InputError>("{}: it is UTF-16; expected UTF-8: iconv -f utf-16 -t utf-8 makes it", name);
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    if (length == 0 || rest[0] == '\0') {
      const std::string_view before = text.substr(0, text.size() - rest.size());
      fail<InputError>(
          "{}: line {}: byte 0x{:02x} is no text in UTF-8; in Latin-1, iconv -f latin1 -t utf-8 "
          "makes it",
          name, 1 + std::count(before.begin(), before.end(), '\n'),
          static_cast<unsigned char>(rest[0]));
    }
    rest.remove_prefix(length);
  }
  return text;
}

std::vector<std::string_view> utf8_characters(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(text));
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

}  // namespace striate
