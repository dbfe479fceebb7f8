#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Girshick, "Fast R-CNN", arXiv:1504.08083, equation 3, with the place beta where the parabola ends
// (1 there; 1 / 9 in Faster R-CNN's code): the sum of weight * l(x - target). What does not count has
// weight 0; what a mean would divide by is in the weights.
class SmoothL1Loss final : public Operator {
 public:
  struct Fields {
    double beta = 1;
    STRIATE_FIELDS(visit("beta", beta, "the difference up to which the loss is a parabola");)
  };
  explicit SmoothL1Loss(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    if (!(fields_.beta >= 0)) fail<ModelError>("beta: expected 0 or more, got {}", fields_.beta);
    const ValueInfo& x = required_float(inputs, 0, "X");
    expect(required(inputs, 1, "target"), x.dtype, x.shape, "target");
    expect(required(inputs, 2, "weight"), x.dtype, x.shape, "weight");
    return {{.dtype = x.dtype, .shape = {}}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.backward_reads_inputs = true;
    traits.no_gradient = {1, 2};
    traits.forward_scratch = traits.backward_scratch =
        scratch_bytes(inputs[0].dtype, inputs[0].shape);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    Scratch scratch(args.scratch);
    const View each = scratch_view(scratch, x);
    apply(args.device, Function::smooth_l1, {x, args.inputs[1]}, each, {fields_.beta});
    apply(args.device, Function::mul, {each, args.inputs[2]}, each);
    args.device.reduce_sum(each, as_scalar(args.outputs[0], x.shape.rank()), 1.0, false);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    Scratch scratch(args.scratch);
    const View slope = scratch_view(scratch, dx.view);
    apply(args.device, Function::mul,
          {args.inputs[2], broadcast(args.output_gradients[0], dx.view.shape)}, slope);
    apply(args.device, Function::smooth_l1_grad, {slope, args.inputs[0], args.inputs[1]}, dx.view,
          {fields_.beta}, dx.accumulate);
  }

 private:
  Fields fields_;
};

}  // namespace

void register_op_smooth_l1_loss(OperatorRegistry& registry) {
  registry.add({.name = "SmoothL1Loss",
                .doc = "The loss of boxes: a parabola near 0, straight beyond, weighted and summed "
                       "(Girshick, arXiv:1504.08083, equation 3; domain striate).",
                .min_inputs = 3,
                .max_inputs = 3,
                .make = make_operator<SmoothL1Loss>});
}

}  // namespace striate
