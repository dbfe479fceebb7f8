// Boxes in tables and plain lines.

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <memory>

#include "data/annotation_formats.h"
#include "striate/base/error.h"
#include "striate/codec/csv.h"

namespace striate {
namespace {

// Where a column stands, by one of its names; -1 where it does not.
std::int64_t column(const CsvTable& table, std::initializer_list<std::string_view> names) {
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    std::string title = table.header[i];
    for (char& c : title) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (std::find(names.begin(), names.end(), title) != names.end()) {
      return static_cast<std::int64_t>(i);
    }
  }
  return -1;
}

}  // namespace

Annotations read_box_table(std::string_view text, const std::filesystem::path& file,
                           const AnnotationOptions& options) {
  const std::string name = file.string();
  const CsvTable table =
      read_csv({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, name);
  const std::int64_t image = column(table, {"image", "imageid", "picture", "file", "filename"});
  const std::int64_t label = column(table, {"class", "labelname", "label"});
  const std::int64_t score = column(table, {"score", "confidence"});
  std::array<std::int64_t, 4> edges{column(table, {"x1", "xmin"}), column(table, {"y1", "ymin"}),
                                    column(table, {"x2", "xmax"}), column(table, {"y2", "ymax"})};
  if (image < 0 || label < 0 || *std::min_element(edges.begin(), edges.end()) < 0) {
    fail<InputError>(
        "{}: expected columns image, class, x1, y1, x2, y2 (score), or OpenImages' ImageID, "
        "LabelName, XMin, XMax, YMin, YMax",
        name);
  }
  const bool shares = column(table, {"imageid"}) >= 0;
  std::unique_ptr<PictureSizes> sizes;
  if (shares) sizes = std::make_unique<PictureSizes>(options);
  Annotations all;
  ClassNames classes;
  std::map<std::string, std::size_t> pictures;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const std::vector<std::string>& row = table.rows[r];
    const std::int64_t line = table.lines[r];
    const auto cell = [&](std::int64_t at) { return row[static_cast<std::size_t>(at)]; };
    const auto number = [&](std::int64_t at) {
      std::string word = cell(at);
      // Some write 0,5 in quotes.
      if (word.find('.') == std::string::npos) std::replace(word.begin(), word.end(), ',', '.');
      double value = 0;
      if (!read_number(word, value)) {
        fail<InputError>("{}: line {}: {}: expected a number, got \"{}\"", name, line,
                         table.header[static_cast<std::size_t>(at)], cell(at).substr(0, 40));
      }
      return value;
    };
    const auto [found, added] = pictures.emplace(cell(image), all.pictures.size());
    if (added) {
      all.pictures.push_back({.name = cell(image), .source = file});
      if (sizes != nullptr) sizes->complete(all.pictures.back());
    }
    AnnotatedPicture& picture = all.pictures[found->second];
    Annotation one{.line = line};
    one.object.label = classes.label(cell(label), name, line);
    const double width = shares ? static_cast<double>(picture.width) : 1;
    const double height = shares ? static_cast<double>(picture.height) : 1;
    one.object.box = {number(edges[0]) * width, number(edges[1]) * height, number(edges[2]) * width,
                      number(edges[3]) * height};
    if (score >= 0 && !cell(score).empty()) one.score = number(score);
    picture.annotations.push_back(one);
  }
  all.classes = classes.names();
  return all;
}

std::vector<Annotation> read_box_lines(std::string_view text, const std::filesystem::path& file,
                                       ClassNames& classes) {
  std::vector<Annotation> all;
  std::int64_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty()) continue;
    std::array<double, 5> numbers{};
    bool sound = words.size() == 5 || words.size() == 6;
    for (std::size_t i = 1; sound && i < words.size(); ++i) {
      sound = read_number(words[i], numbers[i - 1]);
    }
    if (!sound) {
      fail<InputError>(
          "{}: line {}: expected \"class [score] x y width height\" in pixels, got \"{}\"",
          file.string(), number, line.substr(0, 60));
    }
    const std::size_t box = words.size() - 5;
    Annotation one{.line = number};
    one.object.label = classes.label(words[0], file.string(), number);
    one.object.box = {numbers[box], numbers[box + 1], numbers[box] + numbers[box + 2],
                      numbers[box + 1] + numbers[box + 3]};
    if (box == 1) one.score = numbers[0];
    all.push_back(one);
  }
  return all;
}

}  // namespace striate
