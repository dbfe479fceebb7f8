#include "data/byte_pictures.h"

#include <algorithm>
#include <utility>

#include "striate/base/error.h"

namespace striate {

void BytePictures::append(Bytes file, std::size_t first, std::size_t step, const Bytes& labels,
                          std::string_view labels_file) {
  invariant(labels.empty() || first + (labels.size() - 1) * step + picture_bytes() <= file.size(),
            "BytePictures: fewer bytes than pictures");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= classes_.size()) {
      fail<InputError>("{}: label of picture {}: expected 0 to {}, got {}", labels_file, i,
                       classes_.size() - 1, labels[i]);
    }
  }
  blocks_.push_back({std::move(file), first, step, labels_.size()});
  labels_.insert(labels_.end(), labels.begin(), labels.end());
}

Example BytePictures::get(std::int64_t index) const {
  invariant(index >= 0 && index < size(), "BytePictures: an index beyond the end");
  const auto i = static_cast<std::size_t>(index);
  auto block = blocks_.end() - 1;
  while (block->begin > i) --block;
  const std::uint8_t* from = block->file.data() + block->first + (i - block->begin) * block->step;

  Example example{Image(form_.width, form_.height, form_.channels), labels_[i]};
  const auto channels = static_cast<std::size_t>(form_.channels);
  const std::size_t plane = picture_bytes() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    std::uint8_t* to = example.picture.pixels.data() + c;
    for (std::size_t p = 0; p < plane; ++p) to[p * channels] = from[c * plane + p];
  }
  return example;
}

}  // namespace striate
