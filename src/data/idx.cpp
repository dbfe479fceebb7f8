// The IDX files of LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998), and
// of Xiao, Rasul and Vollgraf, "Fashion-MNIST", arXiv:1708.07747: a magic number 0 0 TYPE RANK,
// RANK sizes of 32 bits, high byte first, then the values.

#include <string>
#include <utility>

#include "data/byte_pictures.h"
#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/codec/gzip.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImagesMagic = 0x00000803;  // bytes, rank 3
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // bytes, rank 1

// The largest IDX picture file in use is a seventh of this.
constexpr std::uint64_t kMaxUnpacked = std::uint64_t{1} << 32;

Bytes read_maybe_gzip(const fs::path& path) {
  Bytes content = read_file(path);
  if (path.extension() != ".gz" && !is_gzip(content)) return content;
  return gunzip(content, path.string(), kMaxUnpacked);
}

std::uint32_t big_endian(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

struct Idx {
  Bytes file;
  std::vector<std::uint32_t> sizes;
  std::size_t header_bytes = 0;
};

Idx read_idx(const fs::path& path, std::uint32_t magic) {
  Idx idx;
  idx.file = read_maybe_gzip(path);
  const std::string name = path.string();
  const std::size_t rank = magic & 0xff;
  idx.header_bytes = 4 + 4 * rank;
  if (idx.file.size() < 4) {
    fail<InputError>("{}: truncated: expected an IDX header, got {} bytes", name, idx.file.size());
  }
  if (const std::uint32_t got = big_endian(idx.file, 0); got != magic) {
    fail<InputError>("{}: expected IDX {} (magic {:08x}), got magic {:08x}", name,
                     magic == kImagesMagic ? "pictures" : "labels", magic, got);
  }
  if (idx.file.size() < idx.header_bytes) {
    fail<InputError>("{}: truncated: expected a header of {} bytes, got {}", name, idx.header_bytes,
                     idx.file.size());
  }
  constexpr std::uint64_t kUncountable = std::uint64_t{1} << 62;
  std::uint64_t expected = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::uint32_t size = big_endian(idx.file, 4 + 4 * axis);
    idx.sizes.push_back(size);
    expected = size != 0 && expected > kUncountable / size ? kUncountable : expected * size;
  }
  const std::uint64_t got = idx.file.size() - idx.header_bytes;
  if (got != expected) {
    fail<InputError>("{}: {}: expected {} bytes after the header, got {}", name,
                     got < expected ? "truncated" : "too long", expected, got);
  }
  return idx;
}

// train-images-idx3-ubyte as it is, or gzipped.
fs::path plain_or_gzip(const fs::path& path) {
  if (present(path)) return path;
  fs::path gzipped = path;
  gzipped += ".gz";
  if (present(gzipped)) return gzipped;
  fail<InputError>("{}: no such file, nor with .gz after its name", path.string());
}

// The labels lie beside their pictures under the name that puts "labels" for "images".
fs::path labels_beside(const fs::path& images) {
  std::string name = images.filename().string();
  const std::size_t at = name.rfind("images");
  if (at == std::string::npos) {
    fail<InputError>("{}: expected a name with \"images\" in it, to find the labels beside it",
                     images.string());
  }
  name.replace(at, 6, "labels");
  if (const std::size_t rank = name.find("idx3", at); rank != std::string::npos) {
    name.replace(rank, 4, "idx1");
  }
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return plain_or_gzip(images.parent_path() / name);
}

std::unique_ptr<Dataset> open_idx(const fs::path& path, Split split,
                                  std::vector<std::string> classes) {
  const fs::path images_path =
      is_folder(path) ? plain_or_gzip(path / (split == Split::train ? "train-images-idx3-ubyte"
                                                                    : "t10k-images-idx3-ubyte"))
                      : path;
  const fs::path labels_path = labels_beside(images_path);
  Idx images = read_idx(images_path, kImagesMagic);
  const Idx labels = read_idx(labels_path, kLabelsMagic);
  const std::uint32_t count = images.sizes[0];
  const std::uint32_t height = images.sizes[1];
  const std::uint32_t width = images.sizes[2];
  constexpr std::uint32_t kMaxSide = 1 << 12;
  if (count == 0 || height == 0 || width == 0 || height > kMaxSide || width > kMaxSide) {
    fail<InputError>("{}: expected pictures of 1 to {} rows and columns, got {} of {}x{}",
                     images_path.string(), kMaxSide, count, height, width);
  }
  if (labels.sizes[0] != count) {
    fail<InputError>("{}: expected {} labels, as many as pictures in {}, got {}",
                     labels_path.string(), count, images_path.filename().string(), labels.sizes[0]);
  }
  auto pictures = std::make_unique<BytePictures>(
      BytePictures::Form{static_cast<int>(width), static_cast<int>(height), 1}, std::move(classes));
  const std::size_t bytes = pictures->picture_bytes();
  const Bytes values(labels.file.begin() + static_cast<std::ptrdiff_t>(labels.header_bytes),
                     labels.file.end());
  pictures->append(std::move(images.file), images.header_bytes, bytes, values,
                   labels_path.string());
  return pictures;
}

}  // namespace

void register_dataset_idx(DatasetRegistry& registry);
void register_dataset_idx(DatasetRegistry& registry) {
  registry.add(
      {.name = "mnist",
       .what = "handwritten digits, 60000 to train and 10000 to test (IDX)",
       .needs = "put the four files train-images-idx3-ubyte.gz, … of MNIST into data/mnist",
       .looks = {"/usr/share/datasets/mnist", "$STRIATE_DATA/mnist", "data/mnist"},
       .channels = 1,
       .height = 28,
       .width = 28,
       .open = [](const fs::path& path, Split split) {
         return open_idx(path, split, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
       }});
  registry.add({.name = "fashion-mnist",
                .what = "articles of clothing, 60000 to train and 10000 to test (IDX)",
                .needs = "apt install dataset-fashion-mnist",
                .looks = {"/usr/share/datasets/fashion-mnist", "$STRIATE_DATA/fashion-mnist",
                          "data/fashion-mnist"},
                .channels = 1,
                .height = 28,
                .width = 28,
                .open = [](const fs::path& path, Split split) {
                  return open_idx(path, split,
                                  {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal",
                                   "Shirt", "Sneaker", "Bag", "Ankle boot"});
                }});
}

}  // namespace striate
