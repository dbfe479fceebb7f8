#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "striate/data/dataset.h"

namespace striate {

struct MaskedFile {
  std::filesystem::path picture, mask;
};

/// The lines of a text file without what surrounds them, empty ones and comments (#) left out.
/// Throws InputError where it cannot be read.
std::vector<std::string> lines_of(const std::filesystem::path& path);

/// Which pictures and masks lie in a folder, and in which part.
class MaskFolder {
 public:
  enum class Layout : std::uint8_t {
    plain,  ///< images/ and masks/, or train/images/ and so on
    voc,    ///< JPEGImages/, SegmentationClass/, ImageSets/Segmentation/
    camvid  ///< train/ and trainannot/, val/ and so on, as in the SegNet tutorial
  };

  /// Throws InputError where it is no such folder, a list is damaged, what it names is not there, or
  /// no picture has a mask.
  static MaskFolder open(const std::filesystem::path& root);

  const std::filesystem::path& root() const { return root_; }
  Layout layout() const { return layout_; }
  /// The validation part stands in for a test part that is not there; it may be empty. Where the folder
  /// has no parts, every tenth picture, chosen by its name, is for testing. Throws InputError where
  /// there is no such part.
  std::vector<MaskedFile> files(Split split) const;
  /// Those of every part.
  std::vector<MaskedFile> all() const;
  /// Pictures beside the lists that have no mask.
  const std::vector<std::filesystem::path>& without_mask() const { return without_mask_; }

 private:
  using Part = std::vector<MaskedFile>;

  void read_lists(const std::filesystem::path& folder);
  void read_folders(const std::string& part, const std::filesystem::path& pictures,
                    const std::filesystem::path& masks);
  void divide();
  MaskedFile listed(const std::string& line, const std::filesystem::path& list) const;
  std::filesystem::path find(const std::string& name, bool mask,
                             const std::filesystem::path& list) const;

  std::filesystem::path root_, pictures_, masks_;
  Layout layout_ = Layout::plain;
  std::map<std::string, Part, std::less<>> parts_;  // "train", "val", "test"
  std::vector<std::filesystem::path> without_mask_;
};

}  // namespace striate
