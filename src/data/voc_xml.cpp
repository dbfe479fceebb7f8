// Pascal VOC's annotations: one XML file a picture. ImageNet's have the same form.

#include <algorithm>
#include <cmath>
#include <pugixml.hpp>
#include <utility>

#include "data/annotation_formats.h"
#include "striate/base/error.h"

namespace striate {
namespace {

// A file and its text, for what is said of a place in it.
struct Source {
  std::string file;
  std::string_view text;
  // Lines are counted on from the place asked about last: mostly there are many after one another.
  mutable std::size_t counted = 0;
  mutable std::int64_t lines = 0;

  std::int64_t line(const pugi::xml_node& node) const {
    const std::ptrdiff_t offset = node.offset_debug();
    if (offset < 0) return 0;
    const auto place = std::min(static_cast<std::size_t>(offset), text.size());
    if (place < counted) counted = static_cast<std::size_t>(lines = 0);
    lines += std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                        text.begin() + static_cast<std::ptrdiff_t>(place), '\n');
    counted = place;
    return lines + 1;
  }
};

double number(std::string_view text, const char* name, const Source& source,
              const pugi::xml_node& at) {
  const std::vector<std::string_view> words = words_of(text);
  double value = 0;
  if (words.size() != 1 || !read_number(words[0], value)) {
    fail<InputError>("{}: line {}: {}: expected a number, got \"{}\"", source.file, source.line(at),
                     name, text.substr(0, 40));
  }
  return value;
}

std::int64_t pixels(std::string_view text, const char* name, const Source& source,
                    const pugi::xml_node& at) {
  const double value = number(text, name, source, at);
  if (value < 0 || value > 1e6 || value != std::floor(value)) {
    fail<InputError>("{}: line {}: {}: expected pixels, 0 to 1000000, got {}", source.file,
                     source.line(at), name, value);
  }
  return static_cast<std::int64_t>(value);
}

double child_number(const pugi::xml_node& parent, const char* name, const Source& source) {
  const pugi::xml_node node = parent.child(name);
  if (node.empty()) {
    fail<InputError>("{}: line {}: <{}> has no <{}>", source.file, source.line(parent),
                     parent.name(), name);
  }
  return number(node.text().get(), name, source, node);
}

void load(pugi::xml_document& document, const Source& source) {
  const std::string_view text = source.text;
  const pugi::xml_parse_result result =
      document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (result) return;
  const auto place = static_cast<std::size_t>(std::max<std::ptrdiff_t>(result.offset, 0));
  fail<InputError>("{}: line {}: not XML: {}", source.file, line_at(text, place),
                   result.description());
}

}  // namespace

AnnotatedPicture read_voc_xml(std::string_view text, const std::filesystem::path& file,
                              ClassNames& classes, const AnnotationOptions& options) {
  const Source source{.file = file.string(), .text = text};
  pugi::xml_document document;
  load(document, source);
  const pugi::xml_node root = document.child("annotation");
  if (root.empty()) fail<InputError>("{}: expected <annotation>, as Pascal VOC has", source.file);
  AnnotatedPicture picture{.name = root.child("filename").text().get(), .source = file};
  if (picture.name.empty()) picture.name = file.stem().string();
  if (const pugi::xml_node size = root.child("size"); !size.empty()) {
    picture.width = pixels(size.child("width").text().as_string("0"), "width", source, size);
    picture.height = pixels(size.child("height").text().as_string("0"), "height", source, size);
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
    one.object.box = {child_number(box, "xmin", source) - first,
                      child_number(box, "ymin", source) - first, child_number(box, "xmax", source),
                      child_number(box, "ymax", source)};
    one.object.difficult = object.child("difficult").text().as_int() != 0;
    picture.annotations.push_back(one);
  }
  return picture;
}

std::string write_voc_xml(const AnnotatedPicture& picture,
                          const std::vector<std::string>& classes) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("annotation");
  const auto put = [](pugi::xml_node parent, const char* name, const std::string& text) {
    parent.append_child(name).text().set(text.c_str());
  };
  put(root, "filename", picture.name);
  pugi::xml_node size = root.append_child("size");
  put(size, "width", fmt::to_string(picture.width));
  put(size, "height", fmt::to_string(picture.height));
  put(size, "depth", "3");
  put(root, "segmented", "0");
  for (const Annotation& one : picture.annotations) {
    pugi::xml_node object = root.append_child("object");
    put(object, "name", classes[static_cast<std::size_t>(one.object.label)]);
    put(object, "difficult", one.object.difficult ? "1" : "0");
    const Box& box = one.object.box;
    pugi::xml_node edges = object.append_child("bndbox");
    put(edges, "xmin", fmt::to_string(box.x1 + 1));
    put(edges, "ymin", fmt::to_string(box.y1 + 1));
    put(edges, "xmax", fmt::to_string(box.x2));
    put(edges, "ymax", fmt::to_string(box.y2));
  }
  struct Text : pugi::xml_writer {
    std::string all;
    void write(const void* data, std::size_t length) override {
      all.append(static_cast<const char*>(data), length);
    }
  } text;
  document.save(text, "\t", pugi::format_default | pugi::format_no_declaration,
                pugi::encoding_utf8);
  return std::move(text.all);
}

Annotations read_cvat(std::string_view text, const std::filesystem::path& file) {
  const Source source{.file = file.string(), .text = text};
  pugi::xml_document document;
  load(document, source);
  const pugi::xml_node root = document.child("annotations");
  if (root.empty()) fail<InputError>("{}: expected <annotations>, as CVAT has", source.file);
  Annotations all;
  ClassNames classes;
  for (const pugi::xml_node label :
       root.child("meta").child("task").child("labels").children("label")) {
    classes.label(label.child("name").text().get(), source.file, 0);
  }
  for (const pugi::xml_node image : root.children("image")) {
    AnnotatedPicture picture{.name = image.attribute("name").value(), .source = file};
    if (picture.name.empty()) {
      fail<InputError>("{}: line {}: <image> has no name", source.file, source.line(image));
    }
    picture.width = pixels(image.attribute("width").value(), "width", source, image);
    picture.height = pixels(image.attribute("height").value(), "height", source, image);
    for (const pugi::xml_node box : image.children("box")) {
      Annotation one{.line = source.line(box)};
      const auto edge = [&](const char* name) {
        return number(box.attribute(name).value(), name, source, box);
      };
      one.object.box = {edge("xtl"), edge("ytl"), edge("xbr"), edge("ybr")};
      one.object.label = classes.label(box.attribute("label").value(), source.file, one.line);
      picture.annotations.push_back(one);
    }
    all.pictures.push_back(std::move(picture));
  }
  all.classes = classes.names();
  return all;
}

}  // namespace striate
