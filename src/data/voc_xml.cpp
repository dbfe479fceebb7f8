// Pascal VOC's annotations: one XML file a picture. ImageNet's have the same form.

#include <charconv>
#include <cmath>
#include <pugixml.hpp>

#include "data/annotation_formats.h"
#include "striate/base/error.h"

namespace striate {
namespace {

// A file and its text, for what is said of a place in it.
struct Source {
  std::string file;
  std::string_view text;

  std::int64_t line(const pugi::xml_node& node) const {
    const std::ptrdiff_t offset = node.offset_debug();
    return offset < 0 ? 0 : line_at(text, static_cast<std::size_t>(offset));
  }
};

double number(const pugi::xml_node& parent, const char* name, const Source& source) {
  const pugi::xml_node node = parent.child(name);
  if (node.empty()) {
    fail<InputError>("{}: line {}: <{}> has no <{}>", source.file, source.line(parent),
                     parent.name(), name);
  }
  std::string_view text = node.text().get();
  while (!text.empty() &&
         std::string_view(" \t\r\n").find(text.front()) != std::string_view::npos) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    fail<InputError>("{}: line {}: <{}>: expected a number, got \"{}\"", source.file,
                     source.line(node), name, text.substr(0, 40));
  }
  return value;
}

std::int64_t side(const pugi::xml_node& size, const char* name, const Source& source) {
  if (size.child(name).empty()) return 0;
  const double value = number(size, name, source);
  if (value < 0 || value > 1e6 || value != std::floor(value)) {
    fail<InputError>("{}: line {}: <{}>: expected pixels, 0 to 1000000, got {}", source.file,
                     source.line(size), name, value);
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace

AnnotatedPicture read_voc_xml(std::string_view text, const std::filesystem::path& file,
                              ClassNames& classes, const AnnotationOptions& options) {
  const Source source{.file = file.string(), .text = text};
  pugi::xml_document document;
  const pugi::xml_parse_result result =
      document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!result) {
    fail<InputError>(
        "{}: line {}: not XML: {}", source.file,
        line_at(text, static_cast<std::size_t>(std::max<std::ptrdiff_t>(result.offset, 0))),
        result.description());
  }
  const pugi::xml_node root = document.child("annotation");
  if (root.empty()) fail<InputError>("{}: expected <annotation>, as Pascal VOC has", source.file);
  AnnotatedPicture picture{.name = root.child("filename").text().get(), .source = file};
  if (picture.name.empty()) picture.name = file.stem().string();
  if (const pugi::xml_node size = root.child("size"); !size.empty()) {
    picture.width = side(size, "width", source);
    picture.height = side(size, "height", source);
  }
  for (const pugi::xml_node object : root.children("object")) {
    const std::int64_t line = source.line(object);
    const std::string_view name = object.child("name").text().get();
    if (name.empty()) fail<InputError>("{}: line {}: <object> has no <name>", source.file, line);
    const pugi::xml_node box = object.child("bndbox");
    if (box.empty()) fail<InputError>("{}: line {}: <object> has no <bndbox>", source.file, line);
    const double first = options.voc_edges ? 0 : 1;
    Annotation one;
    one.line = source.line(box);
    one.object.label = classes.label(name, source.file, line);
    one.object.box = {number(box, "xmin", source) - first, number(box, "ymin", source) - first,
                      number(box, "xmax", source), number(box, "ymax", source)};
    one.object.difficult = object.child("difficult").text().as_int() != 0;
    picture.annotations.push_back(one);
  }
  return picture;
}

}  // namespace striate
