#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "striate/base/files.h"

namespace striate {

/// Length in bytes of the character that `text` starts with, or 0 where it is none that UTF-8 (RFC
/// 3629, section 4) allows, or there is no text.
std::size_t utf8_length(std::string_view text);

/// The whole of `bytes` as text, without the mark that some programs put first. It looks at what
/// `bytes` looks at. Throws InputError naming `name`, the line and the byte for what is not UTF-8,
/// and for UTF-16.
std::string_view utf8_text(std::span<const std::uint8_t> bytes, std::string_view name);

/// The characters of valid text, one after another.
std::vector<std::string_view> utf8_characters(std::string_view text);

}  // namespace striate
