#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
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
};

struct AnnotationOptions {
  /// Numbers of Pascal VOC's files are taken for edges between pixels, as some programs write them;
  /// otherwise they count pixels from 1 and name the last one inside.
  bool voc_edges = false;
  /// Where pictures lie of which the annotations do not say how large they are; empty: beside them.
  std::filesystem::path pictures = {};
};

/// Reads a format that it recognizes by what lies there: a folder of Pascal VOC's XML (ImageNet's,
/// too), alone or as Annotations/. Boxes come out as they stand there, sound or not. Throws
/// InputError naming the file, and the line where that helps.
Annotations read_annotations(const std::filesystem::path& path,
                             const AnnotationOptions& options = {});

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
/// are clipped or go. Scores of an outline's area stay.
BoxReport mend(Annotations& annotations, BadBoxes how);

}  // namespace striate
