// The binary files of Krizhevsky, "Learning multiple layers of features from tiny images" (2009):
// records of one label byte (CIFAR-100: the coarse label, then the fine one) and 32x32 bytes each
// of red, green and blue.

#include <string>
#include <utility>

#include "data/byte_pictures.h"
#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr BytePictures::Form kForm{32, 32, 3};

// How the records of one of the two datasets look, and in which files they come.
struct Kind {
  std::size_t label_bytes;  // the last of them is the label
  std::string folder;       // that the archive unpacks to
  std::vector<std::string> train;
  std::vector<std::string> test;
};

void append_file(BytePictures& pictures, const fs::path& path, const Kind& kind) {
  Bytes file = read_file(path);
  const std::size_t record = kind.label_bytes + pictures.picture_bytes();
  if (file.empty() || file.size() % record != 0) {
    fail<InputError>("{}: expected one or more records of {} bytes, got {} bytes ({} over)",
                     path.string(), record, file.size(), file.size() % record);
  }
  Bytes labels(file.size() / record);
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = file[i * record + kind.label_bytes - 1];
  pictures.append(std::move(file), kind.label_bytes, record, labels, path.string());
}

std::unique_ptr<Dataset> open_cifar(const fs::path& path, Split split, const Kind& kind,
                                    std::vector<std::string> classes) {
  auto pictures = std::make_unique<BytePictures>(kForm, std::move(classes));
  if (!is_folder(path)) {
    append_file(*pictures, path, kind);
    return pictures;
  }
  const fs::path unpacked = path / kind.folder;
  const fs::path folder = is_folder(unpacked) ? unpacked : path;
  for (const std::string& name : split == Split::train ? kind.train : kind.test) {
    append_file(*pictures, folder / name, kind);
  }
  return pictures;
}

const std::vector<std::string> kFineClasses{
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm"};

}  // namespace

void register_dataset_cifar(DatasetRegistry& registry);
void register_dataset_cifar(DatasetRegistry& registry) {
  registry.add(
      {.name = "cifar10",
       .what = "small photographs of 10 classes, 50000 to train and 10000 to test",
       .needs = "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz in data/cifar10",
       .looks = {"$STRIATE_DATA/cifar10", "data/cifar10", "data/cifar-10-batches-bin"},
       .channels = 3,
       .height = 32,
       .width = 32,
       .open = [](const fs::path& path, Split split) {
         const Kind kind{1,
                         "cifar-10-batches-bin",
                         {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                          "data_batch_4.bin", "data_batch_5.bin"},
                         {"test_batch.bin"}};
         return open_cifar(path, split, kind,
                           {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
                            "ship", "truck"});
       }});
  registry.add(
      {.name = "cifar100",
       .what = "small photographs of 100 classes, 50000 to train and 10000 to test",
       .needs = "unpack https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz in data/cifar100",
       .looks = {"$STRIATE_DATA/cifar100", "data/cifar100", "data/cifar-100-binary"},
       .channels = 3,
       .height = 32,
       .width = 32,
       .open = [](const fs::path& path, Split split) {
         const Kind kind{2, "cifar-100-binary", {"train.bin"}, {"test.bin"}};
         return open_cifar(path, split, kind, kFineClasses);
       }});
}

}  // namespace striate
