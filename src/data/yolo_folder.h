#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "striate/data/annotations.h"
#include "striate/data/dataset.h"

namespace striate {

/// Where YOLO's labels and pictures lie in a folder:
///
///   images/train/, labels/train/ (val, test; or without parts)
///   train/images/, train/labels/ (valid, test)
///   pictures and labels side by side, below any folder
///
/// or lists train.txt, valid.txt or val.txt, test.txt of pictures, whose labels lie beside them or in
/// labels/ in place of images/. Names: data.yaml, classes.txt, obj.names or the one file NAME.names.
class YoloFolder {
 public:
  /// Throws InputError where it is no such folder.
  static std::optional<YoloFolder> open(const std::filesystem::path& root);

  struct Pair {
    std::filesystem::path label;    ///< empty: there is none, and no object
    std::filesystem::path picture;  ///< empty: there is none
  };
  const std::vector<std::string>& classes() const { return classes_; }
  /// All labels, whatever the part.
  std::vector<Pair> all() const;
  /// Pictures of a part; without parts every tenth, by its name, is for testing. Throws InputError
  /// where there is no such part.
  std::vector<Pair> part(Split split) const;
  /// Of pairs; sizes are those of the pictures, or `options.sizes` where they are absent.
  Annotations read(const std::vector<Pair>& pairs, const AnnotationOptions& options = {}) const;

 private:
  std::vector<Pair> listed(const std::filesystem::path& list) const;

  std::filesystem::path root_;
  std::vector<std::string> classes_;
};

}  // namespace striate
