#pragma once

#include "striate/data/transforms.h"

namespace striate {

/// Brightness, contrast and saturation, each times a factor of 1 +- number %, in a drawn order.
void jitter(Example& example, const TransformArgs& args, Random& random);

/// AlexNet's change of the lighting's colour and strength.
void lighting(Example& example, const TransformArgs& args, Random& random);

/// PIL's ImageEnhance.Brightness, Contrast and Color, byte for byte.
void change_brightness(Image& picture, double factor);
void change_contrast(Image& picture, double factor);
void change_saturation(Image& picture, double factor);

}  // namespace striate
