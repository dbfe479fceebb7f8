// A folder of pictures for each class, as in ImageNet's and torchvision's ImageFolder.

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string file;  // below the root
  std::int64_t label;
};

class FolderPictures : public Dataset {
 public:
  FolderPictures(fs::path root, std::vector<std::string> classes, std::vector<Entry> entries)
      : root_(std::move(root)), classes_(std::move(classes)), entries_(std::move(entries)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(entries_.size()); }
  const std::vector<std::string>& classes() const override { return classes_; }
  Example get(std::int64_t index) const override {
    const Entry& entry = entries_.at(static_cast<std::size_t>(index));
    return {read_image(root_ / entry.file), entry.label};
  }

 private:
  fs::path root_;
  std::vector<std::string> classes_;
  std::vector<Entry> entries_;
};

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 3> kExtensions{".png", ".jpg", ".jpeg"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

// The names in a folder for which `wanted` holds, hidden ones left out, in the order of their
// bytes.
template <class Wanted>
std::vector<std::string> listed(const fs::path& folder, Wanted wanted) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    const std::string name = item->path().filename().string();
    if (name.front() != '.' && wanted(item->path())) names.push_back(name);
  }
  if (error) fail<InputError>("{}: cannot be listed: {}", folder.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_picture_file(const fs::path& path) {
  std::error_code error;
  return is_picture(path) && fs::is_regular_file(path, error);
}

std::vector<std::string> classes_in(const fs::path& root) {
  std::vector<std::string> classes = listed(root, is_folder);
  if (classes.empty()) {
    fail<InputError>("{}: expected a folder of pictures for each class, got no folders",
                     root.string());
  }
  return classes;
}

std::vector<Entry> entries_in(const fs::path& root, const std::vector<std::string>& classes) {
  std::vector<Entry> entries;
  for (const std::string& name : classes_in(root)) {
    const auto known = std::find(classes.begin(), classes.end(), name);
    if (known == classes.end()) {
      fail<InputError>("{}: a class that the training pictures do not have",
                       (root / name).string());
    }
    const std::vector<std::string> pictures = listed(root / name, is_picture_file);
    if (pictures.empty()) {
      fail<InputError>("{}: expected PNG or JPEG pictures of this class, got none",
                       (root / name).string());
    }
    for (const std::string& picture : pictures) {
      entries.push_back({fmt::format("{}/{}", name, picture), known - classes.begin()});
    }
  }
  return entries;
}

// About one picture in ten is for testing: which ones depends on their names alone, so that adding
// pictures moves none from one side to the other.
bool held_back(const Entry& entry) {
  const RandomKey key{.seed = 0, .purpose = purpose_of(entry.file), .step = 0};
  return Random(key, 0).below(10) == 0;
}

std::unique_ptr<Dataset> open_folder(const fs::path& path, Split split) {
  if (!is_folder(path)) fail<InputError>("{}: expected a folder, got a file", path.string());
  const fs::path train = path / "train";
  const fs::path test = is_folder(path / "test") ? path / "test" : path / "val";
  const bool divided = is_folder(train) && is_folder(test);
  const fs::path root = is_folder(train) ? train : path;
  std::vector<std::string> classes = classes_in(root);
  if (divided) {
    const fs::path& side = split == Split::train ? train : test;
    auto entries = entries_in(side, classes);
    return std::make_unique<FolderPictures>(side, std::move(classes), std::move(entries));
  }
  auto entries = entries_in(root, classes);
  std::erase_if(entries,
                [split](const Entry& entry) { return held_back(entry) != (split == Split::test); });
  if (entries.empty()) {
    fail<InputError>(
        "{}: too few pictures: none fell to the {} part; add more, or make folders train and test",
        root.string(), name_of(split));
  }
  return std::make_unique<FolderPictures>(root, std::move(classes), std::move(entries));
}

}  // namespace

void register_dataset_folder(DatasetRegistry& registry);
void register_dataset_folder(DatasetRegistry& registry) {
  registry.add({.name = "folder",
                .what =
                    "a folder of PNG or JPEG pictures for each class; below train/ and test/ (or "
                    "val/), or divided 9 to 1 by name",
                .needs = "folder:DIR, where DIR/CLASS/ holds the pictures of a class",
                .looks = {},
                .open = open_folder});
}

}  // namespace striate
