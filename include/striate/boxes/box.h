#pragma once

#include <algorithm>
#include <cstdint>

namespace striate {

/// A rectangle of a picture, in pixels from its upper left corner. Edges lie between pixels: the whole
/// of a W by H picture is 0, 0, W, H. (Pascal VOC's numbers count pixels from 1 and name the last one
/// inside: xmin - 1, ymin - 1, xmax, ymax.)
struct Box {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;

  double width() const { return x2 - x1; }
  double height() const { return y2 - y1; }
  /// 0 for a box that is inverted.
  double area() const { return std::max(0.0, width()) * std::max(0.0, height()); }

  friend bool operator==(const Box&, const Box&) = default;
};

/// What both cover; empty (x2 <= x1 or y2 <= y1) where they do not meet.
inline Box intersection(const Box& a, const Box& b) {
  return {std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
}

/// Intersection over union, 0 to 1; 0 where both are empty.
inline double iou(const Box& a, const Box& b) {
  const double both = intersection(a, b).area();
  const double all = a.area() + b.area() - both;
  return all > 0 ? both / all : 0;
}

/// An object of a picture: what an annotation says of it.
struct Object {
  Box box;
  std::int64_t label = 0;  ///< in the dataset's classes
  bool difficult = false;  ///< Pascal VOC: not counted, found or not
  bool crowd = false;      ///< COCO: a group; what is found in it is not counted
  double area = -1;        ///< COCO: of the object's outline; below 0: the box's
};

/// An object that a detector has found.
struct Detection {
  Box box;
  std::int64_t label = 0;
  double score = 0;
};

}  // namespace striate
