#pragma once

#include <optional>
#include <string_view>

#include "striate/graph/graph.h"

namespace striate {

/// A network on one line: a picture HxWxC, then layers behind arrows, as a lecture writes them:
///
///   32x32x3 -> 5x5x4 -> max2 -> [1x1x8 | 1x1x4 -> 3x3x8 same] -> dense 10
///
/// | layer | is |
/// |---|---|
/// | `5x5x4` | a convolution with 5x5 kernels to 4 channels |
/// | `max3`, `avg2` | pooling, its stride the kernel where none is given; `max3x2` for 3x2 pixels |
/// | `gap` | the mean of each whole map |
/// | `dense 10` | a dense layer to 10 numbers |
/// | `bn`, `relu` | batch norm, ReLU |
/// | `[… \| …]` | branches, joined along the channels; an empty one is the map itself |
///
/// After a layer stand, apart or not: `/2` stride, `p1` padding, `same` the padding that keeps the
/// size at stride 1, `d2` dilation, `g4` groups, `t` transposed, `nobias`. `×` and `→` are read
/// too. Layers are named by kind and number: conv1, max2, join3.a.conv4.
struct ChainNetwork {
  Graph graph;  ///< training form: input `input` [1, C, H, W], output `logits`
  Shape input;  ///< 1, C, H, W
};

/// True where a text is meant as a chain: it has an arrow.
bool is_chain(std::string_view text);

/// `size` (channels, height, width) takes the place of the first size. Throws InputError that
/// quotes the layer: what, expected, got; OutOfPixels where the picture is too small.
ChainNetwork read_chain(std::string_view text, const std::optional<Shape>& size = std::nullopt);

/// The size that it begins with: 1, C, H, W. Throws InputError.
Shape read_chain_size(std::string_view text);

}  // namespace striate
