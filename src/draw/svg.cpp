#include "draw/svg.h"

#include <cstddef>
#include <map>
#include <string_view>

#include "draw/text.h"
#include "striate/base/error.h"

namespace striate::draw {

std::string renumbered(const std::string& svg) {
  constexpr std::string_view kNumbered[] = {"\"surface", "\"image", "#surface", "#image"};
  std::map<std::string, std::size_t> numbers;
  std::string result;
  std::size_t done = 0;
  for (std::size_t at = 0; (at = svg.find_first_of("\"#", at)) != std::string::npos; ++at) {
    for (const std::string_view name : kNumbered) {
      if (svg.compare(at, name.size(), name) != 0) continue;
      const std::size_t digits = at + name.size();
      const std::size_t end = svg.find_first_not_of("0123456789", digits);
      if (end == digits || end == std::string::npos) continue;
      const std::string id = svg.substr(at + 1, end - at - 1);
      result.append(svg, done, digits - done);
      result += std::to_string(numbers.emplace(id, numbers.size()).first->second);
      done = end;
    }
  }
  return result.append(svg, done);
}

std::string described(std::string svg, const std::string& name,
                      const std::vector<std::string>& texts) {
  const std::size_t root = svg.find("<svg ");
  const std::size_t end = root == std::string::npos ? root : svg.find('>', root);
  invariant(end != std::string::npos, "Cairo wrote an SVG without its root element");
  std::string words = "\n<title>" + xml_escaped(name) + "</title>\n<desc>\n";
  for (const std::string& text : texts) words += xml_escaped(text) + '\n';
  return svg.insert(end + 1, words + "</desc>");
}

}  // namespace striate::draw
