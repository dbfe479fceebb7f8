#include "data/seg_lists.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <utility>

#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/base/files.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 6> kPictures{".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"};
constexpr std::array<const char*, 2> kMasks{".png", ".PNG"};
constexpr std::array<const char*, 3> kParts{"train", "val", "test"};

template <class Endings>
bool ends_like(const fs::path& path, const Endings& endings) {
  return std::find(endings.begin(), endings.end(), path.extension().string()) != endings.end();
}

// The names of the pictures in a folder, in the order of their bytes.
std::vector<std::string> pictures_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    const std::string name = item->path().filename().string();
    if (name.front() != '.' && ends_like(item->path(), kPictures)) names.push_back(name);
  }
  if (error) fail<InputError>("{}: cannot be listed: {}", folder.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

// The file of this stem with one of the endings.
template <class Endings>
fs::path with_ending(const fs::path& stem, const Endings& endings) {
  for (const char* ending : endings) {
    fs::path path = stem.string() + ending;
    if (present(path)) return path;
  }
  return {};
}

fs::path without_ending(const fs::path& path) {
  return ends_like(path, kPictures) ? fs::path(path).replace_extension() : path;
}

// The first of the names that is a folder there.
fs::path first_folder(const fs::path& root, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (is_folder(root / name)) return root / name;
  }
  return {};
}
fs::path pictures_folder(const fs::path& root) { return first_folder(root, {"images", "image"}); }
fs::path masks_folder(const fs::path& root) {
  return first_folder(root, {"masks", "mask", "labels", "annotations"});
}

}  // namespace

std::vector<std::string> lines_of(const fs::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{1} << 28);
  std::vector<std::string> lines;
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  for (std::string line; std::getline(text, line);) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#') continue;
    lines.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  return lines;
}

// A name as lists have it: with or without an ending, in the folder of its kind, below the root, or
// below where the list's author had the root.
fs::path MaskFolder::find(const std::string& name, bool mask, const fs::path& list) const {
  const fs::path stem = without_ending(fs::path(name).relative_path());
  const auto found = [&](const fs::path& place) {
    if (fs::path exact = place / fs::path(name).relative_path();
        ends_like(exact, kPictures) && (!mask || ends_like(exact, kMasks)) && present(exact)) {
      return exact;
    }
    return mask ? with_ending(place / stem, kMasks) : with_ending(place / stem, kPictures);
  };
  for (const fs::path& part : stem) {
    if (part == "..") {
      fail<InputError>("{}: {}: expected a file below {}", list.string(), name, root_.string());
    }
  }
  const fs::path& folder = mask ? masks_ : pictures_;
  if (!folder.empty()) {
    if (fs::path path = found(folder); !path.empty()) return path;
  }
  if (fs::path path = found(root_); !path.empty() && !path.filename().empty()) return path;
  fs::path rest;
  for (auto part = std::next(stem.begin(), stem.empty() ? 0 : 1); part != stem.end(); ++part) {
    rest.clear();
    for (auto follow = part; follow != stem.end(); ++follow) rest /= *follow;
    fs::path path = mask ? with_ending(root_ / rest, kMasks) : with_ending(root_ / rest, kPictures);
    if (!path.empty()) return path;
  }
  fail<InputError>("{}: {}: there is no such {} below {}", list.string(), name,
                   mask ? "mask (PNG)" : "picture", root_.string());
}

MaskedFile MaskFolder::listed(const std::string& line, const fs::path& list) const {
  // Two names, or one for both.
  const std::size_t tab = line.find('\t');
  std::size_t gap = tab != std::string::npos ? tab : line.find(' ');
  const bool one = gap == std::string::npos;
  if (one) gap = line.size();
  const std::string picture = line.substr(0, gap);
  const std::size_t second = one ? 0 : line.find_first_not_of(" \t", gap);
  const std::string mask = one ? without_ending(picture).string() : line.substr(second);
  if (one && masks_.empty()) {
    fail<InputError>("{}: {}: expected a picture and its mask, got one name", list.string(), line);
  }
  return {.picture = find(picture, false, list), .mask = find(mask, true, list)};
}

void MaskFolder::read_lists(const fs::path& folder) {
  for (const char* part : kParts) {
    const fs::path list = folder / (std::string(part) + ".txt");
    if (!present(list)) continue;
    Part files;
    for (const std::string& line : lines_of(list)) files.push_back(listed(line, list));
    if (files.empty()) fail<InputError>("{}: it lists no pictures", list.string());
    parts_[part] = std::move(files);
  }
}

void MaskFolder::read_folders(const std::string& part, const fs::path& pictures,
                              const fs::path& masks) {
  Part files;
  for (const std::string& name : pictures_in(pictures)) {
    fs::path mask = with_ending(masks / without_ending(name), kMasks);
    if (mask.empty()) {
      without_mask_.push_back(pictures / name);
    } else {
      files.push_back({.picture = pictures / name, .mask = std::move(mask)});
    }
  }
  if (files.empty()) {
    fail<InputError>("{}: none of its {} pictures has a mask (a PNG of its name) in {}",
                     pictures.string(), pictures_in(pictures).size(), masks.string());
  }
  parts_[part] = std::move(files);
}

// Which pictures are for testing depends on their names alone, so that adding some moves none.
void MaskFolder::divide() {
  if (parts_.size() != 1 || parts_.begin()->first != "all") return;
  Part all = std::move(parts_.begin()->second);
  parts_.clear();
  for (MaskedFile& file : all) {
    const RandomKey key{.seed = 0, .purpose = purpose_of(file.picture.filename().string())};
    parts_[Random(key, 0).below(10) == 0 ? "test" : "train"].push_back(std::move(file));
  }
}

MaskFolder MaskFolder::open(const fs::path& root) {
  if (!is_folder(root)) fail<InputError>("{}: expected a folder, got a file", root.string());
  MaskFolder folder;
  folder.root_ = root;
  if (is_folder(root / "JPEGImages") && is_folder(root / "SegmentationClass")) {
    folder.layout_ = Layout::voc;
    folder.pictures_ = root / "JPEGImages";
    folder.masks_ = root / "SegmentationClass";
    folder.read_lists(root / "ImageSets" / "Segmentation");
    if (folder.parts_.empty()) folder.read_folders("all", folder.pictures_, folder.masks_);
  } else if (is_folder(root / "train") && is_folder(root / "trainannot")) {
    folder.layout_ = Layout::camvid;
    folder.read_lists(root);
    for (const std::string part : kParts) {
      if (folder.parts_.contains(part) || !is_folder(root / part)) continue;
      folder.read_folders(part, root / part, root / (part + "annot"));
    }
  } else if (!pictures_folder(root / "train").empty()) {
    for (const std::string part : kParts) {
      const fs::path pictures = pictures_folder(root / part);
      const fs::path masks = masks_folder(root / part);
      if (!pictures.empty() && !masks.empty()) folder.read_folders(part, pictures, masks);
    }
  } else {
    folder.pictures_ = pictures_folder(root);
    folder.masks_ = masks_folder(root);
    folder.read_lists(root);
    if (folder.parts_.empty() && !folder.pictures_.empty() && !folder.masks_.empty()) {
      folder.read_folders("all", folder.pictures_, folder.masks_);
    }
  }
  if (folder.parts_.empty()) {
    fail<InputError>(
        "{}: expected images/ and masks/, train/images/ and train/masks/, lists of pictures and "
        "masks (train.txt), or Pascal VOC's or CamVid's folders",
        root.string());
  }
  folder.divide();
  return folder;
}

std::vector<MaskedFile> MaskFolder::all() const {
  std::vector<MaskedFile> files;
  for (const auto& [name, part] : parts_) files.insert(files.end(), part.begin(), part.end());
  return files;
}

std::vector<MaskedFile> MaskFolder::files(Split split) const {
  std::vector<const char*> wanted{"train"};
  if (split == Split::test) wanted = {"test", "val"};
  if (split == Split::validation) wanted = {"val"};
  for (const char* part : wanted) {
    const auto found = parts_.find(part);
    if (found != parts_.end()) return found->second;
  }
  if (split == Split::validation) return {};
  fail<InputError>("{}: it has no {} part", root_.string(), name_of(split));
}

}  // namespace striate
