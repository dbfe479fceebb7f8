#include <array>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

std::uint64_t bits(std::int64_t v) { return static_cast<std::uint64_t>(v); }

// Shape arithmetic on constants. Overflow wraps, as ONNX Runtime's does, instead of being
// undefined.
std::int64_t compute(Function f, std::int64_t a, std::int64_t b) {
  switch (f) {
    case Function::add:
      return static_cast<std::int64_t>(bits(a) + bits(b));
    case Function::sub:
      return static_cast<std::int64_t>(bits(a) - bits(b));
    case Function::mul:
      return static_cast<std::int64_t>(bits(a) * bits(b));
    default:
      if (b == 0) fail<ModelError>("an integer constant is divided by 0");
      return b == -1 ? static_cast<std::int64_t>(0 - bits(a)) : a / b;
  }
}

Tensor compute(Function f, const Tensor& a, const Tensor& b, const Shape& shape) {
  Tensor result(DType::i64, shape);
  const ConstView left = broadcast(a.view(), shape);
  const ConstView right = broadcast(b.view(), shape);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    std::int64_t rest = i;
    std::int64_t in_left = 0;
    std::int64_t in_right = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      in_left += rest % shape[axis] * left.stride(axis);
      in_right += rest % shape[axis] * right.stride(axis);
      rest /= shape[axis];
    }
    result.data<std::int64_t>()[i] =
        compute(f, left.as<std::int64_t>()[in_left], right.as<std::int64_t>()[in_right]);
  }
  return result;
}

// Add, Sub, Mul, Div with NumPy's broadcasting; a broadcast operand's gradient is summed back.
class Arithmetic final : public Operator {
 public:
  explicit Arithmetic(Function function) : function_(function) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    if (a.dtype != b.dtype) {
      fail<ModelError>("expected operands of one type, got {} and {}", name_of(a.dtype),
                       name_of(b.dtype));
    }
    ValueInfo result{.dtype = a.dtype, .shape = broadcast_shape(a.shape, b.shape)};
    if (!is_float(a.dtype)) {
      if (a.dtype != DType::i64 || a.constant == nullptr || b.constant == nullptr) {
        fail<ModelError>(
            "expected floating-point operands, or int64 ones that are known when the "
            "network is compiled, got {}",
            name_of(a.dtype));
      }
      result.constant =
          std::make_shared<Tensor>(compute(function_, *a.constant, *b.constant, result.shape));
    }
    return {result};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    const Shape& result = outputs[0].shape;
    Traits traits;
    // Never input 1: it need not lie as the output does.
    traits.in_place = inputs[0].shape == result ? 0 : -1;
    traits.gradient_in_place = traits.in_place;
    if (!linear()) {
      traits.backward_reads_inputs = true;
      traits.backward_scratch = scratch_bytes(outputs[0].dtype, result);
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& y = args.outputs[0];
    apply(args.device, function_,
          {broadcast(args.inputs[0], y.shape), broadcast(args.inputs[1], y.shape)}, y);
  }

  void backward(const BackwardArgs& args) const override {
    // Where input 0's gradient takes over dy's memory it is written last; otherwise in the order of
    // the inputs, which may be the same value.
    const bool in_place = args.input_gradients[0].view.data == args.output_gradients[0].data;
    const int first = in_place ? 1 : 0;
    for (const int i : {first, 1 - first}) {
      const InputGradient& out = args.input_gradients[static_cast<std::size_t>(i)];
      if (out.view) linear() ? pass_on(args, i, out) : multiply(args, i, out);
    }
  }

 private:
  bool linear() const { return function_ == Function::add || function_ == Function::sub; }

  void pass_on(const BackwardArgs& args, int input, const InputGradient& out) const {
    const double sign = function_ == Function::sub && input == 1 ? -1.0 : 1.0;
    sum_to(args.device, args.output_gradients[0], out.view, sign, out.accumulate);
  }

  // d(ab) = b da + a db; d(a/b) = da / b - (a / b) db / b.
  void multiply(const BackwardArgs& args, int input, const InputGradient& out) const {
    const Device& device = args.device;
    const ConstView& dy = args.output_gradients[0];
    const ConstView a = broadcast(args.inputs[0], dy.shape);
    const ConstView b = broadcast(args.inputs[1], dy.shape);
    const bool negative = function_ == Function::div && input == 1;
    if (out.view.shape == dy.shape && !negative) {
      apply(device, function_, {dy, function_ == Function::mul && input == 1 ? a : b}, out.view, {},
            out.accumulate);
      return;
    }
    Scratch scratch(args.scratch);
    const View product = scratch_view(scratch, dy);
    if (negative) {
      apply(device, Function::div, {dy, b}, product);
      apply(device, Function::mul, {product, a}, product);
      apply(device, Function::div, {product, b}, product);
    } else {
      apply(device, function_, {dy, function_ == Function::mul && input == 1 ? a : b}, product);
    }
    sum_to(device, product, out.view, negative ? -1.0 : 1.0, out.accumulate);
  }

  Function function_;
};

struct Row {
  const char* name;
  const char* doc;
  Function function;
};

constexpr Row kRows[] = {
    {"Add", "a + b with NumPy's broadcasting.", Function::add},
    {"Sub", "a - b with NumPy's broadcasting.", Function::sub},
    {"Mul", "a * b with NumPy's broadcasting.", Function::mul},
    {"Div", "a / b with NumPy's broadcasting.", Function::div},
};

}  // namespace

void register_op_arithmetic(OperatorRegistry& registry) {
  for (const Row& row : kRows) {
    registry.add({.name = row.name,
                  .doc = row.doc,
                  .min_inputs = 2,
                  .max_inputs = 2,
                  .make = [&row](const Attributes& attributes) {
                    read_attributes<NoFields>(attributes);
                    return std::make_unique<Arithmetic>(row.function);
                  }});
  }
}

}  // namespace striate
