#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "ops/axis_taps.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Elements added before and after each axis; negative ones are taken away.
struct Padding {
  std::array<std::int64_t, Shape::kMaxRank> begin{}, end{};

  bool crops() const {
    const auto negative = [](std::int64_t v) { return v < 0; };
    return std::any_of(begin.begin(), begin.end(), negative) ||
           std::any_of(end.begin(), end.end(), negative);
  }
};

Padding padding(const Shape& data, std::span<const std::int64_t> pads,
                std::span<const std::int64_t> axes) {
  if (pads.size() != 2 * axes.size()) {
    fail<ModelError>("expected {} pads for {} axes, got {}", 2 * axes.size(), axes.size(),
                     pads.size());
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  std::array<bool, Shape::kMaxRank> seen{};
  Padding result;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(normalized_axis(axes[i], data.rank()));
    if (std::exchange(seen[axis], true)) fail<ModelError>("axis {} is padded twice", axis);
    const std::int64_t before = pads[i];
    const std::int64_t after = pads[i + axes.size()];
    const std::int64_t size = data[static_cast<int>(axis)];
    // What is cropped must be there, on each side and on both together.
    const bool fits =
        before >= -size && after >= -size && before <= kMost && after <= kMost &&
        size + std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(after, 0) >= 0;
    if (!fits) {
      fail<ModelError>("pads [{}] do not fit an input of {}", fmt::join(pads, ", "), data.str());
    }
    result.begin[axis] = before;
    result.end[axis] = after;
  }
  return result;
}

// The elements that input and output share, seen in the input and in the output.
template <class Void>
BasicView<Void> inner(BasicView<Void> view, const Padding& pads, bool of_output) {
  for (int axis = 0; axis < view.shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t sign = of_output ? 1 : -1;
    const std::int64_t before = std::max<std::int64_t>(sign * pads.begin[i], 0);
    const std::int64_t after = std::max<std::int64_t>(sign * pads.end[i], 0);
    view = sliced(view, axis, before, view.shape[axis] - before - after);
  }
  return view;
}

// What a padding that repeats the data sees along each axis that it changes: the element at the
// edge, or those mirrored at it.
std::vector<AxisTaps> repeated(const Shape& data, const Padding& pads, bool mirrored) {
  std::vector<AxisTaps> maps;
  for (int axis = 0; axis < data.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    if (pads.begin[a] == 0 && pads.end[a] == 0) continue;
    const std::int64_t size = data[axis];
    AxisTaps map{.axis = axis, .out = size + pads.begin[a] + pads.end[a]};
    for (std::int64_t i = 0; i < map.out; ++i) {
      std::int64_t at = i - pads.begin[a];
      if (mirrored && size > 1) {
        const std::int64_t period = 2 * (size - 1);
        at = std::abs(at) % period;
        at = std::min(at, period - at);
      }
      map.indices.push_back(std::clamp<std::int64_t>(at, 0, size - 1));
    }
    maps.push_back(std::move(map));
  }
  return maps;
}

// A constant around the data (or a negative number of elements cropped from it).
class Pad final : public Operator {
 public:
  struct Fields {
    std::string mode = "constant";
    STRIATE_FIELDS(visit("mode", mode, "what the padding holds: constant, edge or reflect");)
  };
  explicit Pad(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const std::string& mode = fields_.mode;
    if (mode != "constant" && mode != "edge" && mode != "reflect") {
      fail<ModelError>("mode: expected constant, edge or reflect, got {}", mode);
    }
    const ValueInfo& data =
        constant() ? required(inputs, 0, "data") : required_float(inputs, 0, "data");
    if (present(inputs, 2)) known_number(inputs, 2, "constant_value");
    const Padding pads = padding_of(inputs);
    Shape shape = data.shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      shape[axis] += pads.begin[i] + pads.end[i];
    }
    if (!constant() && data.shape.elements() == 0) {
      fail<ModelError>("expected at least one element, got {}", data.shape.str());
    }
    return folded(*this, inputs, {{.dtype = data.dtype, .shape = shape}});
  }

  // Output pixel i is input pixel i - begin.
  Window window(std::span<const ValueInfo> inputs) const override {
    const Padding pads = padding_of(inputs);
    const int rank = inputs[0].shape.rank();
    Window window;
    const auto axis = [&](int i) {
      const auto a = static_cast<std::size_t>(i);
      return Window::Axis{.pad = pads.begin[a], .pad_end = pads.end[a]};
    };
    if (rank == 4) window.h = axis(2);
    if (rank == 3 || rank == 4) window.w = axis(rank - 1);
    return window;
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1, 2, 3};
    if (!constant()) {
      traits.forward_scratch = traits.backward_scratch =
          taps_scratch(inputs[0].dtype, inputs[0].shape, maps(inputs[0].shape, padding_of(inputs)));
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& data = args.inputs[0];
    const View& out = args.outputs[0];
    const Padding pads = padding_of(data.shape, args.inputs);
    if (!constant()) {
      return apply_taps(args.device, maps(data.shape, pads), data, out, args.scratch);
    }
    const ConstView value = at(args.inputs, 2);
    args.device.fill(out, value ? number(value) : 0.0);
    args.device.copy(inner(data, pads, false), inner(out, pads, true));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Padding pads = padding_of(dx.view.shape, args.inputs);
    if (!constant()) {
      return apply_taps_backward(args.device, maps(dx.view.shape, pads), args.output_gradients[0],
                                 dx.view, dx.accumulate, args.scratch);
    }
    if (pads.crops() && !dx.accumulate) args.device.fill(dx.view, 0.0);
    args.device.copy(inner(args.output_gradients[0], pads, true), inner(dx.view, pads, false),
                     dx.accumulate);
  }

 private:
  bool constant() const { return fields_.mode == "constant"; }
  std::vector<AxisTaps> maps(const Shape& data, const Padding& pads) const {
    return repeated(data, pads, fields_.mode == "reflect");
  }

  static Padding padding_of(std::span<const ValueInfo> inputs) {
    std::array<ConstView, 4> views;
    for (const std::size_t i : {std::size_t{1}, std::size_t{3}}) {
      if (i == 3 && !present(inputs, i)) continue;
      known_integers(inputs, i, i == 1 ? "pads" : "axes");
      views[i] = std::as_const(*inputs[i].constant).view();
    }
    return padding_of(inputs[0].shape, views);
  }

  static Padding padding_of(const Shape& data, std::span<const ConstView> inputs) {
    std::vector<std::int64_t> axes;
    if (at(inputs, 3)) {
      axes = integers(inputs[3]);
    } else {
      for (int axis = 0; axis < data.rank(); ++axis) axes.push_back(axis);
    }
    return padding(data, integers(inputs[1]), axes);
  }

  Fields fields_;
};

}  // namespace

void register_op_pad(OperatorRegistry& registry) {
  registry.add({.name = "Pad",
                .doc = "A constant, or the data's own edge or mirror image, put around it, or a "
                       "rim cropped from it; takes the axes "
                       "of opset 18 too.",
                .min_inputs = 2,
                .max_inputs = 4,
                .make = make_operator<Pad>});
}

}  // namespace striate
