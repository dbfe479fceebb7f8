#include <array>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// PRelu and Pow: functions of two elements with NumPy's broadcasting, each slope a row of the
// device's table.
struct Row {
  const char* name;
  const char* doc;
  Function function;
  std::array<Function, 2> gradients;  // of dy, and then of what the row takes of a and b
  bool one_way;                       // the second operand broadcasts to the first, not both ways
};

constexpr Row kRows[] = {
    {"PRelu",
     "x, or slope * x where x < 0 (He et al., arXiv:1502.01852).",
     Function::prelu,
     {Function::prelu_grad, Function::prelu_slope_grad},
     true},
    {"Pow",
     "a^b with NumPy's broadcasting; integer exponents are converted.",
     Function::pow,
     {Function::pow_base_grad, Function::pow_exponent_grad},
     false},
};

class Binary final : public Operator {
 public:
  explicit Binary(const Row& row) : row_(row) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& a = required_float(inputs, 0, "input 0");
    const ValueInfo& b = required(inputs, 1, "input 1");
    if (a.dtype != b.dtype && (row_.one_way || is_float(b.dtype))) {
      fail<ModelError>("expected operands of one type, got {} and {}", name_of(a.dtype),
                       name_of(b.dtype));
    }
    const Shape shape = broadcast_shape(a.shape, b.shape);
    if (row_.one_way && shape != a.shape) {
      fail<ModelError>("expected a slope that broadcasts to {}, got {}", a.shape.str(),
                       b.shape.str());
    }
    return {{.dtype = a.dtype, .shape = shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.backward_reads_inputs = true;
    if (!is_float(inputs[1].dtype)) traits.no_gradient = {1};
    const std::size_t converted = scratch_bytes(inputs[0].dtype, inputs[1].shape);
    traits.forward_scratch = is_float(inputs[1].dtype) ? 0 : converted;
    traits.backward_scratch =
        traits.forward_scratch + scratch_bytes(outputs[0].dtype, outputs[0].shape);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& y = args.outputs[0];
    Scratch scratch(args.scratch);
    const ConstView b = floating(args.device, args.inputs[1], y.dtype, scratch);
    apply(args.device, row_.function, {broadcast(args.inputs[0], y.shape), broadcast(b, y.shape)},
          y);
  }

  void backward(const BackwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView& dy = args.output_gradients[0];
    Scratch scratch(args.scratch);
    const ConstView a = broadcast(args.inputs[0], dy.shape);
    const ConstView b = broadcast(floating(device, args.inputs[1], dy.dtype, scratch), dy.shape);
    const View product = scratch_view(scratch, dy);
    for (std::size_t i = 0; i < 2; ++i) {
      const InputGradient& out = args.input_gradients[i];
      if (!out.view) continue;
      const std::array<ConstView, 3> operands{dy, a, b};
      const Function f = row_.gradients[i];
      const auto count = static_cast<std::size_t>(kFunctions[static_cast<std::size_t>(f)].inputs);
      device.elementwise(f, std::span(operands).first(count), product);
      sum_to(device, product, out.view, 1.0, out.accumulate);
    }
  }

 private:
  static ConstView floating(const Device& device, const ConstView& b, DType dtype,
                            Scratch& scratch) {
    if (is_float(b.dtype)) return b;
    const View converted = scratch_view(scratch, dtype, b.shape);
    device.cast(b, converted);
    return converted;
  }

  const Row& row_;
};

// b where the condition holds, else c.
class Where final : public Operator {
 public:
  using Fields = NoFields;
  explicit Where(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& condition = required(inputs, 0, "condition");
    if (condition.dtype != DType::boolean) {
      fail<ModelError>("expected a condition of bool, got {}", name_of(condition.dtype));
    }
    const ValueInfo& x = required_float(inputs, 1, "X");
    const ValueInfo& y = required_float(inputs, 2, "Y");
    if (x.dtype != y.dtype) {
      fail<ModelError>("expected operands of one type, got {} and {}", name_of(x.dtype),
                       name_of(y.dtype));
    }
    const Shape shape = broadcast_shape(condition.shape, broadcast_shape(x.shape, y.shape));
    return {{.dtype = x.dtype, .shape = shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    const DType real = outputs[0].dtype;
    Traits traits;
    traits.backward_reads_inputs = true;
    traits.no_gradient = {0};
    traits.forward_scratch = scratch_bytes(real, inputs[0].shape);
    traits.backward_scratch =
        traits.forward_scratch + scratch_bytes(real, {1}) + scratch_bytes(real, outputs[0].shape);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& out = args.outputs[0];
    Scratch scratch(args.scratch);
    const ConstView condition = floating(args.device, args.inputs[0], out.dtype, scratch);
    apply(args.device, Function::where,
          {broadcast(condition, out.shape), broadcast(args.inputs[1], out.shape),
           broadcast(args.inputs[2], out.shape)},
          out);
  }

  void backward(const BackwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView& dy = args.output_gradients[0];
    Scratch scratch(args.scratch);
    const ConstView condition =
        broadcast(floating(device, args.inputs[0], dy.dtype, scratch), dy.shape);
    const View nothing = scratch_view(scratch, dy.dtype, {1});
    device.fill(nothing, 0.0);
    const ConstView zero = broadcast(nothing, dy.shape);
    const View part = scratch_view(scratch, dy);
    for (std::size_t i = 1; i < 3; ++i) {
      const InputGradient& out = args.input_gradients[i];
      if (!out.view) continue;
      apply(device, Function::where, {condition, i == 1 ? dy : zero, i == 1 ? zero : dy}, part);
      sum_to(device, part, out.view, 1.0, out.accumulate);
    }
  }

 private:
  static ConstView floating(const Device& device, const ConstView& condition, DType dtype,
                            Scratch& scratch) {
    const View converted = scratch_view(scratch, dtype, condition.shape);
    device.cast(condition, converted);
    return converted;
  }
};

}  // namespace

void register_op_binary(OperatorRegistry& registry) {
  for (const Row& row : kRows) {
    registry.add({.name = row.name,
                  .doc = row.doc,
                  .min_inputs = 2,
                  .max_inputs = 2,
                  .make = [&row](const Attributes& attributes) {
                    read_attributes<NoFields>(attributes);
                    return std::make_unique<Binary>(row);
                  }});
  }
  registry.add({.name = "Where",
                .doc = "X where the condition holds, else Y, with NumPy's broadcasting.",
                .min_inputs = 3,
                .max_inputs = 3,
                .make = make_operator<Where>});
}

}  // namespace striate
