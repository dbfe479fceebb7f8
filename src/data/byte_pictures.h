#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "striate/data/dataset.h"

namespace striate {

/// Pictures of one size whose bytes are held once, as the file has them; `planar` ones have whole
/// planes of red, green and blue.
class BytePictures : public Dataset {
 public:
  struct Form {
    int width = 0;
    int height = 0;
    int channels = 1;
  };

  BytePictures(Form form, std::vector<std::string> classes)
      : form_(form), classes_(std::move(classes)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  const std::vector<std::string>& classes() const override { return classes_; }
  Example get(std::int64_t index) const override;

  std::size_t picture_bytes() const {
    return static_cast<std::size_t>(form_.width) * static_cast<std::size_t>(form_.height) *
           static_cast<std::size_t>(form_.channels);
  }

  /// Takes over a file whose pictures begin at `first` and lie `step` bytes apart, one for each of
  /// `labels`. Throws InputError naming `labels_file` where a label has no class.
  void append(Bytes file, std::size_t first, std::size_t step, const Bytes& labels,
              std::string_view labels_file);

 private:
  struct Block {
    Bytes file;
    std::size_t first;
    std::size_t step;
    std::size_t begin;  // index of its first picture
  };

  Form form_;
  std::vector<std::string> classes_;
  std::vector<Block> blocks_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace striate
