#include "striate/data/annotations.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "data/annotation_formats.h"
#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"

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

Annotations read_annotations(const fs::path& path, const AnnotationOptions& options) {
  if (!present(path)) fail<InputError>("{}: no such file or folder", path.string());
  if (is_folder(path)) {
    const fs::path folder = is_folder(path / "Annotations") ? path / "Annotations" : path;
    const std::vector<fs::path> files = files_ending(folder, ".xml");
    if (!files.empty()) {
      Annotations all = read_voc_files(files, {}, options);
      order_classes(all);
      return all;
    }
  }
  fail<InputError>("{}: no annotations that are known here: expected Pascal VOC's XML files",
                   path.string());
}

}  // namespace striate
