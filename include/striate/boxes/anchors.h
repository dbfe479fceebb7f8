#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "striate/boxes/box.h"

namespace striate {

/// A box's size alone, in pixels.
struct BoxSize {
  double width = 0, height = 0;

  friend bool operator==(const BoxSize&, const BoxSize&) = default;
};

/// IoU of two boxes with one centre.
double iou(const BoxSize& a, const BoxSize& b);

/// The nine of Ren et al., "Faster R-CNN", 2015: areas of 128^2, 256^2 and 512^2, each with a ratio of
/// height to width of 1:2, 1:1 and 2:1.
std::vector<BoxSize> paper_anchors();

/// Reads "32x32,64x128", widths and heights. Throws InputError for what is no such list, more than
/// 64, and sides that are not above 0.
std::vector<BoxSize> parse_anchors(std::string_view text);
/// What `parse_anchors` would read.
std::string format_anchors(std::span<const BoxSize> anchors);

/// Redmon and Farhadi, "YOLO9000", 2017, section 2: k-means of the boxes' sizes by the distance
/// 1 - IoU, begun as k-means++ does by `seed`, the best of ten beginnings; by rising area. Fewer where
/// there are fewer different sizes. Boxes without an area are left out.
std::vector<BoxSize> fit_anchors(std::span<const BoxSize> boxes, std::int64_t count,
                                 std::uint64_t seed = 1);

/// The mean over the boxes of the best anchor's IoU; 0 where there is no box.
double mean_best_iou(std::span<const BoxSize> boxes, std::span<const BoxSize> anchors);

/// The anchors around the centre of every cell of a `rows` x `columns` map whose cells are `stride`
/// pixels apart: by row, column, anchor.
std::vector<Box> lay_anchors(std::span<const BoxSize> anchors, std::int64_t rows,
                             std::int64_t columns, double stride);

}  // namespace striate
