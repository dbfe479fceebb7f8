#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "striate/models/detector.h"
#include "striate/models/registry.h"

namespace striate {

// The training forms of the detectors that name regions. All have the inputs `input` and `objects`
// [N, G, 5], rows of x1, y1, x2, y2, class in pixels of the network's input, of a class below 0 where
// there is none; and the output `loss`. Their parameters are those of the registry's form, which gives
// `logits` [R, classes + 1], `bbox_pred` [R, 4 * (classes + 1)] and `proposals` [R, 5], rows of image,
// x1, y1, x2, y2. Class 0 is no object.

/// Throws InputError for a description that cannot be meant, and as ModelRow::build.
Graph faster_rcnn_training(const std::string& name, const ModelSize& size,
                           const DetectorNetwork& network);

/// Regions come from outside: as many of each picture, in `proposals` [N * R, 5], rows of image, x1, y1,
/// x2, y2, another input, which the registry's form has too.
Graph fast_rcnn_training(const std::string& name, const ModelSize& size,
                         const DetectorNetwork& network);
/// Likewise; it learns to name regions, and its parameters are the registry's `head.svm` and `head.box`
/// besides, which nothing teaches.
Graph sppnet_training(const ModelSize& size, const DetectorNetwork& network);

/// What boxes' offsets are multiplied by where they are learned (Girshick's code, and torchvision).
inline constexpr double kOffsetScales[4] = {10, 10, 5, 5};

}  // namespace striate
