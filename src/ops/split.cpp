#include <algorithm>
#include <limits>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// The input cut along an axis: the opposite of Concat.
class Split final : public Operator {
 public:
  struct Fields {
    std::int64_t axis = 0;
    std::int64_t num_outputs = 0;
    STRIATE_FIELDS(visit("axis", axis, "the axis that is cut");
                   visit("num_outputs", num_outputs, "equal parts, where no sizes are given");)
  };
  explicit Split(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "input");
    const int axis = normalized_axis(fields_.axis, x.shape.rank());
    const std::int64_t whole = x.shape[axis];
    std::vector<std::int64_t> sizes;
    if (present(inputs, 1)) {
      sizes = known_integers(inputs, 1, "the sizes");
    } else {
      const std::int64_t parts = fields_.num_outputs;
      if (parts < 1 || parts > std::max<std::int64_t>(whole, 1)) {
        fail<ModelError>("expected sizes, or num_outputs in [1, {}], got {}", whole, parts);
      }
      // All parts alike but the last, which may be smaller.
      const std::int64_t each = (whole + parts - 1) / parts;
      for (std::int64_t i = 0; i < parts; ++i) {
        sizes.push_back(std::clamp<std::int64_t>(whole - i * each, 0, each));
      }
    }
    std::int64_t left = whole;
    std::vector<ValueInfo> outputs;
    for (const std::int64_t size : sizes) {
      if (size < 0 || size > left) break;
      left -= size;
      Shape shape = x.shape;
      shape[axis] = size;
      outputs.push_back({.dtype = x.dtype, .shape = shape});
    }
    if (left != 0 || outputs.size() != sizes.size()) {
      fail<ModelError>("the sizes do not sum to the {} elements of axis {}", whole, axis);
    }
    return folded(*this, inputs, outputs);
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const int axis = normalized_axis(fields_.axis, x.shape.rank());
    std::int64_t begin = 0;
    for (const View& y : args.outputs) {
      if (y) args.device.copy(sliced(x, axis, begin, y.shape[axis]), y);
      begin += y.shape[axis];
    }
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const int axis = normalized_axis(fields_.axis, dx.view.shape.rank());
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < args.outputs.size(); ++i) {
      const std::int64_t size = args.outputs[i].shape[axis];
      const View part = sliced(dx.view, axis, begin, size);
      if (const ConstView& dy = args.output_gradients[i]) {
        args.device.copy(dy, part, dx.accumulate);
      } else if (!dx.accumulate) {
        args.device.fill(part, 0.0);
      }
      begin += size;
    }
  }

 private:
  Fields fields_;
};

}  // namespace

void register_op_split(OperatorRegistry& registry) {
  registry.add({.name = "Split",
                .doc = "The input cut along an axis, into given sizes or (as in opset 18) a number "
                       "of equal ones; every part is an output.",
                .max_inputs = 2,
                .max_outputs = std::numeric_limits<int>::max(),
                .make = make_operator<Split>});
}

}  // namespace striate
