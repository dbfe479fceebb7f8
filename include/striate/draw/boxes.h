#pragma once

#include <span>
#include <string>

#include "striate/boxes/box.h"
#include "striate/codec/image.h"

namespace striate::draw {

struct BoxesOptions {
  bool labels = true;  ///< the class and the score at each box
};

/// The picture with a frame around each detection, in its class's colour, and what it is; the best lie
/// uppermost. A small picture is enlarged, by a whole factor, so that the words can be read. REQUIRES:
/// labels are numbers of `classes`.
Image boxes(const Image& picture, std::span<const Detection> found,
            std::span<const std::string> classes, const BoxesOptions& options = {});

}  // namespace striate::draw
