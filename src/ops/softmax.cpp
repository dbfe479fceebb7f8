#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Softmax along any axis: the device knows axis 1, so the axis is exchanged with that one.
template <bool logarithm>
class Softmax final : public Operator {
 public:
  struct Fields {
    std::int64_t axis = -1;
    STRIATE_FIELDS(visit("axis", axis, "the axis that is normalized");)
  };
  explicit Softmax(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "an input");
    normalized_axis(fields_.axis, x.shape.rank());
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Window window(std::span<const ValueInfo> inputs) const override {
    const bool across = normalized_axis(fields_.axis, inputs[0].shape.rank()) >= 2;
    return {.kind = across ? Window::Kind::everything : Window::Kind::sliding};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.backward_reads_outputs = true;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.softmax_forward(turned(args.inputs[0]), turned(args.outputs[0]), logarithm);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.softmax_backward(turned(args.outputs[0]), turned(args.output_gradients[0]),
                                 turned(dx.view), logarithm, dx.accumulate);
  }

 private:
  template <class Void>
  BasicView<Void> turned(const BasicView<Void>& view) const {
    if (view.shape.rank() == 1) return aligned(view, 2);
    return swapped(view, 1, normalized_axis(fields_.axis, view.shape.rank()));
  }

  Fields fields_;
};

}  // namespace

void register_op_softmax(OperatorRegistry& registry) {
  registry.add({.name = "Softmax",
                .doc = "exp(x) / sum of exp(x) along an axis.",
                .make = make_operator<Softmax<false>>});
  registry.add({.name = "LogSoftmax",
                .doc = "The logarithm of Softmax, computed without overflow.",
                .make = make_operator<Softmax<true>>});
}

}  // namespace striate
