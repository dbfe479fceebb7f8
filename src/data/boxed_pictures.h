#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "striate/data/annotations.h"
#include "striate/data/dataset.h"

namespace striate {

/// Pictures with the objects of their annotations. What is wrong with boxes is mended (those that
/// leave a picture are clipped) and noted.
class BoxedPictures : public Dataset {
 public:
  /// The picture's file of every picture of `annotations`, in their order.
  BoxedPictures(Annotations annotations, std::vector<std::filesystem::path> files);

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  const std::vector<std::string>& classes() const override { return annotations_.classes; }
  bool boxed() const override { return true; }
  std::string name(std::int64_t index) const override {
    return files_.at(static_cast<std::size_t>(index)).string();
  }
  std::vector<std::string> notes() const override { return notes_; }
  /// Throws InputError where the picture is not of the size that its annotation says.
  Example get(std::int64_t index) const override;

 private:
  Annotations annotations_;
  std::vector<std::filesystem::path> files_;
  std::vector<std::string> notes_;
};

/// The picture that a name means: in one of the folders, as it is or with the ending of another kind
/// of picture. Throws InputError naming `source`, which asks for it.
std::filesystem::path find_picture(const std::string& name,
                                   const std::vector<std::filesystem::path>& folders,
                                   const std::filesystem::path& source);

/// Of a folder without lists: every tenth picture, by its name alone, is for testing.
bool is_for_testing(const std::filesystem::path& picture);

}  // namespace striate
