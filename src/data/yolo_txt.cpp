// Darknet's labels, https://pjreddie.com/darknet/yolo: a text file a picture, a line an object: the
// class's number, and centre, width and height as shares of the picture.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "data/annotation_formats.h"
#include "striate/base/error.h"

namespace striate {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The name of a class in YAML: without quotes and comment.
std::string yaml_name(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    if (end != std::string_view::npos) return std::string(text.substr(1, end - 1));
  }
  return std::string(trimmed(text.substr(0, text.find(" #"))));
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlank = " \t\r";
  for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlank, end);
  }
  return words;
}

bool read_number(std::string_view word, double& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() && std::isfinite(value);
}

std::vector<Annotation> read_yolo_txt(std::string_view text, const std::filesystem::path& file,
                                      std::int64_t classes, double width, double height) {
  std::vector<Annotation> all;
  std::int64_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty()) continue;
    std::array<double, 6> numbers{};
    bool sound = words.size() == 5 || words.size() == 6;
    for (std::size_t i = 0; sound && i < words.size(); ++i) {
      sound = read_number(words[i], numbers[i]);
    }
    if (!sound) {
      fail<InputError>("{}: line {}: expected a class's number and four shares, got \"{}\"",
                       file.string(), number, line.substr(0, 60));
    }
    if (numbers[0] != std::floor(numbers[0]) || numbers[0] < 0 ||
        numbers[0] >= static_cast<double>(classes)) {
      fail<InputError>("{}: line {}: unknown class {}, expected 0 to {}", file.string(), number,
                       words[0], classes - 1);
    }
    Annotation one{.line = number};
    one.object.label = static_cast<std::int64_t>(numbers[0]);
    const double x = numbers[1] * width;
    const double y = numbers[2] * height;
    const double half_width = numbers[3] * width / 2;
    const double half_height = numbers[4] * height / 2;
    one.object.box = {x - half_width, y - half_height, x + half_width, y + half_height};
    if (words.size() == 6) one.score = numbers[5];
    all.push_back(one);
  }
  return all;
}

std::string write_yolo_txt(const AnnotatedPicture& picture) {
  std::string text;
  const auto width = static_cast<double>(picture.width);
  const auto height = static_cast<double>(picture.height);
  for (const Annotation& one : picture.annotations) {
    const Box& box = one.object.box;
    text += fmt::format("{} {} {} {} {}", one.object.label, (box.x1 + box.x2) / 2 / width,
                        (box.y1 + box.y2) / 2 / height, box.width() / width, box.height() / height);
    if (one.score >= 0) text += fmt::format(" {}", one.score);
    text += '\n';
  }
  return text;
}

std::vector<std::string> read_yaml_names(std::string_view text, const std::filesystem::path& file) {
  std::vector<std::string> names;
  bool inside = false;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool deeper = !line.empty() && (line.front() == ' ' || line.front() == '-');
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.substr(0, 6) == "names:") {
      std::string_view rest = trimmed(line.substr(6));
      inside = rest.empty() || rest.front() == '#';
      if (inside) continue;
      const std::size_t end = rest.find(']');
      if (rest.front() != '[' || end == std::string_view::npos) break;
      rest = rest.substr(1, end - 1);
      while (!rest.empty()) {
        const std::string_view part = rest.substr(0, rest.find(','));
        names.push_back(yaml_name(part));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
      }
      break;
    }
    if (!inside) continue;
    if (!deeper) break;
    if (line.front() == '-') {
      names.push_back(yaml_name(line.substr(1)));
      continue;
    }
    double number = 0;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !read_number(trimmed(line.substr(0, colon)), number) ||
        number != static_cast<double>(names.size())) {
      fail<InputError>("{}: names: expected \"{}: NAME\", got \"{}\"", file.string(), names.size(),
                       line.substr(0, 60));
    }
    names.push_back(yaml_name(line.substr(colon + 1)));
  }
  if (names.empty()) fail<InputError>("{}: expected the classes' \"names:\"", file.string());
  return names;
}

}  // namespace striate
