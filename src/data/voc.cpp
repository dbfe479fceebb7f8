// Everingham et al., "The Pascal visual object classes (VOC) challenge", International journal of
// computer vision 88, 2010: folders JPEGImages/, Annotations/ and lists in ImageSets/Main/.

#include <map>
#include <set>
#include <utility>

#include "data/annotation_formats.h"
#include "data/boxed_pictures.h"
#include "data/paths.h"
#include "data/seg_lists.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

// The lists that a part may be named by, the best first.
std::vector<const char*> lists_of(Split split) {
  switch (split) {
    case Split::train:
      return {"train.txt", "trainval.txt"};
    case Split::test:
      return {"test.txt", "val.txt"};
    case Split::validation:
      return {"val.txt"};
  }
  return {};
}

// Where a part ends up that no list names: without lists at all, by the pictures' names.
bool belongs(const fs::path& file, Split split) {
  if (split == Split::validation) return false;
  return is_for_testing(file) == (split == Split::test);
}

std::vector<fs::path> files_of(const fs::path& root, Split split) {
  const fs::path annotations = root / "Annotations";
  const fs::path lists = root / "ImageSets" / "Main";
  bool any = false;
  for (const Split one : {Split::train, Split::test, Split::validation}) {
    for (const char* list : lists_of(one)) any = any || present(lists / list);
  }
  std::vector<fs::path> files;
  if (!any) {
    for (fs::path& file : files_ending(annotations, ".xml")) {
      if (belongs(file, split)) files.push_back(std::move(file));
    }
    return files;
  }
  for (const char* list : lists_of(split)) {
    if (!present(lists / list)) continue;
    for (const std::string& line : lines_of(lists / list)) {
      if (line.find('/') != std::string::npos) {
        fail<InputError>("{}: {}: expected a picture's name without a folder",
                         (lists / list).string(), line);
      }
      fs::path file = annotations / (line + ".xml");
      if (!present(file)) {
        fail<InputError>("{}: {}: there is no {}", (lists / list).string(), line, file.string());
      }
      files.push_back(std::move(file));
    }
    return files;
  }
  if (split == Split::validation) return files;
  fail<InputError>("{}: it has no list of a {} part", lists.string(), name_of(split));
}

std::unique_ptr<Dataset> open_voc(const fs::path& root, Split split) {
  if (!is_folder(root / "Annotations") || !is_folder(root / "JPEGImages")) {
    fail<InputError>("{}: expected a folder with Annotations/ and JPEGImages/", root.string());
  }
  const std::vector<fs::path> files = files_of(root, split);
  Annotations mine;
  if (present(root / "classes.txt")) {
    mine = read_voc_files(files, ClassNames(lines_of(root / "classes.txt")));
  } else {
    // Every part has the classes of all.
    Annotations all = read_voc_files(files_ending(root / "Annotations", ".xml"), {});
    order_classes(all);
    std::map<fs::path, AnnotatedPicture*> by_file;
    for (AnnotatedPicture& picture : all.pictures) by_file[picture.source] = &picture;
    mine.classes = all.classes;
    for (const fs::path& file : files) mine.pictures.push_back(*by_file.at(file));
  }
  std::vector<fs::path> pictures;
  for (AnnotatedPicture& picture : mine.pictures) {
    // Some files name a picture that they were copied from; their own name is what counts.
    const std::string stem = picture.source.stem().string();
    pictures.push_back(find_picture(stem + ".jpg", {root / "JPEGImages"}, picture.source));
    picture.name = pictures.back().filename().string();
  }
  return std::make_unique<BoxedPictures>(std::move(mine), std::move(pictures));
}

}  // namespace

void register_dataset_voc(DatasetRegistry& registry);
void register_dataset_voc(DatasetRegistry& registry) {
  registry.add({.name = "voc",
                .what = "pictures with objects in boxes, in Pascal VOC's folders: JPEGImages/, "
                        "Annotations/ and lists in ImageSets/Main/",
                .needs =
                    "voc:DIR; without lists every tenth picture is for testing; the classes are "
                    "those that its annotations name, or the lines of classes.txt",
                .looks = {},
                .boxed = true,
                .open = open_voc});
}

}  // namespace striate
