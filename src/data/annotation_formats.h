#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
std::string write_voc_xml(const AnnotatedPicture& picture, const std::vector<std::string>& classes);

/// COCO's annotations, with scores where they have some, or a list of results, whose pictures and
/// classes are called by their ids. Throws InputError naming `file` and line, as do all that follow.
Annotations read_coco(std::string_view text, const std::filesystem::path& file);
std::string write_coco(const Annotations& annotations);

/// A line an object: the class's number, centre and size as shares of `width` and `height`, and a
/// score where there is a sixth number.
std::vector<Annotation> read_yolo_txt(std::string_view text, const std::filesystem::path& file,
                                      std::int64_t classes, double width, double height);
/// REQUIRES: the picture's size is known.
std::string write_yolo_txt(const AnnotatedPicture& picture);
/// What stands behind "names:" in YAML, as a list or numbered from 0.
std::vector<std::string> read_yaml_names(std::string_view text, const std::filesystem::path& file);

/// CVAT's XML, one file for all pictures.
Annotations read_cvat(std::string_view text, const std::filesystem::path& file);

/// A table with a head: OpenImages' ImageID, LabelName, XMin, XMax, YMin, YMax (shares of the
/// picture, whose size must be known), or image, class, score, x1, y1, x2, y2 in pixels.
Annotations read_box_table(std::string_view text, const std::filesystem::path& file,
                           const AnnotationOptions& options);

/// A line an object: its class's name, a score where there are five numbers, left edge, upper edge,
/// width and height in pixels.
std::vector<Annotation> read_box_lines(std::string_view text, const std::filesystem::path& file,
                                       ClassNames& classes);

/// Sizes of pictures by their names' stems, from `options.sizes`.
class PictureSizes {
 public:
  explicit PictureSizes(const AnnotationOptions& options);
  /// Fills in width and height where they are 0. Throws InputError naming `picture.source` where they
  /// are not known.
  void complete(AnnotatedPicture& picture) const;

 private:
  std::map<std::string, std::filesystem::path, std::less<>> pictures_;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>, std::less<>> known_;
};

std::vector<std::string_view> words_of(std::string_view line);
/// A finite number and nothing else.
bool read_number(std::string_view word, double& value);

/// The files of a folder whose names end so, in the order of their names. Throws InputError.
std::vector<std::filesystem::path> files_ending(const std::filesystem::path& folder,
                                                std::string_view ending);
std::string text_of(const std::filesystem::path& path);

}  // namespace striate
