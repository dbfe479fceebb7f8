#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "striate/data/annotations.h"

namespace striate {

/// The classes that annotations are of: given beforehand, or gathered as they come.
class ClassNames {
 public:
  ClassNames() = default;
  explicit ClassNames(std::vector<std::string> names);

  /// The number of a name. Throws InputError naming file and line where the names were given and it
  /// is none of them.
  std::int64_t label(std::string_view name, std::string_view file, std::int64_t line);
  const std::vector<std::string>& names() const { return names_; }

 private:
  bool given_ = false;
  std::vector<std::string> names_;
  std::map<std::string, std::int64_t, std::less<>> labels_;
};

/// The line that byte `offset` stands in, from 1.
std::int64_t line_at(std::string_view text, std::size_t offset);

/// Classes in the order of their names, or in Pascal VOC's where they are all VOC's. Labels follow.
void order_classes(Annotations& annotations);

/// One XML file of Pascal VOC's form. Throws InputError naming `file` and line.
AnnotatedPicture read_voc_xml(std::string_view text, const std::filesystem::path& file,
                              ClassNames& classes, const AnnotationOptions& options = {});

/// The same of many. Classes stay in the order in which they come.
Annotations read_voc_files(const std::vector<std::filesystem::path>& files, ClassNames classes,
                           const AnnotationOptions& options = {});

/// The files of a folder whose names end so, in the order of their names. Throws InputError.
std::vector<std::filesystem::path> files_ending(const std::filesystem::path& folder,
                                                std::string_view ending);
std::string text_of(const std::filesystem::path& path);

}  // namespace striate
