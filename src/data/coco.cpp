// Lin et al., "Microsoft COCO: common objects in context", ECCV 2014: a JSON file of all boxes beside
// the pictures.

#include <utility>

#include "data/annotation_formats.h"
#include "data/boxed_pictures.h"
#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> words_for(Split split) {
  switch (split) {
    case Split::train:
      return {"train"};
    case Split::test:
      return {"test", "val"};
    case Split::validation:
      return {"val"};
  }
  return {};
}

// annotations/instances_train2017.json, train.json, train/_annotations.coco.json.
fs::path file_of(const fs::path& root, const std::string& part) {
  for (const fs::path& folder : {root / "annotations", root}) {
    if (!is_folder(folder)) continue;
    std::vector<fs::path> found;
    for (const fs::path& file : files_ending(folder, ".json")) {
      const std::string stem = file.stem().string();
      if (stem == part || stem.starts_with("instances_" + part)) found.push_back(file);
    }
    if (found.size() > 1) {
      fail<InputError>("{}: both {} and {} could be the {} part: name the one that is meant",
                       folder.string(), found[0].filename().string(), found[1].filename().string(),
                       part);
    }
    if (found.size() == 1) return found[0];
  }
  for (const std::string& name : {part, part == "val" ? std::string("valid") : part}) {
    const fs::path file = root / name / "_annotations.coco.json";
    if (present(file)) return file;
  }
  return {};
}

std::unique_ptr<Dataset> open_coco(const fs::path& path, Split split) {
  fs::path file = path;
  fs::path root = path.parent_path();
  std::string part;
  if (is_folder(path)) {
    root = path;
    file.clear();
    for (const std::string& word : words_for(split)) {
      if (file.empty()) file = file_of(root, part = word);
    }
  } else if (split == Split::validation) {
    file.clear();
  }
  if (file.empty()) {
    if (split == Split::validation) {
      return std::make_unique<BoxedPictures>(Annotations{}, std::vector<fs::path>{});
    }
    fail<InputError>("{}: it has no {} part: expected annotations/instances_{}*.json or {}.json",
                     path.string(), name_of(split), part, part);
  }
  Annotations all = read_coco(text_of(file), file);
  // instances_train2017.json speaks of train2017/.
  std::string folder = file.stem().string();
  if (folder.starts_with("instances_")) folder = folder.substr(10);
  const std::vector<fs::path> places{root / folder, root / "images" / folder, root / "images",
                                     root,          file.parent_path(),       root / part};
  std::vector<fs::path> pictures;
  for (const AnnotatedPicture& picture : all.pictures) {
    pictures.push_back(find_picture(picture.name, places, picture.source));
  }
  return std::make_unique<BoxedPictures>(std::move(all), std::move(pictures));
}

}  // namespace

void register_dataset_coco(DatasetRegistry& registry);
void register_dataset_coco(DatasetRegistry& registry) {
  registry.add({.name = "coco",
                .what = "pictures with objects in boxes, all in one JSON file of COCO's form",
                .needs =
                    "coco:DIR with annotations/instances_train*.json and train*/ (val, test), or "
                    "coco:FILE.json with the pictures beside it or in images/",
                .looks = {},
                .boxed = true,
                .open = open_coco});
}

}  // namespace striate
