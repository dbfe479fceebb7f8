#pragma once

#include <string>
#include <vector>

namespace striate::draw {

/// Cairo numbers its pictures and groups through the life of the process; numbered from 0 in each
/// drawing, the same drawing gives the same bytes.
std::string renumbered(const std::string& svg);

/// With `<title>` and `<desc>` right behind the opening tag, where SVG viewers and screen readers
/// look for them. The name and the texts must be printable.
std::string described(std::string svg, const std::string& name,
                      const std::vector<std::string>& texts);

}  // namespace striate::draw
