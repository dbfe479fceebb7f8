// Pictures with a mask each: the class of every pixel as the number that a grey PNG or one with a
// palette stores.

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "data/paths.h"
#include "data/seg_lists.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Labels {
  std::vector<std::string> classes;
  std::int64_t void_label = kVoid;
};

const std::vector<std::string> kCamvid{"sky",  "building", "pole", "road",       "pavement", "tree",
                                       "sign", "fence",    "car",  "pedestrian", "bicyclist"};
const std::vector<std::string> kVoc{
    "background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
    "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
    "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

// classes.txt: a name a line, in the order of the labels; the line "void" stands for none.
Labels read_classes(const fs::path& path) {
  Labels labels;
  for (std::string& name : lines_of(path)) {
    if (name == "void") {
      labels.void_label = static_cast<std::int64_t>(labels.classes.size());
      continue;
    }
    // Labels behind void would each stand one further.
    if (labels.void_label != kVoid) {
      fail<InputError>("{}: \"void\" must be the last line, \"{}\" follows it", path.string(),
                       name);
    }
    labels.classes.push_back(std::move(name));
  }
  if (labels.classes.empty() || labels.classes.size() >= kVoid) {
    fail<InputError>("{}: expected the names of 1 to {} classes, one a line, got {}", path.string(),
                     kVoid - 1, labels.classes.size());
  }
  return labels;
}

// Classes that have no names are called by number: as many as the masks have, in all parts.
Labels found_labels(const MaskFolder& folder) {
  std::array<std::optional<fs::path>, 256> seen;  // a mask that has the label
  for (const MaskedFile& file : folder.all()) {
    std::array<bool, 256> here{};
    for (const std::uint8_t label : read_numbers(file.mask).pixels) here[label] = true;
    for (std::size_t label = 0; label < here.size(); ++label) {
      if (here[label] && !seen[label]) seen[label] = file.mask;
    }
  }
  Labels labels;
  std::size_t missing = 256;
  for (std::size_t label = 0; label < kVoid; ++label) {
    if (!seen[label]) {
      missing = std::min(missing, label);
      continue;
    }
    if (label > missing) {
      fail<InputError>(
          "{}: label {}, but no mask has the label {}: name the classes in classes.txt, one a line",
          seen[label]->string(), label, missing);
    }
    labels.classes.push_back(std::to_string(label));
  }
  if (labels.classes.empty()) {
    fail<InputError>("{}: its masks are void everywhere", folder.root().string());
  }
  return labels;
}

class MaskedPictures : public Dataset {
 public:
  MaskedPictures(std::vector<MaskedFile> files, Labels labels, std::vector<std::string> notes)
      : files_(std::move(files)), labels_(std::move(labels)), notes_(std::move(notes)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  const std::vector<std::string>& classes() const override { return labels_.classes; }
  bool masked() const override { return true; }
  std::string name(std::int64_t index) const override {
    return files_.at(static_cast<std::size_t>(index)).picture.string();
  }
  std::vector<std::string> notes() const override { return notes_; }

  Example get(std::int64_t index) const override {
    const MaskedFile& file = files_.at(static_cast<std::size_t>(index));
    Example example{.picture = read_image(file.picture), .mask = read_numbers(file.mask)};
    const Image& picture = example.picture;
    Image& mask = example.mask;
    if (mask.width != picture.width || mask.height != picture.height) {
      fail<InputError>("{}: a mask of {}x{} for {} of {}x{} pixels", file.mask.string(), mask.width,
                       mask.height, file.picture.string(), picture.width, picture.height);
    }
    const auto classes = static_cast<std::int64_t>(labels_.classes.size());
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
      std::uint8_t& label = mask.pixels[i];
      if (label < classes) continue;
      if (label != labels_.void_label && label != kVoid) {
        const auto width = static_cast<std::size_t>(mask.width);
        fail<InputError>(
            "{}: unknown label {} at column {}, row {}; expected 0 to {}, or {} for void",
            file.mask.string(), label, i % width, i / width, classes - 1, labels_.void_label);
      }
      label = kVoid;
    }
    return example;
  }

 private:
  std::vector<MaskedFile> files_;
  Labels labels_;
  std::vector<std::string> notes_;
};

std::unique_ptr<Dataset> open_masks(const fs::path& path, Split split) {
  const MaskFolder folder = MaskFolder::open(path);
  Labels labels;
  if (present(path / "classes.txt")) {
    labels = read_classes(path / "classes.txt");
  } else if (folder.layout() == MaskFolder::Layout::camvid) {
    labels = {.classes = kCamvid, .void_label = static_cast<std::int64_t>(kCamvid.size())};
  } else if (folder.layout() == MaskFolder::Layout::voc) {
    labels = {.classes = kVoc};
  } else {
    labels = found_labels(folder);
  }
  std::vector<std::string> notes;
  if (const auto& bare = folder.without_mask(); !bare.empty()) {
    notes.push_back(fmt::format("{}: {} pictures have no mask and are left out, the first is {}",
                                path.string(), bare.size(), bare[0].string()));
  }
  return std::make_unique<MaskedPictures>(folder.files(split), std::move(labels), std::move(notes));
}

}  // namespace

void register_dataset_seg(DatasetRegistry& registry);
void register_dataset_seg(DatasetRegistry& registry) {
  registry.add(
      {.name = "seg",
       .what = "pictures and masks for segmentation: images/ and masks/, Pascal VOC's or CamVid's "
               "folders, with lists train.txt, val.txt and test.txt",
       .needs = "seg:DIR; masks are PNG files, grey or with a palette, whose numbers are classes; "
                "classes.txt names them, \"void\" last, else 255 is void",
       .looks = {},
       .masked = true,
       .open = open_masks});
}

}  // namespace striate
