#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "striate/boxes/box.h"

namespace striate {

/// An object as a file has it, or a detection.
struct Annotation {
  Object object;
  double score = -1;      ///< of a detection; below 0: it is none
  std::int64_t line = 0;  ///< in its picture's `source`, from 1; 0: not known
};

struct AnnotatedPicture {
  std::string name;                    ///< the picture's file, as the annotations call it
  std::int64_t width = 0, height = 0;  ///< 0: they do not say
  std::vector<Annotation> annotations;
  std::filesystem::path source = {};  ///< the file that they were read from
};

/// What one file or folder says of its pictures.
struct Annotations {
  std::vector<std::string> classes;
  std::vector<AnnotatedPicture> pictures;
  /// COCO's, as text; empty for other formats.
  std::vector<std::string> class_ids = {}, picture_ids = {};
};

struct AnnotationOptions {
  /// Numbers of Pascal VOC's files are taken for edges between pixels, as some programs write them;
  /// otherwise they count pixels from 1 and name the last one inside.
  bool voc_edges = false;
  /// Where the sizes of pictures are taken from that the annotations do not tell: a folder of the
  /// pictures, or other annotations of them.
  std::filesystem::path sizes = {};
};

/// Reads a format that it recognizes by what lies there:
///
///   Pascal VOC, ImageNet   a folder of XML files, alone or as Annotations/; one such file
///   COCO                   a JSON file, of annotations or results
///   YOLO                   a folder with labels in text files and the classes' names in data.yaml,
///                          classes.txt or obj.names; pictures beside them, or `sizes`
///   CVAT                   an XML file
///   OpenImages             a CSV file (see read_box_table), with `sizes`
///   plain                  a folder of text files, "class [score] x y width height" a line
///
/// Boxes come out as they stand there, sound or not. Throws InputError naming the file, and the line
/// where that helps.
Annotations read_annotations(const std::filesystem::path& path,
                             const AnnotationOptions& options = {});

enum class AnnotationFormat : std::uint8_t { voc, coco, yolo };
/// Throws InputError with the nearest name.
AnnotationFormat annotation_format(std::string_view name);

/// Writes a folder Annotations/ of XML files below `path` (voc), one JSON file (coco), or classes.txt
/// and a folder labels/ (yolo); whole or not at all. Throws InputError where `path` exists, or YOLO
/// is asked for and a picture's size is not known.
void write_annotations(const Annotations& annotations, const std::filesystem::path& path,
                       AnnotationFormat format);

/// What was found, in the order of the pictures of `truth` and with its classes.
struct AlignedDetections {
  std::vector<std::vector<Detection>> found;
  std::vector<std::vector<Object>> truth;
  std::int64_t pictures_without = 0;  ///< in which nothing was found
};
/// Pictures are told apart by their names without folders and endings, or by COCO's ids; classes by
/// name, or by id. Throws InputError naming `found`'s file for a picture or a class that `truth` does
/// not have, and for boxes without scores.
AlignedDetections align_detections(const Annotations& found, const Annotations& truth);

enum class BadBoxes : std::uint8_t {
  clip,  ///< boxes that leave their picture are cut at its edges
  drop   ///< they go
};

/// What `mend` found.
struct BoxReport {
  std::int64_t empty = 0, inverted = 0, outside = 0;
  std::int64_t clipped = 0, dropped = 0;
  /// A line for each, with file and line: what was wrong and what became of it.
  std::vector<std::string> lines;

  std::int64_t bad() const { return empty + inverted + outside; }
};

/// Boxes that are empty or inverted, or of which nothing lies in the picture, go; those that leave it
/// are clipped or go.
BoxReport mend(Annotations& annotations, BadBoxes how);

}  // namespace striate
