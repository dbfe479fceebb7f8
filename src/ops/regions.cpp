#include "ops/regions.h"

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {

const ValueInfo& region_map(std::span<const ValueInfo> inputs) {
  const ValueInfo& x = required_float(inputs, 0, "X");
  if (x.shape.rank() != 4) fail<ModelError>("expected maps N,C,H,W, got {}", x.shape.str());
  return x;
}

RegionGeometry region_geometry(const Shape& map, std::int64_t regions, std::int64_t oh,
                               std::int64_t ow, double scale) {
  return {.n = map[0],
          .c = map[1],
          .h = map[2],
          .w = map[3],
          .regions = regions,
          .oh = oh,
          .ow = ow,
          .scale = scale};
}

Regions regions_of(const ConstView& rois) {
  ConstView images = sliced(rois, 1, 0, 1);
  images.shape = {rois.shape[0]};
  return {.boxes = sliced(rois, 1, 1, 4), .images = images};
}

Box box_of(const ConstView& rois, std::int64_t r) {
  return {number_at(rois, r, 1), number_at(rois, r, 2), number_at(rois, r, 3),
          number_at(rois, r, 4)};
}

void put_region(const View& rois, std::int64_t r, std::int64_t image, const Box& box) {
  put_number(rois, static_cast<double>(image), r, 0);
  put_number(rois, box.x1, r, 1);
  put_number(rois, box.y1, r, 2);
  put_number(rois, box.x2, r, 3);
  put_number(rois, box.y2, r, 4);
}

std::vector<LabelledBox> objects_of(const ConstView& objects, std::int64_t n) {
  std::vector<LabelledBox> result;
  for (std::int64_t g = 0; g < objects.shape[1]; ++g) {
    const auto number = [&](std::int64_t k) { return number_at(objects, n, g, k); };
    const Box box{number(0), number(1), number(2), number(3)};
    if (!(number(4) >= 0) || !(box.width() > 0 && box.height() > 0)) continue;
    result.push_back({box, static_cast<std::int64_t>(number(4))});
  }
  return result;
}

void AnchorFields::check(std::size_t maps) const {
  if (strides.size() == 2 * maps && !anchors.empty() && anchors.size() % (4 * maps) == 0) return;
  fail<ModelError>("expected two strides and some anchors for each of {} maps", maps);
}

Box AnchorFields::box(std::size_t map, std::int64_t a, std::int64_t y, std::int64_t x) const {
  const double* at =
      &anchors[4 * (map * static_cast<std::size_t>(per_pixel()) + static_cast<std::size_t>(a))];
  const auto down = static_cast<double>(y * strides[2 * map]);
  const auto across = static_cast<double>(x * strides[2 * map + 1]);
  return {at[0] + across, at[1] + down, at[2] + across, at[3] + down};
}

Window anywhere() {
  Window window;
  window.kind = Window::Kind::everything;
  return window;
}

}  // namespace striate
