#include <algorithm>
#include <limits>
#include <optional>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

ValueInfo known_value(Tensor value) {
  const DType dtype = value.dtype();
  const Shape shape = value.shape();
  return {
      .dtype = dtype, .shape = shape, .constant = std::make_shared<const Tensor>(std::move(value))};
}

// What makes a value that is known when the graph is compiled: folded away, so never run.
class Known : public Operator {
 public:
  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }
  void forward(const ForwardArgs&) const override {
    throw BugError("a constant was to be computed");
  }
  void backward(const BackwardArgs&) const override {
    throw BugError("a constant was to be differentiated");
  }
};

class Constant final : public Known {
 public:
  explicit Constant(const Attributes& attributes) {
    check_attribute_names(attributes,
                          {"value", "value_float", "value_floats", "value_int", "value_ints"});
    if (attributes.size() != 1) {
      fail<ModelError>("expected one value, got {} attributes", attributes.size());
    }
    const auto& [name, attribute] = *attributes.begin();
    if (const auto* tensor = std::get_if<Tensor>(&attribute)) value_ = *tensor;
    if (const auto* one = std::get_if<std::int64_t>(&attribute)) {
      value_ = Tensor::of<std::int64_t>({}, {one, 1});
    }
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute)) {
      value_ = Tensor::of<std::int64_t>({static_cast<std::int64_t>(list->size())}, *list);
    }
    if (const auto* one = std::get_if<double>(&attribute)) value_ = floats({}, {one, 1});
    if (const auto* list = std::get_if<std::vector<double>>(&attribute)) {
      value_ = floats({static_cast<std::int64_t>(list->size())}, *list);
    }
    if (value_.empty()) attribute_kind_error(name, attribute, "a tensor or numbers");
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo>) const override {
    return {known_value(value_)};
  }

 private:
  static Tensor floats(const Shape& shape, std::span<const double> values) {
    return Tensor::of<double>(shape, values).cast(DType::f32);
  }

  Tensor value_;
};

class ShapeOf final : public Known {
 public:
  struct Fields {
    std::int64_t start = 0;
    std::int64_t end = std::numeric_limits<std::int64_t>::max();
    STRIATE_FIELDS(visit("start", start, "first axis; negative ones count from the end");
                   visit("end", end, "axis before which to stop, the rank where absent");)
  };
  explicit ShapeOf(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const Shape& shape = required(inputs, 0, "data").shape;
    const std::int64_t rank = shape.rank();
    const auto cut = [rank](std::int64_t axis) {
      return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
    };
    const std::int64_t begin = cut(fields_.start);
    const std::int64_t count = std::max<std::int64_t>(cut(fields_.end) - begin, 0);
    return {known_value(Tensor::of<std::int64_t>(
        {count}, {shape.begin() + begin, static_cast<std::size_t>(count)}))};
  }

 private:
  Fields fields_;
};

class ConstantOfShape final : public Operator {
 public:
  explicit ConstantOfShape(const Attributes& attributes) {
    check_attribute_names(attributes, {"value"});
    const auto found = attributes.find("value");
    if (found == attributes.end()) return;
    const auto* value = std::get_if<Tensor>(&found->second);
    if (value == nullptr) attribute_kind_error("value", found->second, "a tensor");
    if (value->elements() != 1) {
      fail<ModelError>("expected a value of one number, got {}", value->shape().str());
    }
    dtype_ = value->dtype();
    value_ = number(value->view());
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const std::vector<std::int64_t> sizes = known_integers(inputs, 0, "the shape");
    if (std::any_of(sizes.begin(), sizes.end(), [](auto size) { return size < 0; })) {
      fail<ModelError>("expected sizes of at least 0");
    }
    return folded(*this, inputs, {{.dtype = dtype_, .shape = Shape(sizes)}});
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {0};
    return traits;
  }
  void forward(const ForwardArgs& args) const override {
    args.device.fill(args.outputs[0], value_);
  }
  void backward(const BackwardArgs&) const override {
    throw BugError("a constant was to be differentiated");
  }

 private:
  DType dtype_ = DType::f32;
  double value_ = 0;
};

// ONNX's numbers for types.
std::optional<DType> dtype_of_onnx(std::int64_t code) {
  switch (code) {
    case 1:
      return DType::f32;
    case 2:
      return DType::u8;
    case 6:
      return DType::i32;
    case 7:
      return DType::i64;
    case 9:
      return DType::boolean;
    case 11:
      return DType::f64;
    default:
      return std::nullopt;
  }
}

class Cast final : public Operator {
 public:
  struct Fields {
    std::int64_t to = 0;
    STRIATE_FIELDS(visit("to", to, "ONNX's number of the type");)
  };
  explicit Cast(const Fields& fields) {
    const std::optional<DType> dtype = dtype_of_onnx(fields.to);
    if (!dtype) {
      fail<ModelError>(
          "to: expected float32 (1), uint8 (2), int32 (6), int64 (7), bool (9) or "
          "float64 (11), got {}",
          fields.to);
    }
    dtype_ = *dtype;
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "input");
    if (x.constant == nullptr) return {{.dtype = dtype_, .shape = x.shape}};
    static const std::unique_ptr<Device> host = make_reference_device();
    Tensor value(dtype_, x.shape);
    host->cast(std::as_const(*x.constant).view(), value.view());
    return {known_value(std::move(value))};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }
  void forward(const ForwardArgs& args) const override {
    args.device.cast(args.inputs[0], args.outputs[0]);
  }
  // Asked for only where both types are floating.
  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (dx.view) args.device.copy(args.output_gradients[0], dx.view, dx.accumulate);
  }

 private:
  DType dtype_ = DType::f32;
};

}  // namespace

void register_op_constant(OperatorRegistry& registry) {
  registry.add({.name = "Constant",
                .doc = "Numbers that stand in the network itself.",
                .min_inputs = 0,
                .max_inputs = 0,
                .differentiable = false,
                .make = [](const Attributes& a) { return std::make_unique<Constant>(a); }});
  registry.add({.name = "ConstantOfShape",
                .doc = "One number in every place of a shape that is known when compiled.",
                .differentiable = false,
                .make = [](const Attributes& a) { return std::make_unique<ConstantOfShape>(a); }});
  registry.add({.name = "Shape",
                .doc = "The input's sizes, known when compiled.",
                .differentiable = false,
                .make = make_operator<ShapeOf>});
  registry.add(
      {.name = "Cast", .doc = "The input's numbers in another type.", .make = make_operator<Cast>});
}

}  // namespace striate
