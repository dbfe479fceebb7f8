#include <limits>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Inputs one behind another along an axis. Where the plan lets an input lie in its slice of the
// output, the copy has nothing to do.
class Concat final : public Operator {
 public:
  struct Fields {
    std::int64_t axis = kMissing;
    STRIATE_FIELDS(visit("axis", axis, "the axis along which the inputs are joined");)
  };
  explicit Concat(const Fields& fields) : fields_(fields) {
    if (fields_.axis == kMissing) fail<ModelError>("attribute axis is missing");
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& first = required(inputs, 0, "inputs");
    const int axis = normalized_axis(fields_.axis, first.shape.rank());
    Shape shape = first.shape;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const ValueInfo& next = required(inputs, i, "inputs");
      Shape expected = first.shape;
      if (next.shape.rank() == expected.rank()) expected[axis] = next.shape[axis];
      if (next.shape != expected || next.dtype != first.dtype) {
        fail<ModelError>("expected input {} like input 0 ({} {}) but for axis {}, got {} {}", i,
                         name_of(first.dtype), first.shape.str(), axis, name_of(next.dtype),
                         next.shape.str());
      }
      shape[axis] += next.shape[axis];
      if (shape[axis] > kLongest) fail<ModelError>("the joined inputs are too long");
    }
    return folded(*this, inputs, {{.dtype = first.dtype, .shape = shape}});
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.joins_channels = normalized_axis(fields_.axis, outputs[0].shape.rank()) == 1;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& out = args.outputs[0];
    const int axis = normalized_axis(fields_.axis, out.shape.rank());
    std::int64_t begin = 0;
    for (const ConstView& x : args.inputs) {
      args.device.copy(x, sliced(out, axis, begin, x.shape[axis]));
      begin += x.shape[axis];
    }
  }

  void backward(const BackwardArgs& args) const override {
    const ConstView& dy = args.output_gradients[0];
    const int axis = normalized_axis(fields_.axis, dy.shape.rank());
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < args.inputs.size(); ++i) {
      const std::int64_t size = args.inputs[i].shape[axis];
      if (const InputGradient& dx = args.input_gradients[i]; dx.view) {
        args.device.copy(sliced(dy, axis, begin, size), dx.view, dx.accumulate);
      }
      begin += size;
    }
  }

 private:
  static constexpr std::int64_t kLongest = std::int64_t{1} << 62;
  static constexpr std::int64_t kMissing = std::numeric_limits<std::int64_t>::min();
  Fields fields_;
};

}  // namespace

void register_op_concat(OperatorRegistry& registry) {
  registry.add({.name = "Concat",
                .doc = "The inputs one behind another along an axis.",
                .max_inputs = std::numeric_limits<int>::max(),
                .make = make_operator<Concat>});
}

}  // namespace striate
