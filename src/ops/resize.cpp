#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "ops/axis_taps.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

struct ResizeFields {
  std::string mode = "nearest";
  std::string coordinate_transformation_mode = "half_pixel";
  std::string nearest_mode = "round_prefer_floor";
  double cubic_coeff_a = -0.75;
  bool exclude_outside = false;
  double extrapolation_value = 0;
  STRIATE_FIELDS(visit("mode", mode, "nearest, linear or cubic");
                 visit("coordinate_transformation_mode", coordinate_transformation_mode,
                       "where an output pixel lies in the input");
                 visit("nearest_mode", nearest_mode, "how a place between two pixels is rounded");
                 visit("cubic_coeff_a", cubic_coeff_a, "the cubic's one free coefficient");
                 visit("exclude_outside", exclude_outside,
                       "weights outside the input are left out");
                 visit("extrapolation_value", extrapolation_value,
                       "of tf_crop_and_resize, not offered");)
};

// Where output pixel i lies in the input, by ONNX's formulas.
double source(std::string_view mode, double i, double scale, double in, double out) {
  if (mode == "half_pixel") return (i + 0.5) / scale - 0.5;
  if (mode == "pytorch_half_pixel") return out > 1 ? (i + 0.5) / scale - 0.5 : 0.0;
  // By the size before it is rounded down, as ONNX's own test data have it.
  if (mode == "align_corners") return out > 1 ? i * (in - 1) / (in * scale - 1) : 0.0;
  if (mode == "asymmetric") return i / scale;
  if (mode == "tf_half_pixel_for_nn") return (i + 0.5) / scale;
  fail<ModelError>(
      "coordinate_transformation_mode: expected half_pixel, pytorch_half_pixel, align_corners or "
      "asymmetric, got {}",
      mode);
}

double rounded(std::string_view mode, double x) {
  if (mode == "floor") return std::floor(x);
  if (mode == "ceil") return std::ceil(x);
  if (mode == "round_prefer_ceil") return std::floor(x + 0.5);
  if (mode == "round_prefer_floor") return std::ceil(x - 0.5);
  fail<ModelError>(
      "nearest_mode: expected round_prefer_floor, round_prefer_ceil, floor or ceil, got {}", mode);
}

// Weights of the pixels around a place that is `t` past the second of four (cubic), or past the
// first of two (linear).
std::vector<double> weights_at(const ResizeFields& fields, double t) {
  if (fields.mode == "linear") return {1 - t, t};
  const double a = fields.cubic_coeff_a;
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(1 + t), near(t), near(1 - t), far(2 - t)};
}

AxisTaps taps_of(const ResizeFields& fields, int axis, std::int64_t in, std::int64_t out,
                 double scale) {
  AxisTaps map{.axis = axis, .out = out, .indices = {}, .weights = {}};
  const bool nearest = fields.mode == "nearest";
  const std::size_t taps = nearest ? 1 : fields.mode == "linear" ? 2 : 4;
  const auto width = static_cast<std::size_t>(out);
  map.indices.resize(taps * width);
  if (!nearest) map.weights.resize(taps * width);
  for (std::size_t i = 0; i < width; ++i) {
    const double x = source(fields.coordinate_transformation_mode, static_cast<double>(i), scale,
                            static_cast<double>(in), static_cast<double>(out));
    const auto inside = [in](double place) {
      return static_cast<std::int64_t>(std::clamp(place, 0.0, static_cast<double>(in - 1)));
    };
    if (nearest) {
      map.indices[i] = inside(rounded(fields.nearest_mode, x));
      continue;
    }
    const double first = std::floor(x) - (taps == 4 ? 1 : 0);
    const std::vector<double> weights = weights_at(fields, x - std::floor(x));
    double sum = 0;
    for (std::size_t t = 0; t < taps; ++t) {
      const double place = first + static_cast<double>(t);
      const bool outside = place < 0 || place > static_cast<double>(in - 1);
      map.indices[t * width + i] = inside(place);
      map.weights[t * width + i] = outside && fields.exclude_outside ? 0.0 : weights[t];
      sum += map.weights[t * width + i];
    }
    for (std::size_t t = 0; fields.exclude_outside && t < taps; ++t) {
      map.weights[t * width + i] /= sum;
    }
  }
  return map;
}

// What an output pixel sees where a side grows or shrinks by a whole factor and the places of the
// outputs between the inputs repeat from pixel to pixel; nothing for other resizings.
std::optional<Window::Axis> seen_by(const ResizeFields& fields, std::int64_t in, std::int64_t out,
                                    double scale) {
  if (in == out && scale == 1.0) return Window::Axis{};
  const std::string& where = fields.coordinate_transformation_mode;
  const bool centered = where == "half_pixel" || (where == "pytorch_half_pixel" && out > 1);
  const bool nearest = fields.mode == "nearest";
  const bool grows = in > 0 && out % in == 0 && scale == static_cast<double>(out / in);
  const std::int64_t factor = grows ? out / in : 0;
  if (!grows) return std::nullopt;
  if (nearest && ((where == "asymmetric" && fields.nearest_mode == "floor") ||
                  (centered && fields.nearest_mode.starts_with("round")))) {
    return Window::Axis{.kernel = factor, .stride = factor};
  }
  // As a transposed convolution with a triangle's weights.
  if (fields.mode == "linear" && centered) {
    return Window::Axis{.kernel = 2 * factor - factor % 2, .stride = factor, .pad = factor / 2};
  }
  return std::nullopt;
}

// Resampling along each axis on its own.
class Resize final : public Operator {
 public:
  using Fields = ResizeFields;
  explicit Resize(Fields fields) : fields_(std::move(fields)) {
    if (fields_.mode != "nearest" && fields_.mode != "linear" && fields_.mode != "cubic") {
      fail<ModelError>("mode: expected nearest, linear or cubic, got {}", fields_.mode);
    }
    if (fields_.coordinate_transformation_mode == "tf_crop_and_resize") {
      fail<ModelError>("coordinate_transformation_mode tf_crop_and_resize is not offered");
    }
    source(fields_.coordinate_transformation_mode, 0, 1, 1, 1);
    rounded(fields_.nearest_mode, 0);
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
      if (present(inputs, i) && inputs[i].constant == nullptr) {
        fail<ModelError>("expected {} to be known when the network is compiled",
                         i == 2 ? "scales" : "sizes");
      }
    }
    const Target to = target(x.shape, known(inputs));
    for (int axis = 0; axis < x.shape.rank(); ++axis) {
      if (x.shape[axis] == 0 && to.shape[axis] != 0) {
        fail<ModelError>("axis {} of {} is empty", axis, x.shape.str());
      }
    }
    return {{.dtype = x.dtype, .shape = to.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1, 2, 3};
    traits.forward_scratch = traits.backward_scratch =
        taps_scratch(inputs[0].dtype, inputs[0].shape,
                     maps(inputs[0].shape, target(inputs[0].shape, known(inputs))));
    return traits;
  }

  Window window(std::span<const ValueInfo> inputs) const override {
    const Shape& x = inputs[0].shape;
    if (x.rank() != 3 && x.rank() != 4) return {.kind = Window::Kind::uneven};
    const Target to = target(x, known(inputs));
    const auto axis = [&](int i) {
      return seen_by(fields_, x[i], to.shape[i], to.scales[static_cast<std::size_t>(i)]);
    };
    const auto h = x.rank() == 4 ? axis(2) : Window::Axis{};
    const auto w = axis(x.rank() - 1);
    if (!h || !w) return {.kind = Window::Kind::uneven};
    return {.h = *h, .w = *w, .kind = Window::Kind::transposed};
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    apply_taps(args.device, maps(x.shape, target(x.shape, args.inputs)), x, args.outputs[0],
               args.scratch);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Shape& x = dx.view.shape;
    apply_taps_backward(args.device, maps(x, target(x, args.inputs)), args.output_gradients[0],
                        dx.view, dx.accumulate, args.scratch);
  }

 private:
  struct Target {
    Shape shape;
    std::vector<double> scales;
  };

  // The scales and sizes, where they are given.
  static std::array<ConstView, 4> known(std::span<const ValueInfo> inputs) {
    std::array<ConstView, 4> views;
    for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
      if (present(inputs, i)) views[i] = std::as_const(*inputs[i].constant).view();
    }
    return views;
  }

  static Target target(const Shape& x, std::span<const ConstView> inputs) {
    constexpr double kMost = 0x1p40;
    Target result{x, std::vector<double>(static_cast<std::size_t>(x.rank()), 1.0)};
    const ConstView scales = at(inputs, 2);
    const ConstView sizes = at(inputs, 3);
    const bool by_size = sizes && sizes.shape.elements() > 0;
    const ConstView& given = by_size ? sizes : scales;
    if (!given || given.shape.rank() != 1 || given.shape[0] != x.rank() ||
        (by_size ? sizes.dtype != DType::i64 : !is_float(scales.dtype))) {
      fail<ModelError>("expected {} scales (floating-point) or sizes (int64)", x.rank());
    }
    for (int axis = 0; axis < x.rank(); ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      const double value = number(sliced(given, 0, axis, 1));
      const double size = by_size ? value : std::floor(static_cast<double>(x[axis]) * value);
      if (!(value > 0 || size == 0) || !(size >= 0 && size <= kMost)) {
        fail<ModelError>("axis {} cannot be resized by {}", axis, value);
      }
      result.shape[axis] = static_cast<std::int64_t>(size);
      result.scales[i] =
          by_size ? size / static_cast<double>(std::max<std::int64_t>(x[axis], 1)) : value;
    }
    return result;
  }

  std::vector<AxisTaps> maps(const Shape& x, const Target& to) const {
    std::vector<AxisTaps> result;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const double scale = to.scales[static_cast<std::size_t>(axis)];
      if (to.shape[axis] == x[axis] && scale == 1.0) continue;
      result.push_back(taps_of(fields_, axis, x[axis], to.shape[axis], scale));
    }
    return result;
  }

  Fields fields_;
};

}  // namespace

void register_op_resize(OperatorRegistry& registry) {
  registry.add({.name = "Resize",
                .doc = "Resampling along each axis: nearest, linear or cubic (Keys, 1981).",
                .max_inputs = 4,
                .make = make_operator<Resize>});
}

}  // namespace striate
