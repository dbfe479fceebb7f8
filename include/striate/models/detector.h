#pragma once

#include <cstdint>
#include <string>

#include "striate/base/fields.h"
#include "striate/graph/graph.h"

namespace striate {

/// A network that finds objects: what its builder is told beside its name, the picture's size and the
/// classes. Written as JSON it travels with the weights. A detector reads the fields that concern it.
struct DetectorNetwork {
  std::string backbone;
  std::int64_t grid = 0;
  std::int64_t boxes = 0;
  std::string anchors;
  std::int64_t regions = 0;
  std::int64_t stride = 0;

  STRIATE_FIELDS(
      visit("backbone", backbone,
            "the classifier whose layers give the features: resnet18_half, alexnet, …; none: the "
            "detector's own");
      visit("grid", grid, "yolo: cells along each side, S; 0: the model's own");
      visit("boxes", boxes, "yolo: boxes that a cell answers with, B; 0: the model's own");
      visit("anchors", anchors,
            "faster_rcnn: widths and heights in pixels, as in 32x32,64x128; auto: fitted to the "
            "data's boxes; none: the paper's nine");
      visit("regions", regions, "regions of a picture that are classified; 0: the detector's own");
      visit(
          "stride", stride,
          "fast_rcnn, faster_rcnn: pixels of the picture for one of the map that regions are taken "
          "from, 4, 8 or 16; 0: 16");)
};

/// Adds YOLO's loss (Redmon et al., arXiv:1506.02640, equation 3) to a graph whose output `logits` are
/// its answers: `truth` as another input, as the operator YoloTargets reads it, and `loss`, the mean
/// over the pictures, as the first output.
Graph with_yolo_loss(Graph graph, std::int64_t boxes);

}  // namespace striate
