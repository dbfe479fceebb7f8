#include "ops/axis_taps.h"

#include <algorithm>

#include "ops/operands.h"

namespace striate {
namespace {

// The shapes between the maps, from the input's to the output's.
std::vector<Shape> shapes(const Shape& input, const std::vector<AxisTaps>& maps) {
  std::vector<Shape> result{input};
  for (const AxisTaps& map : maps) {
    result.push_back(result.back());
    result.back()[map.axis] = map.out;
  }
  return result;
}

// One map's tables as a device sees them, broadcast to `shape`.
struct Tap {
  Tap(const AxisTaps& map, std::int64_t tap, const Shape& shape) {
    const auto first = static_cast<std::size_t>(tap * map.out);
    Strides along{};
    along[static_cast<std::size_t>(map.axis)] = 1;
    indices = {map.indices.data() + first, DType::i64, shape, along};
  }
  ConstView indices;
};

// A tap's weights, in the operands' dtype.
ConstView weights_of(const Device& device, const AxisTaps& map, std::int64_t tap,
                     const Shape& shape, const View& memory) {
  const ConstView given(map.weights.data() + tap * map.out, DType::f64, {map.out}, {1});
  device.cast(given, memory);
  Strides along{};
  along[static_cast<std::size_t>(map.axis)] = 1;
  return {memory.data, memory.dtype, shape, along};
}

std::int64_t longest(const std::vector<AxisTaps>& maps) {
  std::int64_t result = 1;
  for (const AxisTaps& map : maps) result = std::max(result, map.out);
  return result;
}

std::int64_t largest(const std::vector<Shape>& all) {
  std::int64_t result = 0;
  for (const Shape& shape : all) result = std::max(result, shape.elements());
  return result;
}

}  // namespace

std::size_t taps_scratch(DType dtype, const Shape& input, const std::vector<AxisTaps>& maps) {
  // Two results in turn, one tap's products, and its weights.
  return 3 * scratch_bytes(dtype, {largest(shapes(input, maps))}) +
         scratch_bytes(dtype, {longest(maps)});
}

void apply_taps(const Device& device, const std::vector<AxisTaps>& maps, const ConstView& x,
                const View& y, std::span<std::byte> memory) {
  if (maps.empty()) return device.copy(x, y);
  const std::vector<Shape> between = shapes(x.shape, maps);
  const Shape most{largest(between)};
  Scratch scratch(memory);
  const View turns[] = {scratch_view(scratch, x.dtype, most), scratch_view(scratch, x.dtype, most)};
  const View part = scratch_view(scratch, x.dtype, most);
  const View weights = scratch_view(scratch, x.dtype, {longest(maps)});
  const auto as = [&](const View& view, const Shape& shape) {
    return View(view.data, view.dtype, shape, dense_strides(shape));
  };
  ConstView from = x;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const AxisTaps& map = maps[i];
    const Shape& shape = between[i + 1];
    const View to = i + 1 == maps.size() ? y : as(turns[i % 2], shape);
    if (map.weights.empty()) {
      device.gather(from, Tap(map, 0, shape).indices, map.axis, to);
    } else {
      for (std::int64_t t = 0; t < map.taps(); ++t) {
        const View seen = as(part, shape);
        device.gather(from, Tap(map, t, shape).indices, map.axis, seen);
        const ConstView w = weights_of(device, map, t, shape, sliced(weights, 0, 0, map.out));
        apply(device, Function::mul, {seen, w}, to, {}, t > 0);
      }
    }
    from = to;
  }
}

void apply_taps_backward(const Device& device, const std::vector<AxisTaps>& maps,
                         const ConstView& dy, const View& dx, bool accumulate,
                         std::span<std::byte> memory) {
  if (maps.empty()) return device.copy(dy, dx, accumulate);
  const std::vector<Shape> between = shapes(dx.shape, maps);
  const Shape most{largest(between)};
  Scratch scratch(memory);
  const View turns[] = {scratch_view(scratch, dy.dtype, most),
                        scratch_view(scratch, dy.dtype, most)};
  const View part = scratch_view(scratch, dy.dtype, most);
  const View weights = scratch_view(scratch, dy.dtype, {longest(maps)});
  const auto as = [&](const View& view, const Shape& shape) {
    return View(view.data, view.dtype, shape, dense_strides(shape));
  };
  ConstView from = dy;
  for (std::size_t i = maps.size(); i-- > 0;) {
    const AxisTaps& map = maps[i];
    const Shape& shape = between[i + 1];
    const View to = i == 0 ? dx : as(turns[i % 2], between[i]);
    if (i > 0 || !accumulate) device.fill(to, 0.0);
    for (std::int64_t t = 0; t < map.taps(); ++t) {
      ConstView share = from;
      if (!map.weights.empty()) {
        const View product = as(part, shape);
        const ConstView w = weights_of(device, map, t, shape, sliced(weights, 0, 0, map.out));
        apply(device, Function::mul, {from, w}, product);
        share = product;
      }
      device.scatter_add(share, Tap(map, t, shape).indices, map.axis, to);
    }
    from = to;
  }
}

}  // namespace striate
