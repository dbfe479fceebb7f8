#include "striate/data/annotations.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "data/annotation_formats.h"
#include "data/paths.h"
#include "data/yolo_folder.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/codec/image_size.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 20> kVoc{
    "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
    "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
    "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

}  // namespace

ClassNames::ClassNames(std::vector<std::string> names) : given_(true), names_(std::move(names)) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    labels_.emplace(names_[i], static_cast<std::int64_t>(i));
  }
}

std::int64_t ClassNames::label(std::string_view name, std::string_view file, std::int64_t line) {
  const auto found = labels_.find(name);
  if (found != labels_.end()) return found->second;
  if (given_) {
    fail<InputError>("{}: line {}: unknown class \"{}\"{}", file, line, name.substr(0, 80),
                     suggestion(name.substr(0, 80), names_));
  }
  names_.emplace_back(name);
  labels_.emplace(name, static_cast<std::int64_t>(names_.size()) - 1);
  return static_cast<std::int64_t>(names_.size()) - 1;
}

std::int64_t line_at(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return std::count(text.begin(), end, '\n') + 1;
}

void order_classes(Annotations& annotations) {
  std::vector<std::string> ordered(kVoc.begin(), kVoc.end());
  for (const std::string& name : annotations.classes) {
    if (std::find(kVoc.begin(), kVoc.end(), name) != kVoc.end()) continue;
    ordered = annotations.classes;
    std::sort(ordered.begin(), ordered.end());
    break;
  }
  std::vector<std::int64_t> place;
  for (const std::string& name : annotations.classes) {
    place.push_back(std::find(ordered.begin(), ordered.end(), name) - ordered.begin());
  }
  for (AnnotatedPicture& picture : annotations.pictures) {
    for (Annotation& one : picture.annotations) {
      one.object.label = place[static_cast<std::size_t>(one.object.label)];
    }
  }
  annotations.classes = std::move(ordered);
}

BoxReport mend(Annotations& annotations, BadBoxes how) {
  BoxReport report;
  for (AnnotatedPicture& picture : annotations.pictures) {
    const bool sized = picture.width > 0 && picture.height > 0;
    const auto width = static_cast<double>(picture.width);
    const auto height = static_cast<double>(picture.height);
    std::vector<Annotation> kept;
    for (Annotation& one : picture.annotations) {
      Box& box = one.object.box;
      const Box inside = sized ? intersection(box, {0, 0, width, height}) : box;
      const char* wrong = nullptr;
      bool gone = true;
      if (box.width() < 0 || box.height() < 0) {
        wrong = "inverted";
        ++report.inverted;
      } else if (!(box.area() > 0)) {
        wrong = "empty";
        ++report.empty;
      } else if (!(inside == box)) {
        wrong = "outside the picture";
        ++report.outside;
        gone = how == BadBoxes::drop || !(inside.area() > 0);
      }
      if (wrong != nullptr) {
        const std::string place =
            one.line > 0 ? fmt::format("{}: line {}", picture.source.string(), one.line)
                         : picture.source.string();
        const std::string size =
            sized ? fmt::format(" of {}x{}", picture.width, picture.height) : "";
        report.lines.push_back(fmt::format(
            "{}: {}: {}{}: {} box {}, {} to {}, {}: {}", place,
            annotations.classes[static_cast<std::size_t>(one.object.label)], picture.name, size,
            wrong, box.x1, box.y1, box.x2, box.y2, gone ? "dropped" : "clipped"));
        ++(gone ? report.dropped : report.clipped);
        if (gone) continue;
        box = inside;
      }
      kept.push_back(one);
    }
    picture.annotations = std::move(kept);
  }
  return report;
}

std::vector<fs::path> files_ending(const fs::path& folder, std::string_view ending) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    const fs::path& path = item->path();
    if (path.extension() == ending && path.filename().string().front() != '.') {
      files.push_back(path);
    }
  }
  if (error) fail<InputError>("{}: cannot be listed: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

std::string text_of(const fs::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{1} << 31);
  return {bytes.begin(), bytes.end()};
}

Annotations read_voc_files(const std::vector<fs::path>& files, ClassNames classes,
                           const AnnotationOptions& options) {
  Annotations all;
  for (const fs::path& file : files) {
    all.pictures.push_back(read_voc_xml(text_of(file), file, classes, options));
  }
  all.classes = classes.names();
  return all;
}

PictureSizes::PictureSizes(const AnnotationOptions& options) {
  if (options.sizes.empty()) return;
  if (is_folder(options.sizes)) {
    std::error_code error;
    for (fs::recursive_directory_iterator item(options.sizes, error), end; !error && item != end;
         item.increment(error)) {
      const std::string ending = item->path().extension().string();
      if (ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".JPG") {
        pictures_.emplace(item->path().stem().string(), item->path());
      }
    }
    if (error)
      fail<InputError>("{}: cannot be listed: {}", options.sizes.string(), error.message());
    if (!pictures_.empty()) return;
  }
  const Annotations others = read_annotations(options.sizes);
  for (const AnnotatedPicture& picture : others.pictures) {
    if (picture.width > 0 && picture.height > 0) {
      known_[fs::path(picture.name).stem().string()] = {picture.width, picture.height};
    }
  }
}

void PictureSizes::complete(AnnotatedPicture& picture) const {
  if (picture.width > 0 && picture.height > 0) return;
  const std::string stem = fs::path(picture.name).stem().string();
  if (const auto file = pictures_.find(stem); file != pictures_.end()) {
    const ImageSize size = image_size(file->second);
    picture.width = size.width;
    picture.height = size.height;
  } else if (const auto size = known_.find(stem); size != known_.end()) {
    picture.width = size->second.first;
    picture.height = size->second.second;
  } else {
    fail<InputError>(
        "{}: the size of picture {} is not known, and boxes are shares of it; name the "
        "folder of the pictures, or annotations that tell their sizes",
        picture.source.string(), picture.name);
  }
}

namespace {

// Whether the outermost element of an XML file has this name; what stands before it may be long.
bool outermost(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.empty() || rest[0] == '?' || rest[0] == '!') continue;
    return rest.substr(0, name.size()) == name &&
           (rest.size() == name.size() ||
            std::string_view(" \t\r\n>/").find(rest[name.size()]) != std::string_view::npos);
  }
  return false;
}

Annotations read_file_of_boxes(const fs::path& path, const AnnotationOptions& options) {
  const std::string ending = path.extension().string();
  const std::string text = text_of(path);
  if (ending == ".json") return read_coco(text, path);
  if (ending == ".csv") return read_box_table(text, path, options);
  if (ending == ".xml") {
    if (outermost(text, "annotations")) return read_cvat(text, path);
    ClassNames classes;
    Annotations one;
    one.pictures.push_back(read_voc_xml(text, path, classes, options));
    one.classes = classes.names();
    return one;
  }
  fail<InputError>("{}: expected a JSON, XML or CSV file, or a folder", path.string());
}

Annotations read_lines(const std::vector<fs::path>& files) {
  Annotations all;
  ClassNames classes;
  for (const fs::path& file : files) {
    all.pictures.push_back({.name = file.stem().string(),
                            .annotations = read_box_lines(text_of(file), file, classes),
                            .source = file});
  }
  all.classes = classes.names();
  return all;
}

}  // namespace

Annotations read_annotations(const fs::path& path, const AnnotationOptions& options) {
  if (!present(path)) fail<InputError>("{}: no such file or folder", path.string());
  if (!is_folder(path)) return read_file_of_boxes(path, options);
  const fs::path folder = is_folder(path / "Annotations") ? path / "Annotations" : path;
  if (const std::vector<fs::path> files = files_ending(folder, ".xml"); !files.empty()) {
    if (files.size() == 1 && outermost(text_of(files[0]), "annotations")) {
      return read_file_of_boxes(files[0], options);
    }
    Annotations all = read_voc_files(files, {}, options);
    order_classes(all);
    return all;
  }
  if (const auto yolo = YoloFolder::open(path)) return yolo->read(yolo->all(), options);
  if (const std::vector<fs::path> files = files_ending(path, ".txt"); !files.empty()) {
    return read_lines(files);
  }
  for (const char* ending : {".json", ".csv"}) {
    const std::vector<fs::path> files = files_ending(path, ending);
    if (files.size() == 1) return read_file_of_boxes(files[0], options);
  }
  fail<InputError>(
      "{}: no annotations that are known here: expected Pascal VOC's or CVAT's XML, COCO's JSON, "
      "YOLO's text files with names, a table in CSV, or text files \"class [score] x y width "
      "height\"",
      path.string());
}

AnnotationFormat annotation_format(std::string_view name) {
  if (name == "voc") return AnnotationFormat::voc;
  if (name == "coco") return AnnotationFormat::coco;
  if (name == "yolo") return AnnotationFormat::yolo;
  const std::vector<std::string> names{"voc", "coco", "yolo"};
  fail<InputError>("unknown format \"{}\"{}", name, suggestion(name, names));
}

namespace {

// Names of files that annotations may ask for: no folders, no two pictures with one.
std::string stem_of(const AnnotatedPicture& picture, std::set<std::string>& taken) {
  std::string stem = fs::path(picture.name).stem().string();
  if (stem.empty() || stem == "." || stem == "..") {
    fail<InputError>("{}: picture \"{}\": no name for a file", picture.source.string(),
                     picture.name);
  }
  if (!taken.insert(stem).second) {
    fail<InputError>("{}: picture {}: another one would be written as {} too",
                     picture.source.string(), picture.name, stem);
  }
  return stem;
}

void write_folder(const Annotations& annotations, const fs::path& folder, AnnotationFormat format) {
  const fs::path below = folder / (format == AnnotationFormat::voc ? "Annotations" : "labels");
  fs::create_directories(below);
  std::set<std::string> taken;
  std::string names;
  for (const std::string& name : annotations.classes) names += name + "\n";
  if (format == AnnotationFormat::yolo) write_file(folder / "classes.txt", names);
  for (const AnnotatedPicture& picture : annotations.pictures) {
    const std::string stem = stem_of(picture, taken);
    if (format == AnnotationFormat::voc) {
      write_file(below / (stem + ".xml"), write_voc_xml(picture, annotations.classes));
      continue;
    }
    if (picture.width <= 0 || picture.height <= 0) {
      fail<InputError>("{}: the size of picture {} is not known, and YOLO's boxes are shares of it",
                       picture.source.string(), picture.name);
    }
    write_file(below / (stem + ".txt"), write_yolo_txt(picture));
  }
}

}  // namespace

void write_annotations(const Annotations& annotations, const fs::path& path,
                       AnnotationFormat format) {
  if (present(path)) fail<InputError>("{}: it exists already", path.string());
  if (format == AnnotationFormat::coco) {
    write_file(path, write_coco(annotations));
    return;
  }
  // Made under another name, so that it is there whole or not at all.
  fs::path unfinished = path;
  if (unfinished.filename().empty()) unfinished = unfinished.parent_path();
  const fs::path finished = unfinished;
  unfinished += ".unfinished";
  try {
    fs::remove_all(unfinished);
    write_folder(annotations, unfinished, format);
    fs::rename(unfinished, finished);
  } catch (const fs::filesystem_error& error) {
    fail<SystemError>("{}: cannot be written: {}", path.string(), error.code().message());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
}

AlignedDetections align_detections(const Annotations& found, const Annotations& truth) {
  const auto index = [](const std::vector<std::string>& names) {
    std::map<std::string, std::int64_t> places;
    for (const std::string& name : names) {
      places.emplace(name, static_cast<std::int64_t>(places.size()));
    }
    return places;
  };
  std::vector<std::string> stems;
  for (const AnnotatedPicture& one : truth.pictures) {
    stems.push_back(fs::path(one.name).stem().string());
  }
  const auto by_stem = index(stems);
  if (by_stem.size() != stems.size()) {
    fail<InputError>("two pictures of the truth have one name without folder and ending");
  }
  const auto by_picture_id = index(truth.picture_ids);
  const auto by_class = index(truth.classes);
  const auto by_class_id = index(truth.class_ids);
  const auto find = [](const auto& first, const std::string& name, const auto& second,
                       const std::string& id) -> std::int64_t {
    if (const auto place = first.find(name); place != first.end()) return place->second;
    if (const auto place = second.find(id); place != second.end()) return place->second;
    return -1;
  };
  const auto id_of = [](const std::vector<std::string>& ids, std::size_t at) {
    return at < ids.size() ? ids[at] : std::string();
  };

  AlignedDetections aligned;
  aligned.found.resize(truth.pictures.size());
  for (const AnnotatedPicture& picture : truth.pictures) {
    auto& objects = aligned.truth.emplace_back();
    for (const Annotation& one : picture.annotations) objects.push_back(one.object);
  }
  for (std::size_t p = 0; p < found.pictures.size(); ++p) {
    const AnnotatedPicture& picture = found.pictures[p];
    const std::int64_t place = find(by_stem, fs::path(picture.name).stem().string(), by_picture_id,
                                    id_of(found.picture_ids, p));
    if (place < 0) {
      fail<InputError>("{}: picture {} is not in the truth", picture.source.string(), picture.name);
    }
    for (const Annotation& one : picture.annotations) {
      const auto own = static_cast<std::size_t>(one.object.label);
      const std::int64_t label =
          find(by_class, found.classes[own], by_class_id, id_of(found.class_ids, own));
      if (label < 0) {
        fail<InputError>("{}: line {}: class \"{}\" is not in the truth{}", picture.source.string(),
                         one.line, found.classes[own],
                         suggestion(found.classes[own], truth.classes));
      }
      if (one.score < 0) {
        fail<InputError>("{}: line {}: a box without a score: expected detections",
                         picture.source.string(), one.line);
      }
      aligned.found[static_cast<std::size_t>(place)].push_back({one.object.box, label, one.score});
    }
  }
  for (const auto& one : aligned.found) aligned.pictures_without += one.empty() ? 1 : 0;
  return aligned;
}

}  // namespace striate
