#include "ops/convolution.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Y = X * W + B, kernels O,I,R,S (1-D: O,I,S), one set of C / group input channels for each group.
class Conv final : public Operator {
 public:
  using Fields = Convolution;
  explicit Conv(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    return {fields_.infer(inputs)};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const override {
    return fields_.cost(inputs, outputs[0]);
  }

  Window window(std::span<const ValueInfo> inputs) const override { return fields_.window(inputs); }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const ConvGeometry g = fields_.geometry(inputs[0].shape, inputs[1].shape);
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.row_major_inputs = {1};
    traits.backward_reads_inputs = true;
    traits.forward_scratch = device.conv_scratch(g, ConvPass::forward);
    traits.prepared = device.conv_prepared(g);
    traits.prepared_from = {1};
    traits.backward_scratch = std::max(device.conv_scratch(g, ConvPass::backward_data),
                                       device.conv_scratch(g, ConvPass::backward_weights));
    return traits;
  }

  void prepare(const PrepareArgs& args) const override {
    const ConvGeometry g = fields_.geometry(args.inputs[0].shape, args.inputs[1].shape);
    args.device.conv_prepare(g, as_kernel(args.inputs[1]), args.prepared);
  }

  void forward(const ForwardArgs& args) const override {
    const ConvGeometry g = fields_.geometry(args.inputs[0].shape, args.inputs[1].shape);
    args.device.conv_forward(g, as_map(args.inputs[0]), as_kernel(args.inputs[1]),
                             {.out = {.shift = at(args.inputs, 2)}}, as_map(args.outputs[0]),
                             args.scratch, args.prepared);
  }

  void backward(const BackwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const ConstView& w = args.inputs[1];
    const ConstView dy = as_map(args.output_gradients[0]);
    const ConvGeometry g = fields_.geometry(x.shape, w.shape);
    if (const InputGradient dx = at(args.input_gradients, 0); dx.view) {
      args.device.conv_backward_data(g, dy, as_kernel(w), as_map(dx.view), dx.accumulate,
                                     args.scratch);
    }
    if (const InputGradient dw = at(args.input_gradients, 1); dw.view) {
      args.device.conv_backward_weights(g, as_map(x), dy, as_kernel(dw.view), dw.accumulate,
                                        args.scratch);
    }
    if (const InputGradient db = at(args.input_gradients, 2); db.view) {
      args.device.reduce_sum(dy, along_channels(db.view, 4), 1.0, db.accumulate);
    }
  }

 private:
  Fields fields_;
};

}  // namespace

void register_op_conv(OperatorRegistry& registry) {
  registry.add({.name = "Conv",
                .doc = "Convolution (cross-correlation) along one or two axes, in groups.",
                .min_inputs = 2,
                .max_inputs = 3,
                .make = make_operator<Conv>});
}

}  // namespace striate
