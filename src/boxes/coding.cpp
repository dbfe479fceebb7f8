#include "striate/boxes/coding.h"

#include <algorithm>
#include <cmath>

namespace striate {

BoxDelta encode(const Box& box, const Box& anchor, const BoxWeights& weights) {
  const double x = anchor.x1 + anchor.width() / 2;
  const double y = anchor.y1 + anchor.height() / 2;
  return {.dx = weights[0] * (box.x1 + box.width() / 2 - x) / anchor.width(),
          .dy = weights[1] * (box.y1 + box.height() / 2 - y) / anchor.height(),
          .dw = weights[2] * std::log(box.width() / anchor.width()),
          .dh = weights[3] * std::log(box.height() / anchor.height())};
}

Box decode(const BoxDelta& delta, const Box& anchor, const BoxWeights& weights) {
  const double most = std::log(1000.0 / 16);
  const double x = anchor.x1 + anchor.width() / 2 + delta.dx / weights[0] * anchor.width();
  const double y = anchor.y1 + anchor.height() / 2 + delta.dy / weights[1] * anchor.height();
  const double width = anchor.width() * std::exp(std::min(delta.dw / weights[2], most));
  const double height = anchor.height() * std::exp(std::min(delta.dh / weights[3], most));
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

Box clip(const Box& box, double width, double height) {
  return {std::clamp(box.x1, 0.0, width), std::clamp(box.y1, 0.0, height),
          std::clamp(box.x2, 0.0, width), std::clamp(box.y2, 0.0, height)};
}

}  // namespace striate
