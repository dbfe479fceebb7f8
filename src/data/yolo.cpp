// Redmon's darknet, https://pjreddie.com/darknet/yolo, and the folders that are usual for its kin.

#include <utility>

#include "data/boxed_pictures.h"
#include "data/paths.h"
#include "data/yolo_folder.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Dataset> open_yolo(const fs::path& path, Split split) {
  if (!is_folder(path)) fail<InputError>("{}: expected a folder, got a file", path.string());
  const auto folder = YoloFolder::open(path);
  if (!folder) {
    fail<InputError>(
        "{}: expected the classes' names in data.yaml, classes.txt, obj.names or NAME.names",
        path.string());
  }
  const std::vector<YoloFolder::Pair> pairs = folder->part(split);
  if (pairs.empty() && split != Split::validation) {
    fail<InputError>("{}: its {} part has no pictures", path.string(), name_of(split));
  }
  std::vector<fs::path> pictures;
  for (const YoloFolder::Pair& pair : pairs) pictures.push_back(pair.picture);
  return std::make_unique<BoxedPictures>(folder->read(pairs), std::move(pictures));
}

}  // namespace

void register_dataset_yolo(DatasetRegistry& registry);
void register_dataset_yolo(DatasetRegistry& registry) {
  registry.add({.name = "yolo",
                .what =
                    "pictures with objects in boxes, a text file each: a line \"class x y width "
                    "height\" an object, shares of the picture",
                .needs = "yolo:DIR with images/train/ and labels/train/ (val, test), train/images/ "
                         "and train/labels/, or lists train.txt, val.txt, test.txt; names in "
                         "data.yaml, classes.txt or obj.names",
                .looks = {},
                .boxed = true,
                .open = open_yolo});
}

}  // namespace striate
