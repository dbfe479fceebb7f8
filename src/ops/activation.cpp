#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// A function of one element whose slope follows from its value.
struct Row {
  const char* name;
  const char* doc;
  Function function;
  Function gradient;  // of the output's gradient and the output
};

constexpr Row kRows[] = {
    {"Relu", "max(x, 0) of each element.", Function::relu, Function::relu_grad},
    {"Sigmoid", "1 / (1 + exp(-x)) of each element.", Function::sigmoid, Function::sigmoid_grad},
    {"Tanh", "The hyperbolic tangent of each element.", Function::tanh, Function::tanh_grad},
};

class Activation final : public Operator {
 public:
  explicit Activation(const Row& row) : row_(row) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "an input");
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.in_place = 0;
    traits.gradient_in_place = 0;
    traits.backward_reads_outputs = true;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    apply(args.device, row_.function, {args.inputs[0]}, args.outputs[0]);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    apply(args.device, row_.gradient, {args.output_gradients[0], args.outputs[0]}, dx.view, {},
          dx.accumulate);
  }

 private:
  const Row& row_;
};

}  // namespace

void register_op_activation(OperatorRegistry& registry) {
  for (const Row& row : kRows) {
    registry.add({.name = row.name, .doc = row.doc, .make = [&row](const Attributes& attributes) {
                    read_attributes<NoFields>(attributes);
                    return std::make_unique<Activation>(row);
                  }});
  }
}

}  // namespace striate
