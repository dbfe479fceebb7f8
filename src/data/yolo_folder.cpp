#include "data/yolo_folder.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "data/annotation_formats.h"
#include "data/boxed_pictures.h"
#include "data/paths.h"
#include "data/seg_lists.h"
#include "striate/base/error.h"
#include "striate/codec/image_size.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 6> kEndings{".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"};
const std::set<std::string> kNoLabels{"classes.txt", "train.txt", "val.txt",   "valid.txt",
                                      "test.txt",    "obj.names", "README.txt"};

bool is_picture(const fs::path& path) {
  return std::find(kEndings.begin(), kEndings.end(), path.extension().string()) != kEndings.end();
}

std::optional<std::vector<std::string>> names_in(const fs::path& root) {
  for (const char* yaml : {"data.yaml", "dataset.yaml", "data.yml"}) {
    if (present(root / yaml)) return read_yaml_names(text_of(root / yaml), root / yaml);
  }
  for (const char* list : {"classes.txt", "obj.names"}) {
    if (present(root / list)) return lines_of(root / list);
  }
  const std::vector<fs::path> named = files_ending(root, ".names");
  if (named.size() == 1) return lines_of(named[0]);
  return std::nullopt;
}

// The path with its last folder of that name called otherwise.
fs::path exchanged(const fs::path& path, const std::string& folder, const std::string& other) {
  std::vector<fs::path> parts(path.begin(), path.end());
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (parts[i] != folder) continue;
    parts[i] = other;
    break;
  }
  fs::path made;
  for (const fs::path& part : parts) made /= part;
  return made;
}

fs::path label_of(const fs::path& picture) {
  fs::path beside = picture;
  beside.replace_extension(".txt");
  if (present(beside)) return beside;
  fs::path apart = exchanged(beside, "images", "labels");
  return present(apart) ? apart : fs::path{};
}

fs::path picture_of(const fs::path& label) {
  for (const fs::path& stem : {label, exchanged(label, "labels", "images")}) {
    for (const char* ending : kEndings) {
      fs::path path = stem;
      path.replace_extension(ending);
      if (present(path)) return path;
    }
  }
  return {};
}

template <class Wanted>
std::vector<fs::path> files_below(const fs::path& folder, const Wanted& wanted) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    if (wanted(item->path())) files.push_back(item->path());
  }
  if (error) fail<InputError>("{}: cannot be listed: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<YoloFolder::Pair> pictures_of(const fs::path& folder) {
  std::vector<YoloFolder::Pair> pairs;
  for (fs::path& picture : files_below(folder, is_picture)) {
    pairs.push_back({.label = label_of(picture), .picture = picture});
  }
  return pairs;
}

std::vector<const char*> parts_of(Split split) {
  switch (split) {
    case Split::train:
      return {"train"};
    case Split::test:
      return {"test", "val", "valid"};
    case Split::validation:
      return {"val", "valid"};
  }
  return {};
}

}  // namespace

std::optional<YoloFolder> YoloFolder::open(const fs::path& root) {
  auto names = names_in(root);
  if (!names) return std::nullopt;
  if (names->empty()) fail<InputError>("{}: it names no classes", root.string());
  YoloFolder folder;
  folder.root_ = root;
  folder.classes_ = std::move(*names);
  return folder;
}

std::vector<YoloFolder::Pair> YoloFolder::all() const {
  std::vector<Pair> pairs;
  const auto is_label = [](const fs::path& path) {
    return path.extension() == ".txt" && !kNoLabels.contains(path.filename().string());
  };
  for (fs::path& label : files_below(root_, is_label)) {
    pairs.push_back({.label = label, .picture = picture_of(label)});
  }
  return pairs;
}

std::vector<YoloFolder::Pair> YoloFolder::listed(const fs::path& list) const {
  std::vector<Pair> pairs;
  for (const std::string& line : lines_of(list)) {
    fs::path picture = fs::path(line).is_absolute() && present(line)
                           ? fs::path(line)
                           : find_picture(line, {root_, list.parent_path()}, list);
    pairs.push_back({.label = label_of(picture), .picture = std::move(picture)});
  }
  return pairs;
}

std::vector<YoloFolder::Pair> YoloFolder::part(Split split) const {
  bool parts = false;
  for (const Split one : {split, Split::train, Split::test, Split::validation}) {
    for (const char* part : parts_of(one)) {
      const std::array<fs::path, 3> folders{root_ / "images" / part, root_ / part / "images",
                                            root_ / part};
      const fs::path list = root_ / (std::string(part) + ".txt");
      for (const fs::path& folder : folders) {
        if (!is_folder(folder)) continue;
        parts = true;
        if (one == split) return pictures_of(folder);
      }
      if (!present(list)) continue;
      parts = true;
      if (one == split) return listed(list);
    }
  }
  if (split == Split::validation) return {};
  if (parts) fail<InputError>("{}: it has no {} part", root_.string(), name_of(split));
  std::vector<Pair> pairs = pictures_of(root_);
  std::erase_if(pairs, [&](const Pair& pair) {
    return is_for_testing(pair.picture) != (split == Split::test);
  });
  return pairs;
}

Annotations YoloFolder::read(const std::vector<Pair>& pairs,
                             const AnnotationOptions& options) const {
  const PictureSizes sizes(options);
  Annotations all{.classes = classes_};
  for (const Pair& pair : pairs) {
    AnnotatedPicture picture;
    picture.source = pair.label.empty() ? pair.picture : pair.label;
    picture.name =
        pair.picture.empty() ? pair.label.stem().string() : pair.picture.filename().string();
    if (pair.picture.empty()) {
      sizes.complete(picture);
    } else {
      const ImageSize size = image_size(pair.picture);
      picture.width = size.width;
      picture.height = size.height;
    }
    if (!pair.label.empty()) {
      picture.annotations =
          read_yolo_txt(text_of(pair.label), pair.label, static_cast<std::int64_t>(classes_.size()),
                        static_cast<double>(picture.width), static_cast<double>(picture.height));
    }
    all.pictures.push_back(std::move(picture));
  }
  return all;
}

}  // namespace striate
