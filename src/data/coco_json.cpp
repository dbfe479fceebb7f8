// COCO's annotations, https://cocodataset.org/#format-data, and its lists of results.

#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "data/annotation_formats.h"
#include "data/json_records.h"
#include "striate/base/error.h"

namespace striate {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> kKeys{"id",      "image_id", "category_id", "bbox",
                                     "iscrowd", "area",     "name",        "file_name",
                                     "width",   "height",   "score",       "ignore"};

struct Reader {
  const std::string file;
  Annotations all;
  std::map<std::string, std::int64_t> pictures, classes;  // by id
  struct Waiting {
    std::string picture, category;
    Annotation annotation;
  };
  std::vector<Waiting> waiting;

  const std::string& text(const JsonRecord& record, const char* key, std::string_view what) const {
    const auto found = record.texts.find(key);
    if (found == record.texts.end() || found->second.empty()) {
      fail<InputError>("{}: line {}: {} has no \"{}\"", file, record.line, what, key);
    }
    return found->second;
  }
  double number(const JsonRecord& record, const char* key, double standard) const {
    const auto found = record.numbers.find(key);
    if (found == record.numbers.end()) return standard;
    if (!std::isfinite(found->second)) {
      fail<InputError>("{}: line {}: \"{}\": expected a number, got {}", file, record.line, key,
                       found->second);
    }
    return found->second;
  }
  std::int64_t side(const JsonRecord& record, const char* key) const {
    const double value = number(record, key, 0);
    if (value < 0 || value > 1e6) {
      fail<InputError>("{}: line {}: \"{}\": expected pixels, 0 to 1000000, got {}", file,
                       record.line, key, value);
    }
    return static_cast<std::int64_t>(value);
  }

  void image(const JsonRecord& record) {
    const std::string& id = text(record, "id", "an image");
    if (!pictures.emplace(id, static_cast<std::int64_t>(all.pictures.size())).second) {
      fail<InputError>("{}: line {}: a second image with the id {}", file, record.line, id);
    }
    all.pictures.push_back({.name = text(record, "file_name", "an image"),
                            .width = side(record, "width"),
                            .height = side(record, "height"),
                            .source = file});
    all.picture_ids.push_back(id);
  }
  void category(const JsonRecord& record) {
    const std::string& id = text(record, "id", "a category");
    if (!classes.emplace(id, static_cast<std::int64_t>(all.classes.size())).second) {
      fail<InputError>("{}: line {}: a second category with the id {}", file, record.line, id);
    }
    all.classes.push_back(text(record, "name", "a category"));
    all.class_ids.push_back(id);
  }
  void annotation(const JsonRecord& record) {
    const auto box = record.lists.find("bbox");
    if (box == record.lists.end() || box->second.size() != 4) {
      fail<InputError>("{}: line {}: expected \"bbox\": [x, y, width, height]", file, record.line);
    }
    const std::vector<double>& b = box->second;
    for (const double value : b) {
      if (!std::isfinite(value)) {
        fail<InputError>("{}: line {}: \"bbox\": expected numbers, got {}", file, record.line,
                         value);
      }
    }
    Annotation one{.score = number(record, "score", -1), .line = record.line};
    one.object.box = {b[0], b[1], b[0] + b[2], b[1] + b[3]};
    one.object.crowd = number(record, "iscrowd", 0) != 0;
    one.object.difficult = number(record, "ignore", 0) != 0;
    one.object.area = number(record, "area", -1);
    waiting.push_back({text(record, "image_id", "an annotation"),
                       text(record, "category_id", "an annotation"), one});
  }

  // A list of results alone has neither images nor categories: they are called by their ids.
  std::int64_t known(std::map<std::string, std::int64_t>& ids, const std::string& id, bool open,
                     const char* what, std::int64_t line) {
    const auto found = ids.find(id);
    if (found != ids.end()) return found->second;
    if (!open) fail<InputError>("{}: line {}: there is no {} with the id {}", file, line, what, id);
    const auto index = static_cast<std::int64_t>(ids.size());
    ids.emplace(id, index);
    return index;
  }

  Annotations finish(bool results) {
    for (Waiting& one : waiting) {
      const std::int64_t line = one.annotation.line;
      const std::int64_t picture = known(pictures, one.picture, results, "image", line);
      if (picture == static_cast<std::int64_t>(all.pictures.size())) {
        all.pictures.push_back({.name = one.picture, .source = file});
        all.picture_ids.push_back(one.picture);
      }
      one.annotation.object.label = known(classes, one.category, results, "category", line);
      if (one.annotation.object.label == static_cast<std::int64_t>(all.classes.size())) {
        all.classes.push_back(one.category);
        all.class_ids.push_back(one.category);
      }
      all.pictures[static_cast<std::size_t>(picture)].annotations.push_back(one.annotation);
    }
    return std::move(all);
  }
};

}  // namespace

Annotations read_coco(std::string_view text, const std::filesystem::path& file) {
  Reader reader{.file = file.string()};
  bool results = false;
  bool any = false;
  read_json_records(text, reader.file, kKeys,
                    [&](std::string_view section, const JsonRecord& record) {
                      if (section == "images") reader.image(record);
                      if (section == "categories") reader.category(record);
                      if (section == "annotations" || section.empty()) reader.annotation(record);
                      results = results || section.empty();
                      any = any || section == "images" || section == "annotations";
                    });
  if (!any && !results) {
    fail<InputError>(
        "{}: expected COCO's \"images\", \"annotations\" and \"categories\", or a list "
        "of results",
        reader.file);
  }
  return reader.finish(results);
}

std::string write_coco(const Annotations& annotations) {
  Json images = Json::array();
  Json boxes = Json::array();
  Json categories = Json::array();
  for (std::size_t c = 0; c < annotations.classes.size(); ++c) {
    categories.push_back({{"id", c + 1}, {"name", annotations.classes[c]}, {"supercategory", ""}});
  }
  for (std::size_t p = 0; p < annotations.pictures.size(); ++p) {
    const AnnotatedPicture& picture = annotations.pictures[p];
    images.push_back({{"id", p + 1},
                      {"file_name", picture.name},
                      {"width", picture.width},
                      {"height", picture.height}});
    for (const Annotation& one : picture.annotations) {
      const Box& box = one.object.box;
      Json record{{"id", boxes.size() + 1},
                  {"image_id", p + 1},
                  {"category_id", one.object.label + 1},
                  {"bbox", {box.x1, box.y1, box.width(), box.height()}},
                  {"area", one.object.area >= 0 ? one.object.area : box.area()},
                  {"iscrowd", one.object.crowd ? 1 : 0},
                  {"segmentation", Json::array()}};
      if (one.object.difficult) record["ignore"] = 1;
      if (one.score >= 0) record["score"] = one.score;
      boxes.push_back(std::move(record));
    }
  }
  const Json all{{"images", std::move(images)},
                 {"annotations", std::move(boxes)},
                 {"categories", std::move(categories)}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace striate
