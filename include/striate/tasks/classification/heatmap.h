#pragma once

#include <cstdint>
#include <string>

#include "striate/codec/image.h"
#include "striate/tasks/classification/classifier.h"

namespace striate {

/// What a classifier says at each place of a picture larger than its own: its convolutional form
/// (graph/rewrite.h) at every window, which lie `step` pixels apart.
struct Heatmap {
  Tensor probabilities;  ///< float32 [classes, rows, columns]
  std::int64_t window_height = 0, window_width = 0;
  double step_y = 0, step_x = 0;  ///< pixels from one window to the next; 0 where there is one
};

/// The picture is taken as large as it is, in memory that grows with it. Throws InputError naming
/// `name` for one smaller than the classifier's, ModelError for a network that cannot be made
/// convolutional.
Heatmap heatmap(const Classifier& classifier, const std::shared_ptr<const Device>& device,
                const Image& picture, const std::string& name);

/// The class with the largest probability anywhere.
std::int64_t strongest(const Heatmap& map);

/// The picture in grey, tinted by the probability of a class at each place, interpolated between the
/// windows' middles: from clear (0) over yellow to red (1), with a scale below.
Image heatmap_picture(const Heatmap& map, const Image& picture, std::int64_t label,
                      const std::string& title);

}  // namespace striate
