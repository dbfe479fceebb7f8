#pragma once

#include <string>
#include <string_view>

namespace striate::draw {

/// `text` as valid UTF-8 of one line: bytes that are not UTF-8, and characters that XML forbids,
/// become U+FFFD; control characters become spaces. (Cairo refuses to draw anything more on a
/// surface that was once given bad UTF-8.)
std::string printable(std::string_view text);

/// `text`, which must be printable, for XML content and attributes.
std::string xml_escaped(std::string_view text);

/// Bytes of printable `text` up to and without its last character.
std::string_view without_last(std::string_view text);

}  // namespace striate::draw
