#include <limits>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

struct Row {
  const char* name;
  const char* doc;
  Function function;  // joins what has been joined so far with the next input
  bool mean;
};

constexpr Row kRows[] = {
    {"Sum", "The sum of any number of inputs with NumPy's broadcasting.", Function::add, false},
    {"Mean", "The mean of any number of inputs with NumPy's broadcasting.", Function::add, true},
    {"Max", "The largest of any number of inputs; the first of equals gets the gradient.",
     Function::max, false},
    {"Min", "The smallest of any number of inputs; the first of equals gets the gradient.",
     Function::min, false},
};

class Variadic final : public Operator {
 public:
  explicit Variadic(const Row& row) : row_(row) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    ValueInfo result{.dtype = required_float(inputs, 0, "input 0").dtype, .shape = inputs[0].shape};
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const ValueInfo& next = required_float(inputs, i, "inputs");
      if (next.dtype != result.dtype) {
        fail<ModelError>("expected operands of one type, got {} and {}", name_of(result.dtype),
                         name_of(next.dtype));
      }
      result.shape = broadcast_shape(result.shape, next.shape);
    }
    return {result};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    if (row_.function == Function::add) return traits;
    traits.backward_reads_inputs = true;
    traits.backward_reads_outputs = true;
    traits.backward_scratch = 2 * scratch_bytes(outputs[0].dtype, outputs[0].shape);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& y = args.outputs[0];
    const auto input = [&](std::size_t i) { return broadcast(args.inputs[i], y.shape); };
    if (args.inputs.size() == 1) args.device.copy(input(0), y);
    for (std::size_t i = 1; i < args.inputs.size(); ++i) {
      apply(args.device, row_.function, {i == 1 ? input(0) : ConstView(y), input(i)}, y);
    }
    if (row_.mean) apply(args.device, Function::scale, {y}, y, {share(args.inputs.size())});
  }

  void backward(const BackwardArgs& args) const override {
    const Device& device = args.device;
    ConstView dy = args.output_gradients[0];
    const bool adds = row_.function == Function::add;
    Scratch scratch(args.scratch);
    const View left = adds ? View{} : scratch_view(scratch, dy);
    const View part = adds ? View{} : scratch_view(scratch, dy);
    for (std::size_t i = 0; i < args.inputs.size(); ++i) {
      const InputGradient& out = args.input_gradients[i];
      if (adds) {
        if (!out.view) continue;
        sum_to(device, dy, out.view, row_.mean ? share(args.inputs.size()) : 1.0, out.accumulate);
        continue;
      }
      // What equals the result takes the gradient that no earlier input has taken.
      const ConstView x = broadcast(args.inputs[i], dy.shape);
      if (out.view) {
        apply(device, Function::pass_equal, {dy, x, args.outputs[0]}, part);
        sum_to(device, part, out.view, 1.0, out.accumulate);
      }
      apply(device, Function::pass_other, {dy, x, args.outputs[0]}, left);
      dy = left;
    }
  }

 private:
  static double share(std::size_t count) { return 1.0 / static_cast<double>(count); }

  const Row& row_;
};

}  // namespace

void register_op_variadic(OperatorRegistry& registry) {
  for (const Row& row : kRows) {
    registry.add({.name = row.name,
                  .doc = row.doc,
                  .max_inputs = std::numeric_limits<int>::max(),
                  .make = [&row](const Attributes& attributes) {
                    read_attributes<NoFields>(attributes);
                    return std::make_unique<Variadic>(row);
                  }});
  }
}

}  // namespace striate
