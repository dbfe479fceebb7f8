#pragma once

#include <string>

#include "striate/draw/canvas.h"
#include "striate/nn/conv_arithmetic.h"

namespace striate {

/// Which inputs each output sees along one side, a line an output: the first `most` of them.
std::string window_lines(const ConvAnswer& answer, std::int64_t dilation, bool transposed,
                         std::int64_t most = 8);

/// Input and output side by side, and which input pixels the output's middle pixel sees. Throws
/// InputError for sides too long to draw.
draw::Canvas window_picture(const ConvAnswer& answer, std::int64_t dilation, bool transposed);

}  // namespace striate
