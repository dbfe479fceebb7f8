#include <array>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// ONNX moved the axes of one reduction after another from an attribute to an input: both forms are
// read.
struct ReduceFields {
  std::vector<std::int64_t> axes;
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  STRIATE_FIELDS(visit("axes", axes, "what is reduced; all where absent");
                 visit("keepdims", keepdims, "keep reduced axes with size 1");
                 visit("noop_with_empty_axes", noop_with_empty_axes, "no axes: reduce nothing");)
};

using Reduced = std::array<bool, Shape::kMaxRank>;

class Reduce : public Operator {
 public:
  explicit Reduce(ReduceFields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "data");
    ConstView axes;
    if (present(inputs, 1)) {
      known_integers(inputs, 1, "the axes");
      axes = std::as_const(*inputs[1].constant).view();
    }
    const Reduced gone = reduced(x.shape, axes);
    Shape shape;
    for (int axis = 0; axis < x.shape.rank(); ++axis) {
      if (!gone[static_cast<std::size_t>(axis)]) {
        shape.push_back(x.shape[axis]);
      } else if (fields_.keepdims) {
        shape.push_back(1);
      }
    }
    return {{.dtype = x.dtype, .shape = shape}};
  }

  Window window(std::span<const ValueInfo> inputs) const override {
    ConstView axes;
    if (present(inputs, 1)) axes = std::as_const(*inputs[1].constant).view();
    const Reduced gone = reduced(inputs[0].shape, axes);
    for (int axis = 2; axis < inputs[0].shape.rank(); ++axis) {
      if (gone[static_cast<std::size_t>(axis)]) return {.kind = Window::Kind::everything};
    }
    return {};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1};
    return traits;
  }

 protected:
  Reduced reduced(const Shape& x, const ConstView& input) const {
    const std::vector<std::int64_t> axes = input ? integers(input) : fields_.axes;
    Reduced result{};
    if (axes.empty() && !fields_.noop_with_empty_axes) result.fill(true);
    for (const std::int64_t axis : axes) {
      result[static_cast<std::size_t>(normalized_axis(axis, x.rank()))] = true;
    }
    return result;
  }

  // The output with the reduced axes put back, of size 1.
  template <class Void>
  static BasicView<Void> restored(const BasicView<Void>& out, const Shape& x, const Reduced& gone) {
    BasicView<Void> result = out;
    result.shape = x;
    const bool kept = out.shape.rank() == x.rank();
    int next = 0;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      if (gone[i]) result.shape[axis] = 1;
      const bool there = kept || !gone[i];
      result.strides[i] = there ? out.stride(next++) : 0;
    }
    return result;
  }

 private:
  ReduceFields fields_;
};

template <bool mean>
class ReduceAdd final : public Reduce {
 public:
  using Fields = ReduceFields;
  using Reduce::Reduce;

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const Reduced gone = reduced(x.shape, at(args.inputs, 1));
    args.device.reduce_sum(x, restored(args.outputs[0], x.shape, gone), factor(x.shape, gone),
                           false);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Reduced gone = reduced(dx.view.shape, at(args.inputs, 1));
    const ConstView dy = restored(args.output_gradients[0], dx.view.shape, gone);
    apply(args.device, Function::scale, {broadcast(dy, dx.view.shape)}, dx.view,
          {factor(dx.view.shape, gone)}, dx.accumulate);
  }

 private:
  static double factor(const Shape& x, const Reduced& gone) {
    double count = 1;
    for (int axis = 0; mean && axis < x.rank(); ++axis) {
      if (gone[static_cast<std::size_t>(axis)]) count *= static_cast<double>(x[axis]);
    }
    return 1.0 / count;
  }
};

// Equals share the gradient, as PyTorch's amax has it.
class ReduceMax final : public Reduce {
 public:
  using Fields = ReduceFields;
  using Reduce::Reduce;

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    std::vector<ValueInfo> outputs = Reduce::infer(inputs);
    if (inputs[0].shape.elements() == 0 && outputs[0].shape.elements() != 0) {
      fail<ModelError>("expected at least one element, got {}", inputs[0].shape.str());
    }
    return outputs;
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    Traits traits = Reduce::traits(device, inputs, outputs);
    traits.backward_reads_inputs = true;
    traits.backward_reads_outputs = true;
    traits.backward_scratch = scratch_bytes(outputs[0].dtype, {1}) +
                              scratch_bytes(outputs[0].dtype, inputs[0].shape) +
                              2 * scratch_bytes(outputs[0].dtype, outputs[0].shape);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const Reduced gone = reduced(x.shape, at(args.inputs, 1));
    args.device.reduce_max(x, restored(args.outputs[0], x.shape, gone));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Device& device = args.device;
    const ConstView& x = args.inputs[0];
    const Reduced gone = reduced(x.shape, at(args.inputs, 1));
    const ConstView y = restored(args.outputs[0], x.shape, gone);
    const ConstView dy = restored(args.output_gradients[0], x.shape, gone);
    Scratch scratch(args.scratch);
    const View one = scratch_view(scratch, x.dtype, {1});
    const View equal = scratch_view(scratch, x);
    const View count = scratch_view(scratch, x.dtype, y.shape);
    const View share = scratch_view(scratch, x.dtype, y.shape);
    device.fill(one, 1.0);
    apply(device, Function::pass_equal, {broadcast(one, x.shape), x, broadcast(y, x.shape)}, equal);
    device.reduce_sum(equal, count, 1.0, false);
    apply(device, Function::div, {dy, count}, share);
    apply(device, Function::pass_equal, {broadcast(share, x.shape), x, broadcast(y, x.shape)},
          dx.view, {}, dx.accumulate);
  }
};

}  // namespace

void register_op_reduce(OperatorRegistry& registry) {
  registry.add({.name = "ReduceSum",
                .doc = "The sum over some axes.",
                .max_inputs = 2,
                .make = make_operator<ReduceAdd<false>>});
  registry.add({.name = "ReduceMean",
                .doc = "The mean over some axes.",
                .max_inputs = 2,
                .make = make_operator<ReduceAdd<true>>});
  registry.add({.name = "ReduceMax",
                .doc = "The largest element over some axes; equals share the gradient.",
                .max_inputs = 2,
                .make = make_operator<ReduceMax>});
}

}  // namespace striate
