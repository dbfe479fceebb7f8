#include <algorithm>
#include <array>
#include <numeric>

#include "ops/axis_taps.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

struct Range {
  std::int64_t begin = 0, size = 0, step = 1;
};
using Ranges = std::array<Range, Shape::kMaxRank>;

// What every axis of the data keeps, by ONNX's rule: ends count from the back where negative and
// are cut to the axis.
Ranges ranges(const Shape& data, std::span<const std::int64_t> starts,
              std::span<const std::int64_t> ends, std::span<const std::int64_t> axes,
              std::span<const std::int64_t> steps) {
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    fail<ModelError>("expected as many ends, axes and steps as starts ({}), got {}, {} and {}",
                     starts.size(), ends.size(), axes.size(), steps.size());
  }
  Ranges result;
  for (int axis = 0; axis < data.rank(); ++axis) {
    result[static_cast<std::size_t>(axis)] = {.begin = 0, .size = data[axis], .step = 1};
  }
  std::array<bool, Shape::kMaxRank> seen{};
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const int axis = normalized_axis(axes[i], data.rank());
    if (std::exchange(seen[static_cast<std::size_t>(axis)], true)) {
      fail<ModelError>("axis {} is sliced twice", axis);
    }
    if (steps[i] == 0) fail<ModelError>("expected steps other than 0");
    const std::int64_t size = data[axis];
    if (steps[i] < 0) {
      // Backwards from the start to before the end, which may lie before the first element.
      const auto back = [size](std::int64_t at) {
        return std::clamp<std::int64_t>(at < 0 ? at + size : at, -1, size - 1);
      };
      const std::int64_t first = back(starts[i]);
      const std::int64_t span = first - back(ends[i]);
      const std::int64_t stride = std::max(steps[i], -size - 1);
      const std::int64_t count = span <= 0 ? 0 : (span - 1) / -stride + 1;
      result[static_cast<std::size_t>(axis)] = {
          .begin = first, .size = count, .step = count > 1 ? stride : 1};
      continue;
    }
    const auto cut = [size](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
    };
    const std::int64_t begin = cut(starts[i]);
    const std::int64_t length = std::max<std::int64_t>(cut(ends[i]) - begin, 0);
    // Written without a sum that a huge step would overflow.
    const std::int64_t kept = length == 0 ? 0 : (length - 1) / steps[i] + 1;
    result[static_cast<std::size_t>(axis)] = {
        .begin = begin, .size = kept, .step = kept > 1 ? steps[i] : 1};
  }
  return result;
}

// The part of the data that the slice keeps.
template <class Void>
BasicView<Void> part(BasicView<Void> data, const Ranges& kept) {
  for (int axis = 0; axis < data.shape.rank(); ++axis) {
    const Range& range = kept[static_cast<std::size_t>(axis)];
    data = sliced(data, axis, range.begin, range.size, range.step);
  }
  return data;
}

bool backwards(const Ranges& kept) {
  return std::any_of(kept.begin(), kept.end(), [](const Range& range) { return range.step < 0; });
}

// The same by looking up each element, for steps that run backwards.
std::vector<AxisTaps> looked_up(const Shape& data, const Ranges& kept) {
  std::vector<AxisTaps> maps;
  for (int axis = 0; axis < data.rank(); ++axis) {
    const Range& range = kept[static_cast<std::size_t>(axis)];
    if (range.begin == 0 && range.size == data[axis] && range.step == 1) continue;
    AxisTaps map{.axis = axis, .out = range.size, .indices = {}, .weights = {}};
    for (std::int64_t i = 0; i < range.size; ++i) {
      map.indices.push_back(range.begin + i * range.step);
    }
    maps.push_back(std::move(map));
  }
  return maps;
}

// Every step-th element between starts and ends along some axes: one copy from a strided view.
class Slice final : public Operator {
 public:
  using Fields = NoFields;
  explicit Slice(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& data = required(inputs, 0, "data");
    const Ranges kept = ranges_of(inputs);
    if (backwards(kept)) required_float(inputs, 0, "data to be sliced backwards");
    Shape shape = data.shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      shape[axis] = kept[static_cast<std::size_t>(axis)].size;
    }
    return folded(*this, inputs, {{.dtype = data.dtype, .shape = shape}});
  }

  // Output pixel i is input pixel begin + i * step.
  Window window(std::span<const ValueInfo> inputs) const override {
    const Ranges kept = ranges_of(inputs);
    if (backwards(kept)) return {.kind = Window::Kind::everything};
    const int rank = inputs[0].shape.rank();
    const auto axis = [&](int i) {
      const Range& range = kept[static_cast<std::size_t>(i)];
      const std::int64_t end = range.begin + (range.size - 1) * range.step + 1;
      return Window::Axis{
          .stride = range.step, .pad = -range.begin, .pad_end = end - inputs[0].shape[i]};
    };
    Window window;
    if (rank == 4) window.h = axis(2);
    if (rank == 3 || rank == 4) window.w = axis(rank - 1);
    return window;
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1, 2, 3, 4};
    if (const Ranges kept = ranges_of(inputs); backwards(kept)) {
      traits.forward_scratch = traits.backward_scratch =
          taps_scratch(inputs[0].dtype, inputs[0].shape, looked_up(inputs[0].shape, kept));
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& data = args.inputs[0];
    const Ranges kept = ranges_of(data.shape, args.inputs);
    if (backwards(kept)) {
      return apply_taps(args.device, looked_up(data.shape, kept), data, args.outputs[0],
                        args.scratch);
    }
    args.device.copy(part(data, kept), args.outputs[0]);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Ranges kept = ranges_of(dx.view.shape, args.inputs);
    if (backwards(kept)) {
      return apply_taps_backward(args.device, looked_up(dx.view.shape, kept),
                                 args.output_gradients[0], dx.view, dx.accumulate, args.scratch);
    }
    if (!dx.accumulate) args.device.fill(dx.view, 0.0);
    args.device.copy(args.output_gradients[0], part(dx.view, kept), dx.accumulate);
  }

 private:
  static Ranges ranges_of(std::span<const ValueInfo> inputs) {
    static constexpr const char* kNames[] = {"data", "starts", "ends", "axes", "steps"};
    std::array<ConstView, 5> views;
    for (std::size_t i = 1; i < 5; ++i) {
      if (i > 2 && !present(inputs, i)) continue;
      known_integers(inputs, i, kNames[i]);
      views[i] = std::as_const(*inputs[i].constant).view();
    }
    return ranges_of(inputs[0].shape, views);
  }

  static Ranges ranges_of(const Shape& data, std::span<const ConstView> inputs) {
    const std::vector<std::int64_t> starts = integers(inputs[1]);
    std::vector<std::int64_t> axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    std::vector<std::int64_t> steps(starts.size(), 1);
    if (at(inputs, 3)) axes = integers(inputs[3]);
    if (at(inputs, 4)) steps = integers(inputs[4]);
    return ranges(data, starts, integers(inputs[2]), axes, steps);
  }
};

}  // namespace

void register_op_slice(OperatorRegistry& registry) {
  registry.add({.name = "Slice",
                .doc = "Every step-th element between starts and ends along some axes, also "
                       "backwards; all of it known when compiled.",
                .min_inputs = 3,
                .max_inputs = 5,
                .make = make_operator<Slice>});
}

}  // namespace striate
